"""The exchange log as the writer holds it: the head in memory, and the entries that its present transaction adds."""

from collections.abc import Collection

from sqlalchemy import Connection

from attache.clock import Clock
from gateway.exchange.logged import SYSTEM
from gateway.exchange_log import Event, EventCode, Group
from gateway.exchange_log.batch import LogHead, integrate
from gateway.exchange_log.leaf import make_leaf
from gateway.store.columns import stored_instant
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import seal_openings, search_columns
from gateway.store.log_rows import EntryRow, write_batch
from gateway.store.row_digests import RowMark, encode_marks


class LogBook:
    """Appends to one log. Used by the writer's thread alone."""

    def __init__(self, head: LogHead, keys: LogKeys, clock: Clock) -> None:
        self.head = head
        """The log as it is committed."""
        self._keys = keys
        self._clock = clock
        self._pending: list[EntryRow] = []
        self._events: list[Event] = []
        """Those of the unit that runs now."""
        self._next = head

    def append(self, event: Event) -> int:
        """The index that the event has if its unit and its transaction commit."""
        index = self.head.size + len(self._pending) + len(self._events)
        self._events.append(event)
        return index

    def close_unit(self, marks: Collection[RowMark]) -> None:
        """End a unit: its last entry commits to the rows that it left. One that changed rows and logged nothing gets an entry.

        Raises ValueError for an event that the catalogue does not allow; the unit is to be undone then.
        """
        if marks and not self._events:
            tables = {table: sum(mark.table == table for mark in marks) for table in sorted({m.table for m in marks})}
            self.append(Event(EventCode.RECORDS_CHANGED, self._clock(), SYSTEM, {}, {Group.RECORD: {"tables": tables}}))
        for number, event in enumerate(self._events, 1):
            is_last = number == len(self._events)
            self._pending.append(self._row(event, encode_marks(marks) if marks and is_last else None))
        self._events.clear()

    def _row(self, event: Event, rows: bytes | None) -> EntryRow:
        index, pseudonyms = self.head.size + len(self._pending), self._keys.pseudonyms
        leaf = make_leaf(event, pseudonyms, rows=rows)
        return EntryRow(
            entry_index=index,
            leaf=leaf.raw,
            code=event.code.value,
            at=stored_instant(event.at),
            actor=leaf.ids["actor"],
            package=leaf.ids.get("package"),
            partner=leaf.ids.get("partner"),
            **search_columns(event.fields, pseudonyms),
            private_sealed=seal_openings(self._keys.vault, index, leaf.openings),
        )

    def mark(self) -> int:
        """Where the transaction is now; see `rewind`."""
        return len(self._pending)

    def rewind(self, mark: int) -> None:
        """Forget the entries since `mark`, and those of a unit that is not closed; their indices are free again."""
        self._events.clear()
        del self._pending[mark:]

    def write(self, connection: Connection) -> None:
        """Write the pending entries, their tiles and the new signed head into the transaction."""
        if self._pending:
            leaves = [entry.leaf for entry in self._pending]
            batch = integrate(self.head, leaves, self._keys.signers, int(self._clock().timestamp()))
            write_batch(connection, self.head.size, batch, self._pending)
            self._next = batch.head

    def accept(self) -> None:
        """The transaction has committed."""
        self.head = self._next
        self._pending.clear()

    def forget(self) -> None:
        """The transaction was rolled back."""
        self._next = self.head
        self._events.clear()
        self._pending.clear()
