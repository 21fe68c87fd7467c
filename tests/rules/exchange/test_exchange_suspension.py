"""Suspending while other things go on: the newest word counts, and nothing is given up."""

import asyncio
from dataclasses import replace

from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import OutboxRecord, Query, ReleaseRecord
from gateway.exchange.kernel.state import OutboxState, ReleaseState
from gateway.exchange.oversight.participants import load_directory, set_status
from gateway.identity.caller import Caller, Role
from gateway.partners import ParticipantStatus

SUSPENDED = ParticipantStatus.SUSPENDED


class SlowStore:
    """A store whose first reading is answered only once `go` is set."""

    def __init__(self, store, go: asyncio.Event):
        self._store, self._go, self._readings = store, go, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def read(self, query):
        self._readings += 1
        is_first = self._readings == 1
        answer = await self._store.read(query)
        if is_first:
            await self._go.wait()
        return answer


class SuspendingStore:
    """A store at which, right after the next commit, a partner is suspended."""

    def __init__(self, agency):
        self._agency = agency

    def __getattr__(self, name):
        return getattr(self._agency.store, name)

    async def write(self, unit):
        answer = await self._agency.store.write(unit)
        admin = Caller("admin", "client", "p", frozenset({Role.PARTNER_ADMIN}), self._agency.clock())
        await set_status(self._agency, admin, "partner-frankfurt", SUSPENDED)
        return answer


async def committed(store, participant: str) -> None:
    """Return once the participant's suspension is."""
    while True:
        changed = store.changed()
        if (await load_directory(store)).partner(participant).status is SUSPENDED:
            return
        await changed.wait()


def test_two_suspensions_at_once_both_hold(place):
    async def story():
        async with place.open() as gateway:
            go = asyncio.Event()
            agency = replace(gateway.agency, store=SlowStore(gateway.agency.store, go))
            admin = Caller("admin", "client", "p", frozenset({Role.PARTNER_ADMIN}), agency.clock())
            first = asyncio.create_task(set_status(agency, admin, "europol", SUSPENDED))
            await committed(gateway.agency.store, "europol")
            second = asyncio.create_task(set_status(agency, admin, "partner-bogota", SUSPENDED))
            await committed(gateway.agency.store, "partner-bogota")
            go.set()
            await asyncio.gather(first, second)
            statuses = {name: partner.status for name, partner in gateway.agency.directory.partners.items()}
            assert {name for name, status in statuses.items() if status is SUSPENDED} == {"europol", "partner-bogota"}

    asyncio.run(story())


def test_what_was_claimed_just_before_a_suspension_waits(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(analyst)
            agency = replace(gateway.agency, store=SuspendingStore(gateway.agency))
            assert await Outbox(agency).claim(10, frozenset()) == []
            [row] = await gateway.agency.store.read(lambda reader: reader.find(Query(OutboxRecord)))
            assert (row.state, row.problem) == (OutboxState.PENDING, "partner-suspended")
            life = await gateway.agency.store.read(
                lambda reader: reader.get(ReleaseRecord.key(package_id, "partner-frankfurt"))
            )
            assert life.state is ReleaseState.DELIVERING
            assert "package.undeliverable" not in await gateway.entries()

    asyncio.run(story())
