"""An outbox, a partner and a clock in memory."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from attache.errors import AttacheError, SignatureInvalid
from gateway.exchange.kernel.consignment import Consignment, OutgoingPackage
from gateway.exchange.kernel.records import OutboxKind, OutboxRecord
from gateway.exchange.kernel.state import OutboxState

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


class ManualClock:
    """Time that passes only when somebody waits for it."""

    def __init__(self):
        self.now = START
        self.waited: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        for _ in range(20):
            await asyncio.sleep(0)  # whatever can run now runs first, and may cancel this wait
        self.now += timedelta(seconds=seconds)


def a_row(number: int, partner: str, **changes) -> OutboxRecord:
    row = OutboxRecord(
        outbox_id=f"row-{number}",
        kind=OutboxKind.PACKAGE,
        partner=partner,
        originator="irs-ci",
        package_id=f"package-{number}",
        subject="",
        state=OutboxState.PENDING,
        created_at=START,
        due_at=START,
        deadline_at=START + timedelta(days=1),
        lease_until=START - timedelta(seconds=1),
    )
    return replace(row, **changes)


class FakeOutbox:
    """Implements the port over a dict. `broken` is raised by the next call of `claim`."""

    def __init__(self, clock: ManualClock):
        self.clock = clock
        self.rows: dict[str, OutboxRecord] = {}
        self.settled: list[tuple[str, bytes | None]] = []
        self.refused: list[tuple[str, str]] = []
        self.postponed: list[tuple[str, str, datetime]] = []
        self.claims: list[tuple[int, frozenset[str]]] = []
        self.unproven: set[str] = set()
        self.broken: Exception | None = None
        self._changed = asyncio.Event()
        self.idle = asyncio.Event()
        self.is_used = False

    def add(self, *rows: OutboxRecord) -> None:
        self.is_used = True
        self.rows |= {row.outbox_id: row for row in rows}
        self._tell()

    async def claim(self, limit, busy):
        self.claims.append((limit, busy))
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        now = self.clock()
        due = [r for r in self.rows.values() if r.due_at <= now and r.lease_until <= now and r.partner not in busy]
        claimed = [replace(row, lease_until=now + timedelta(minutes=5)) for row in due[:limit]]
        self.rows |= {row.outbox_id: row for row in claimed}
        self._tell()
        package = OutgoingPackage(b"frame", ())
        return [Consignment(row, "https://partner.example/exchange/v1", None, package) for row in claimed]

    async def settle(self, consignment, receipt):
        if consignment.outbox.outbox_id in self.unproven:
            raise SignatureInvalid
        self.settled.append((consignment.outbox.outbox_id, receipt))
        self._close(consignment)

    async def refuse(self, consignment, error):
        self.refused.append((consignment.outbox.outbox_id, error.code))
        self._close(consignment)

    async def postpone(self, consignment, error, due_at):
        row = self.rows[consignment.outbox.outbox_id]
        self.postponed.append((row.outbox_id, error.code, due_at))
        self.rows[row.outbox_id] = replace(row, due_at=due_at, lease_until=self.clock(), attempts=row.attempts + 1)
        self._tell()

    async def next_due(self):
        waiting = [max(row.due_at, row.lease_until) for row in self.rows.values()]
        if self.is_used and not self.rows:
            self.idle.set()
        return min(waiting, default=None)

    async def changed(self):
        await self._changed.wait()

    def _close(self, consignment):
        del self.rows[consignment.outbox.outbox_id]
        self._tell()

    def _tell(self):
        self._changed.set()
        self._changed = asyncio.Event()


class FakePartners:
    """A carrier. `answers` holds, for each partner, what the next attempts meet: an error, or an event to wait for."""

    def __init__(self):
        self.answers: dict[str, list[AttacheError | asyncio.Event]] = {}
        self.carried: list[str] = []
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}

    async def carry(self, consignment):
        partner = consignment.outbox.partner
        self.carried.append(consignment.outbox.outbox_id)
        self.running[partner] = self.running.get(partner, 0) + 1
        self.most[partner] = max(self.most.get(partner, 0), self.running[partner])
        try:
            answer = self.answers[partner].pop(0) if self.answers.get(partner) else None
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                await answer.wait()
            return b"receipt for " + consignment.outbox.package_id.encode()
        finally:
            self.running[partner] -= 1
