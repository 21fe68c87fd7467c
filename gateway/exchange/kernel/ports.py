"""What the use cases need of the world, as Protocols. The store, the blobs and delivery implement them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar

from attache.package.ids import PackageId, ParticipantId
from attache.translog.tiles import Tile
from gateway.exchange.kernel.records import (
    ArrivalRecord,
    HoldRecord,
    Key,
    OutboxRecord,
    PackageRecord,
    Query,
    Record,
)
from gateway.exchange_log import Entry, EventCode
from gateway.exchange_log.leaf import Opening

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class LogProof:
    """An entry and its place in our log: the signed checkpoint note, and the inclusion proof that leads to its root."""

    origin: str
    index: int
    leaf: bytes
    checkpoint: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class LoggedEntry:
    """An entry: its leaf (gateway.exchange_log.leaf.parse_leaf reads it) and its private side, empty once purged."""

    index: int
    leaf: bytes
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class PurgedEntries:
    """Which log entries lost their private side, and which groups of it were there."""

    indexes: tuple[int, ...] = ()
    groups: frozenset[str] = frozenset()

    def with_entry(self, index: int, groups: frozenset[str]) -> "PurgedEntries":
        """One more."""
        return PurgedEntries((*self.indexes, index), self.groups | groups)


@dataclass(frozen=True)
class LogFilter:
    """Which entries a search wants; the ids are real ones, not pseudonyms."""

    code: EventCode | None = None
    actor: str | None = None
    package_id: PackageId | None = None
    partner: ParticipantId | None = None
    outcome: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """When it happened: from `since` on, before `until`."""


@dataclass(frozen=True)
class LogAudit:
    """What was verified: `size` entries under `root`, of which `purged` have no private side any more.

    `findings`: database rows that are not what the log says, in words.
    """

    origin: str
    size: int
    root: bytes
    purged: int
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queue:
    """What a partner has yet to get, and when the longest due of it was due."""

    pending: int
    due_at: datetime


@dataclass(frozen=True)
class Tallies:
    """The counts of what waits for an action: the outbox by partner, approvals by post, reviews."""

    outbox: Mapping[str, Queue]
    approvals: Mapping[str, int]
    reviews_open: int
    reviews_overdue: int


class RecordsCheck(Protocol):
    """One pass over log and records, a bounded slice at a time."""

    @property
    def checked(self) -> int:
        """How many entries were verified so far."""
        ...

    async def step(self) -> LogAudit | None:
        """The next slice; what was verified when all was. Raises IntegrityLost for a log that does not add up."""
        ...


class LogReader(Protocol):
    """A consistent view of the exchange log, up to its newest checkpoint."""

    @property
    def checkpoint(self) -> bytes: ...

    @property
    def size(self) -> int: ...

    def entries_after(self, after: int, limit: int, wanted: LogFilter | None = None) -> list[LoggedEntry]:
        """Entries in the order of the log, keyset-paged by index: those above `after` (-1 for all)."""
        ...

    def entry(self, index: int) -> LoggedEntry:
        """One entry; raises NotFound beyond the checkpoint."""
        ...

    def resource(self, path: str) -> bytes:
        """What C2SP tlog-tiles serves under `path`; raises MalformedInput, NotFound."""
        ...

    def read_tile(self, tile: Tile) -> bytes:
        """A tile of hashes, as wide as asked for: what proofs are made from (attache.translog.tiles.TileHashes)."""
        ...

    def prove_entry(self, index: int) -> LogProof:
        """The inclusion proof of an entry; raises NotFound beyond the checkpoint."""
        ...

    def prove_consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """That the tree of `new_size` extends that of `old_size`;
        raises NotFound beyond the checkpoint, MalformedInput.
        """
        ...


class Reader(Protocol):
    """A consistent view of what is committed."""

    def get(self, key: Key[R]) -> R | None:
        """The record with this key; None if there is none."""
        ...

    def find(self, query: Query[R]) -> list[R]:
        """The records that the query wants, in its order.
        Raises AttacheError for a query without a limit that finds too many.
        """
        ...

    def packages_due(self, own: str, now: datetime, limit: int) -> list[PackageRecord]:
        """Packages of ours (`own` is our id) that upkeep is to look at for their purge, the first first;
        none that a legal hold keeps.
        """
        ...

    def arrivals_due(self, now: datetime, limit: int) -> list[ArrivalRecord]:
        """The same of what came to us."""
        ...

    def holds_after(self, after: str, limit: int) -> list[HoldRecord]:
        """Legal holds newest first, those with an id below `after` (all when empty):
        the rows of at most `limit` holds.
        """
        ...

    def tallies(self, now: datetime) -> Tallies:
        """The counts of what waits for an action."""
        ...

    def outbox_due(self, busy: frozenset[str] = frozenset()) -> datetime | None:
        """When the next pending row of a partner that is not busy is due or
        its lease runs out; None if there is none.
        """
        ...

    def prove_entry(self, index: int) -> LogProof:
        """The inclusion proof of an entry under the newest checkpoint."""
        ...


class Transaction(Reader, Protocol):
    """One unit of work. What it reads is what it will commit on: there is one writer."""

    def add(self, record: Record) -> None:
        """Insert; raises Conflict if the key exists."""
        ...

    def put(self, before: R, after: R) -> R:
        """Replace a record by one with the same key, and return that;
        raises Conflict if `before` is gone or was changed since read.
        """
        ...

    def remove(self, record: Record) -> None:
        """Delete an existing record; raises Conflict if it is gone or was changed since read."""
        ...

    def log(self, entry: Entry) -> int:
        """Append an entry to the exchange log, in this very commit; returns its index."""
        ...

    def purge_entries(self, originator: ParticipantId, package_id: PackageId) -> PurgedEntries:
        """Take out the private side of every log entry about this package.
        From here on nothing is sealed under its data key.

        The digests of database rows stay: the rows of others are among them.
        The key itself is for `Store.destroy`, after the commit.
        """
        ...

    def claim_outbox(
        self,
        now: datetime,
        lease_until: datetime,
        limit: int,
        busy: frozenset[str],
    ) -> list[OutboxRecord]:
        """Lease at most `limit` rows that are due and not leased, fair between partners,
        none of a partner in `busy`.
        """
        ...

    def free_outbox(self, now: datetime) -> int:
        """End every lease, for a process that has just begun: who held one is gone. Returns how many."""
        ...


class Store(Protocol):
    """The database. A unit runs on the writer's thread; several units share one commit, each alone in its savepoint."""

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        """Run `unit`, and return its answer only after the commit that holds it is durable and its checkpoint locked.

        An error that `unit` raises undoes the unit alone, and is raised here.
        """
        ...

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run `query` on a consistent view, off the event loop."""
        ...

    async def read_log(self, query: Callable[[LogReader], T]) -> T:
        """Run `query` on a consistent view of the exchange log, off the event loop."""
        ...

    async def copy_to(self, target: Path) -> None:
        """Copy what is committed into a new file, durably."""
        ...

    async def destroy(self, packages: Sequence[tuple[ParticipantId, PackageId]], blob_ids: Sequence[str]) -> bool:
        """Destroy the data keys of purged packages, by originator and id, and these blobs, for good;
        so that no file holds them any more.

        False where a reader still sees the state before the purge:
        then the keys are still there, and it is to be tried again.
        """
        ...

    def begin_check(self) -> RecordsCheck:
        """A new pass that compares the log with itself and every record with the log."""
        ...

    def changed(self) -> asyncio.Event:
        """An event that the next commit sets. Take it, look, and wait for it only if what you saw was not enough."""
        ...


class BlobWriter(Protocol):
    """A blob in the making. Nothing is visible under its id until `commit` returns."""

    blob_id: str

    def write(self, data: bytes) -> None: ...

    def commit(self) -> str:
        """Make it durable (fsync, rename, fsync of the folder) and visible; returns its id."""
        ...

    def abandon(self) -> None:
        """Forget it; nothing is left."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Blobs(Protocol):
    """Ciphertext by id. Blocking; call it off the event loop."""

    def create(self) -> BlobWriter: ...

    def reserve(self, size: int) -> str:
        """A blob of `size` bytes to be filled block by block with `write_at`; visible to `open` at once."""
        ...

    def write_at(self, blob_id: str, offset: int, data: bytes) -> None:
        """Write into a reserved blob; durable only after `sync`."""
        ...

    def sync(self, blob_id: str) -> None: ...

    def open(self, blob_id: str) -> BinaryIO:
        """Raises IntegrityLost if the blob is gone."""
        ...

    def chunks(self, blob_id: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end` in pieces of at most 1 MiB."""
        ...

    def delete(self, blob_id: str) -> None:
        """Remove it if it is there."""
        ...
