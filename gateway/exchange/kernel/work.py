"""A unit of work: a transaction, by whom, when, and for which HTTP request.
The log says the same of each of its entries.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from attache.clock import Clock
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.ports import LogProof, PurgedEntries, Store, Tallies, Transaction
from gateway.exchange.kernel.records import ArrivalRecord, HoldRecord, Key, OutboxRecord, PackageRecord, Query, Record
from gateway.exchange_log import Entry, Event, entry_of
from gateway.identity.caller import Caller

R = TypeVar("R", bound=Record)
T = TypeVar("T")

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the HTTP request that is being served; every entry that comes of it names it."""

SYSTEM = "system"
"""The gateway itself, where neither a caller nor a participant is the cause."""


@dataclass(frozen=True)
class Work:
    """What it writes and what it logs commit together, or not at all. It is a `Reader`, and reads what it wrote."""

    by: Caller | str
    """A caller, a participant's id, or SYSTEM."""
    at: datetime
    request_id: str | None
    _tx: Transaction = field(repr=False)

    @property
    def caller(self) -> Caller:
        """The caller that asks for it. Raises TypeError where none does: a mistake in the program."""
        if not isinstance(self.by, Caller):
            raise TypeError("a unit of work that no caller asked for")
        return self.by

    def log(self, event: Event, *, by: Caller | str | None = None) -> int:
        """Append an entry to the exchange log; returns its index. `by`: where it is not the cause of the whole unit."""
        return self._tx.log(entry(event, self.at, self.by if by is None else by, self.request_id))

    # As in ports.Transaction

    def add(self, record: Record) -> None:
        self._tx.add(record)

    def put(self, before: R, after: R) -> R:
        return self._tx.put(before, after)

    def remove(self, record: Record) -> None:
        self._tx.remove(record)

    def claim_outbox(
        self, now: datetime, lease_until: datetime, limit: int, busy: frozenset[str]
    ) -> list[OutboxRecord]:
        return self._tx.claim_outbox(now, lease_until, limit, busy)

    def free_outbox(self, now: datetime) -> int:
        return self._tx.free_outbox(now)

    def purge_entries(self, originator: ParticipantId, package_id: PackageId) -> PurgedEntries:
        return self._tx.purge_entries(originator, package_id)

    # As in ports.Reader

    def get(self, key: Key[R]) -> R | None:
        return self._tx.get(key)

    def find(self, query: Query[R]) -> list[R]:
        return self._tx.find(query)

    def packages_due(self, own: str, now: datetime, limit: int) -> list[PackageRecord]:
        return self._tx.packages_due(own, now, limit)

    def arrivals_due(self, now: datetime, limit: int) -> list[ArrivalRecord]:
        return self._tx.arrivals_due(now, limit)

    def holds_after(self, after: str, limit: int) -> list[HoldRecord]:
        return self._tx.holds_after(after, limit)

    def tallies(self, now: datetime) -> Tallies:
        return self._tx.tallies(now)

    def outbox_due(self, busy: frozenset[str] = frozenset()) -> datetime | None:
        return self._tx.outbox_due(busy)

    def prove_entry(self, index: int) -> LogProof:
        return self._tx.prove_entry(index)


def entry(event: Event, at: datetime, by: Caller | str, request_id: str | None) -> Entry:
    """The entry of an event. See `Work`, which logs all but what is counted before it is written."""
    actor, client = (by.subject, by.client_id) if isinstance(by, Caller) else (by, None)
    return entry_of(event, at=at, actor=actor, client=client, request_id=request_id)


async def commit(
    store: Store, clock: Clock, by: Caller | str, unit: Callable[[Work], T], *, at: datetime | None = None
) -> T:
    """Run a unit of work on the writer's thread; its answer, after its commit is durable.
    See Store.write for its errors.

    It happens `at` this instant, or, without one, when its turn comes.
    """
    request_id = REQUEST_ID.get()
    return await store.write(lambda tx: unit(Work(by, at or clock(), request_id, tx)))
