"""A purge that is interrupted: wholly there or not at all, and finished by the next start. A reader in the way delays it."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from attache import clock
from gateway.app import open_gateway
from gateway.exchange.ending import purge
from gateway.exchange.ending.purge import Cause, Place, finish_purges, purge_package, sign_before_purge
from gateway.exchange.ending.purge_order import approve_purge
from gateway.exchange.kernel.work import SYSTEM
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import PackageExported
from gateway.identity.caller import Caller
from gateway.settings import load_settings
from gateway.store.group_commit import GroupCommit
from gateway.store.key_store import KeyStore
from gateway.store.sql_store import SqlStore
from gateway.upkeep import keep_up
from tests.purge.scene import PLAIN, THEM, US, found_in, open_scene

PROCESSES = multiprocessing.get_context("forkserver")
POINTS = ("keep_keys", "commit", "lock_checkpoint", "blobs", "keys")
"""Steps of a purge; the process is killed behind each."""


def state(place):
    return place.root / US / "state"


def die(*_) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_behind(point: str) -> None:
    """Make this process end, as kill -9 does, behind the named step."""
    owner, name = {
        "blobs": (SqlStore, "_destroy"),
        "keys": (KeyStore, "destroy"),
    }.get(point, (GroupCommit, point))
    original = getattr(owner, name)

    def step(self, *arguments):
        if point == "blobs":
            for blob_id in arguments[1]:
                self.blobs.delete(blob_id)
            die()
        original(self, *arguments)
        die()

    setattr(owner, name, step)


def purge_until_killed(config: str, purge_id: str, point: str) -> None:
    """The life of a gateway whose second officer confirms a purge."""

    async def story():
        async with open_gateway(load_settings(Path(config))) as gateway:
            officer = Caller("second-officer", "console", "pseudonym", frozenset(), clock.now() + timedelta(hours=1))
            dying_behind(point)
            await approve_purge(gateway.agency, officer, purge_id, "compared")

    asyncio.run(story())


@pytest.mark.parametrize("point", POINTS)
def test_killed_behind_a_step_of_the_purge(place, point):
    async def ordered():
        async with open_scene(place) as scene:
            package_id, arrival_id = await scene.package(), await scene.arrival()
            places = (US, package_id), (THEM, arrival_id)
            secrets = [secret for where in places for secret in await scene.sealed(where[1], where[0])]
            purge_id = (await scene.order(*places)).json()["purge_id"]
            await sign_before_purge(
                scene.agency, Place(THEM, arrival_id)
            )  # the purge is to be the first that is written
            return places, secrets, purge_id

    places, secrets, purge_id = asyncio.run(ordered())
    process = PROCESSES.Process(
        target=purge_until_killed, args=(str(place.root / US / "gateway.toml"), purge_id, point)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL

    async def started_again():
        async with open_scene(place) as scene:
            is_purged = {
                (await scene.head(package_id, originator)).purged_at is not None for originator, package_id in places
            }
            assert is_purged == {point != "keep_keys"}, "all of it or nothing"
            if point == "keep_keys":
                assert (await scene.approve(purge_id)).status_code == 200
            else:
                desk = await scene.desk()
                assert (await desk.post(f"/inbox/{THEM}/{places[1][1]}/open")).status_code == 410
                assert (await scene.audit()).findings == (), "also before it is finished"
                await keep_up(scene.agency)
            for originator, package_id in places:
                assert (await scene.tombstone(package_id, originator)).destroyed_at is not None
            assert found_in(state(place), [*PLAIN, *secrets]) == []
            assert (await scene.audit()).findings == ()

    asyncio.run(started_again())


def test_a_reader_of_the_state_before_delays_the_keys_and_upkeep_finishes(place):
    """Who began to read before the purge reads on, and opens what it sees; then the rest goes."""

    async def story():
        async with open_scene(place) as scene:
            package_id = await scene.package()
            secrets = await scene.sealed(package_id)
            with closing(sqlite3.connect(scene.database, isolation_level=None)) as reader:
                reader.execute("begin")
                reader.execute("select count(*) from package").fetchall()
                await scene.purged((US, package_id))
                assert (await scene.tombstone(package_id)).destroyed_at is None
                vault = scene.agency.vault.of(US, package_id)
                [[sealed]] = reader.execute("select facts_sealed from package where package_id = ?", (package_id,))
                assert vault.open(sealed, "package", package_id)["title"] == "Zq-title-Zq"
                assert (await scene.head(package_id)).facts_sealed == b""
                assert not await finish_purges(scene.agency)
                assert (
                    await (await scene.desk()).get(f"/packages/{package_id}/sealed/partner-bogota")
                ).status_code == 410
            assert await finish_purges(scene.agency)
            assert (await scene.tombstone(package_id)).destroyed_at is not None
            assert found_in(state(place), [*PLAIN, *secrets]) == []

    asyncio.run(story())


def test_very_many_entries_are_named_in_several(place, monkeypatch):
    monkeypatch.setattr(purge, "_INDEXES_AT_ONCE", 3)

    async def story():
        async with open_scene(place) as scene:
            package_id = await scene.package()
            count = len(scene.private_sides(package_id))
            await scene.purged((US, package_id))
            entries = await scene.gateway.entries()
            assert entries.count("purge.done") == -(-count // 3) > 1
            assert (await scene.audit()).findings == ()

    asyncio.run(story())


def test_a_refused_purge_leaves_the_key_in_use(place):
    """The unit retires the data key before it fails: what is undone is undone there as well."""

    async def story():
        async with open_scene(place) as scene:
            package_id, agency = await scene.package(), scene.agency
            before = await scene.gateway.footprint()

            def failing(work):
                purge_package(agency, work, Place(US, package_id), Cause())
                raise LookupError

            with pytest.raises(LookupError):
                await agency.commit(SYSTEM, failing)
            assert await scene.gateway.footprint() == before
            exported = await (await scene.desk()).get(f"/packages/{package_id}/sealed/partner-bogota")
            assert exported.status_code == 200, "and it is logged under the key"
            assert (await scene.audit()).findings == ()
            assert scene.private_sides(package_id)

    asyncio.run(story())


def test_entries_of_the_same_commit_are_purged_with_it(place):
    """A submission and its purge in one group: nothing of the one is left by the other."""

    async def story():
        async with open_scene(place) as scene:
            package_id, agency = await scene.package(), scene.agency
            about = ReleaseIds(package_id=package_id, originator=US, recipient="partner-bogota")

            exported = PackageExported(about=about, envelope_sha256="ab" * 32, bytes=7)

            def failing(work):
                purge_package(agency, work, Place(US, package_id), Cause())
                raise LookupError

            answers = await asyncio.gather(
                agency.commit(SYSTEM, lambda work: work.log(exported)),
                agency.commit(SYSTEM, failing),
                agency.commit(SYSTEM, lambda work: purge_package(agency, work, Place(US, package_id), Cause())),
                agency.commit(SYSTEM, lambda work: work.log(exported)),
                return_exceptions=True,
            )
            assert isinstance(answers[1], LookupError)
            first, last = answers[0], answers[3]
            await finish_purges(agency)
            entries = await agency.store.read_log(lambda log: [log.entry(first), log.entry(last)])
            assert [{o.group.value for o in each.openings} & {"record"} for each in entries] == [set(), {"record"}]
            assert (await scene.audit()).findings == ()

    asyncio.run(story())
