"""Compares database rows with the digests in the log, to find rows that something else than the gateway has changed,
removed or added.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, tuple_

from gateway.exchange.kernel.records import Record, key_names
from gateway.store.row_digests import RowMark, is_committed, mark_of
from gateway.store.statements import SQL, records_of

_ROWS_AT_ONCE = 1_000
MAX_FINDINGS = 1_000


class RowAudit:
    """Compares all rows with the log. First it takes the marks of every entry, in order; then it reads the tables in
    slices.

    A slice must be compared with the marks of the same database state: take all newer marks first, on the same
    connection.
    """

    def __init__(self) -> None:
        self._expected: dict[tuple[str, str], str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._kinds = list(SQL)
        self._after: tuple[Any, ...] | None = None
        self._due: set[tuple[str, str]] | None = None
        self.findings: list[str] = []

    def take(self, marks: Iterable[RowMark]) -> None:
        """Take the marks of one entry."""
        for mark in marks:
            if mark.digest:
                self._expected[mark.place] = mark.digest
            else:
                self._expected.pop(mark.place, None)

    def step(self, connection: Connection) -> bool:
        """Compare the next slice of rows. Returns False when all tables are compared, and missing rows are noted."""
        if self._due is None:
            self._due = set(self._expected)
        if not self._kinds:
            self._note_missing()
            return False
        kind = self._kinds[0]
        records = self._slice(connection, kind)
        for record in records:
            if is_committed(record):
                self._compare(mark_of(record))
        if len(records) < _ROWS_AT_ONCE:
            self._kinds.pop(0)
            self._after = None
        else:
            self._after = tuple(getattr(records[-1], name) for name in key_names(kind))
        return True

    def _slice(self, connection: Connection, kind: type[Record]) -> list[Record]:
        sql = SQL[kind]
        query: Select[Any] = sql.all.order_by(*sql.key).limit(_ROWS_AT_ONCE)
        if self._after is not None:
            query = query.where(tuple_(*sql.key) > self._after)
        return records_of(kind, connection.execute(query))

    def _compare(self, mark: RowMark) -> None:
        self._seen.add(mark.place)
        expected = self._expected.get(mark.place)
        if expected is None:
            self._note(mark.place, "is not in the log")
        # exchange-log A5
        elif expected != mark.digest:
            self._note(mark.place, "differs from the log")

    def _note_missing(self) -> None:
        """Note rows that were expected before the first slice, are still expected, and were not seen.

        A row that was added meanwhile is not noted, because it may be in a part of its table that was already read.
        """
        due = self._due or set()
        for place in sorted(due & self._expected.keys() - self._seen):
            self._note(place, "is missing")

    def _note(self, place: tuple[str, str], what: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(f"{place[0]}: the row {place[1]} {what}")
