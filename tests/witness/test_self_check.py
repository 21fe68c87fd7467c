"""The gateway finds out by itself that somebody was at its database."""

import asyncio
import sqlite3

from gateway.exchange.kernel.records import PackageRecord
from tests.exchange_place import problem


async def nothing(_):
    """A pause that passes no time."""


def test_a_sound_pass_is_logged_and_a_spoiled_row_is_an_alarm_that_stops_release(place):
    async def story():
        async with place.open() as ours:
            check, analyst = ours.gateway.self_check, await ours.caller("analyst")
            check._pause = nothing
            package_id = await ours.released(analyst)
            assert (await check.run_pass()).findings == ()
            assert (await ours.entries())[-1] == "log.checked"
            assert check.progress.size == await ours.agency.store.read_log(lambda log: log.size) - 1
            database = ours.settings.database_url.removeprefix("sqlite:///")
            connection = sqlite3.connect(database)
            connection.execute("UPDATE release SET recipient = 'europol'")
            connection.commit()
            assert len((await check.run_pass()).findings) == 2, "one is missing, another was added"
            assert (await ours.entries())[-1] == "log.alarm"
            size = len(await ours.entries())
            await check.run_pass()
            assert len(await ours.entries()) == size, "the same finding is logged once"
            ready = await (await ours.client(ours.gateway.agency_api, "", {})).get("/readyz")
            assert (ready.status_code, ready.json()["failed"]) == (503, ["records"])
            assert problem(await ours.submit(analyst)) == "release-stopped"
            connection.execute("UPDATE release SET recipient = 'partner-frankfurt'")
            connection.commit()
            connection.close()
            assert (await check.run_pass()).findings == ()
            assert (await ours.submit(analyst)).status_code == 202
            assert await ours.agency.store.read(lambda r: r.get(PackageRecord, package_id))

    asyncio.run(story())


def test_a_spoiled_leaf_is_an_alarm_too(place):
    async def story():
        async with place.open() as ours:
            ours.gateway.self_check._pause = nothing
            await ours.released(await ours.caller("analyst"))
            connection = sqlite3.connect(ours.settings.database_url.removeprefix("sqlite:///"))
            connection.execute("UPDATE log_entry SET code = 'package.denied' WHERE entry_index = 3")
            connection.commit()
            connection.close()
            [finding] = (await ours.gateway.self_check.run_pass()).findings
            assert "entry 3" in finding

    asyncio.run(story())
