"""The Transaction port: one unit of work inside the writer's transaction."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from attache.errors import Conflict
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.ports import PurgedEntries
from gateway.exchange.kernel.records import Key, OutboxRecord, Record, key_names, key_of
from gateway.exchange_log import Entry
from gateway.store.log_book import LogBook
from gateway.store.log_view import LogView
from gateway.store.outbox import claim_outbox, free_outbox
from gateway.store.reading import SqlReader
from gateway.store.row_digests import RowMark, is_committed, mark_of, may_be_progress, removed
from gateway.store.statements import SQL, was

R = TypeVar("R", bound=Record)


class SqlTransaction(SqlReader):
    """A reader that can also write. It sees the changes of earlier units in the same group, because they commit
    together or not at all.
    """

    def __init__(self, connection: Connection, log: LogView, book: LogBook) -> None:
        super().__init__(connection, log)
        self._book = book
        self._written: dict[Key[Any], Record] = {}
        self._removed: dict[Key[Any], Record] = {}
        self.has_written = False

    def marks(self) -> list[RowMark]:
        """The marks of the rows that this unit has written, as far as the log commits to them."""
        left = [mark_of(record) for record in self._written.values() if is_committed(record)]
        return left + [removed(record) for record in self._removed.values()]

    def _wrote(self, record: Record) -> None:
        self._removed.pop(key_of(record), None)
        self._written[key_of(record)] = record
        self.has_written = True

    def add(self, record: Record) -> None:
        """See exchange.kernel.ports.Transaction."""
        if SQL[type(record)].add.run(self._driver, vars(record)).rowcount == 0:
            raise Conflict(detail=f"{type(record).__name__}: the key exists already")
        self._wrote(record)

    def put(self, before: R, after: R) -> R:
        """See exchange.kernel.ports.Transaction. Every field of the row must still be as in `before`. If both records
        are equal, it only checks that.
        """
        if key_of(before) != key_of(after):
            raise ValueError(f"{type(before).__name__}: the key of a record cannot change")
        changed = {name: value for name, value in vars(after).items() if value != getattr(before, name)}
        values = changed or dict(zip(key_names(type(before)), key_of(before).values, strict=True))
        if SQL[type(before)].change(values).run(self._driver, {**was(before), **values}).rowcount == 0:
            raise Conflict(detail=f"{type(before).__name__}: gone, or changed since it was read")
        if changed:
            self.has_written = True
            if not may_be_progress(before, changed) or _mark(before) != _mark(after):
                self._wrote(after)
        return after

    def remove(self, record: Record) -> None:
        """See exchange.kernel.ports.Transaction."""
        if SQL[type(record)].remove.run(self._driver, was(record)).rowcount == 0:
            raise Conflict(detail=f"{type(record).__name__}: gone, or changed since it was read")
        self._written.pop(key_of(record), None)
        self._removed[key_of(record)] = record
        self.has_written = True

    def log(self, entry: Entry) -> int:
        """See exchange.kernel.ports.Transaction."""
        self.has_written = True
        return self._book.append(entry)

    def purge_entries(self, originator: ParticipantId, package_id: PackageId) -> PurgedEntries:
        """See exchange.kernel.ports.Transaction."""
        self.has_written = True
        return self._book.purge(self._connection, originator, package_id)

    def claim_outbox(
        self,
        now: datetime,
        lease_until: datetime,
        limit: int,
        busy: frozenset[str],
    ) -> list[OutboxRecord]:
        """See exchange.kernel.ports.Transaction."""
        claimed = claim_outbox(self._connection, now, lease_until, limit, busy)
        self.has_written = self.has_written or bool(claimed)
        return claimed

    def free_outbox(self, now: datetime) -> int:
        """See exchange.kernel.ports.Transaction."""
        freed = free_outbox(self._connection, now)
        self.has_written = self.has_written or bool(freed)
        return freed


def _mark(record: Record) -> RowMark | None:
    return mark_of(record) if is_committed(record) else None
