"""The exchange log in the writer: the committed head, and the entries that the present transaction adds."""

from collections.abc import Collection

from sqlalchemy import Connection

from attache.clock import Clock
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.at_rest import PackageVault
from gateway.exchange.kernel.ports import PurgedEntries
from gateway.exchange.kernel.work import SYSTEM
from gateway.exchange_log import Entry, Group, entry_of
from gateway.exchange_log.batch import LogHead, integrate
from gateway.exchange_log.events.gateway import RecordsChanged
from gateway.exchange_log.leaf import make_leaf
from gateway.store.columns import stored_instant
from gateway.store.key_store import KeyStore
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import seal_openings, search_columns
from gateway.store.log_purge import purge_entries, purged_entry
from gateway.store.log_rows import EntryRow, write_batch
from gateway.store.row_digests import RowMark, encode_marks


class LogBook:
    """Appends entries to one log. Only the writer's thread uses it."""

    def __init__(self, head: LogHead, keys: LogKeys, clock: Clock, key_store: KeyStore) -> None:
        self.head = head
        """The head of the committed log."""
        self._keys = keys
        self._clock = clock
        self._key_store = key_store
        self._pending: list[EntryRow] = []
        self._events: list[Entry] = []
        """The entries of the running unit of work."""
        self._replaced: dict[int, EntryRow] = {}
        """Pending entries that the running unit has purged, as they were before, by position."""
        self._retired: list[bytes] = []
        """Labels of the data keys that the transaction has retired; those of the running unit come last."""
        self._retired_before = 0
        self._next = head
        self.accepted: list[tuple[str, str | None]] = []
        """Event and outcome of each entry of the last commit."""

    def append(self, entry: Entry) -> int:
        """Append an entry to the running unit; returns the index that it will have if unit and transaction commit."""
        index = self.head.size + len(self._pending) + len(self._events)
        self._events.append(entry)
        return index

    def close_unit(self, marks: Collection[RowMark]) -> None:
        """End a unit. Its last entry commits to the rows that it has written; a unit with rows but without entries
        gets one.

        Raises ValueError for an entry that the catalogue does not allow; then the unit must be undone.
        """
        # exchange-log A1
        if marks and not self._events:
            tables = {table: sum(mark.table == table for mark in marks) for table in sorted({m.table for m in marks})}
            self.append(entry_of(RecordsChanged(tables=tables), at=self._clock(), actor=SYSTEM))
        for number, entry in enumerate(self._events, 1):
            is_last = number == len(self._events)
            # exchange-log A1
            self._pending.append(self._row(entry, encode_marks(marks) if marks and is_last else None))
        self._events.clear()
        self._replaced.clear()
        self._retired_before = len(self._retired)

    def purge(self, connection: Connection, originator: ParticipantId, package_id: PackageId) -> PurgedEntries:
        """Remove the private side of every entry about a package, also of pending entries, and retire its data key."""
        label = self._key_store.label(originator, package_id)
        self._key_store.retire(label)
        self._retired.append(label)
        found = purge_entries(connection, self._keys, self.head.size, package_id, label)
        for position, row in enumerate(self._pending):
            purged = purged_entry(row.leaf, row.private_sealed, label)
            if purged is not None:
                self._replaced.setdefault(position, row)
                self._pending[position] = row._replace(private_sealed=purged.kept, outcome=None, request=None)
                found = found.with_entry(row.entry_index, purged.groups)
        return found

    def _row(self, entry: Entry, rows: bytes | None) -> EntryRow:
        index, pseudonyms = self.head.size + len(self._pending), self._keys.pseudonyms
        leaf = make_leaf(entry, pseudonyms, rows=rows)
        return EntryRow(
            entry_index=index,
            leaf=leaf.raw,
            code=entry.code.value,
            at=stored_instant(entry.at),
            actor=leaf.ids["actor"],
            package=leaf.ids.get("package"),
            partner=leaf.ids.get("partner"),
            **search_columns(entry.fields, pseudonyms),
            # exchange-log L7
            private_sealed=seal_openings(self._keys.vault, index, leaf.openings, of=self._package_of(entry)),
        )

    def _package_of(self, entry: Entry) -> PackageVault | None:
        """The vault for an entry about a package; None for other entries, and for a package that is already purged."""
        package_id = entry.objects.get("package")
        originator = entry.fields.get(Group.RECORD, {}).get("originator")
        if package_id is None or not isinstance(originator, str):
            return None
        vault = self._keys.vault.of(ParticipantId(originator), PackageId(package_id))
        # exchange-log L9
        return None if self._key_store.is_retired(vault.label) else vault

    def position(self) -> int:
        """The number of pending entries; see `rewind`."""
        return len(self._pending)

    def rewind(self, position: int) -> None:
        """Remove the pending entries after `position`, and those of a unit that is not closed. Their indices are used
        again.
        """
        self._events.clear()
        for index, row in self._replaced.items():
            self._pending[index] = row
        self._replaced.clear()
        del self._pending[position:]
        self._reinstate(self._retired_before)

    def write(self, connection: Connection) -> None:
        """Write the pending entries, their tiles and the new signed head into the transaction."""
        if self._pending:
            leaves = [entry.leaf for entry in self._pending]
            batch = integrate(self.head, leaves, self._keys.signers, int(self._clock().timestamp()))
            write_batch(connection, self.head.size, batch, self._pending)
            self._next = batch.head

    def accept(self) -> None:
        """Take over the new head after the transaction has committed."""
        self.head = self._next
        self.accepted = [(entry.code, entry.outcome) for entry in self._pending]
        self._pending.clear()
        self._retired.clear()
        self._retired_before = 0

    def forget(self) -> None:
        """Drop all pending entries after the transaction was rolled back."""
        self._next = self.head
        self._events.clear()
        self._pending.clear()
        self._replaced.clear()
        self._reinstate(0)

    def _reinstate(self, first: int) -> None:
        self._key_store.reinstate(self._retired[first:])
        del self._retired[first:]
        self._retired_before = first
