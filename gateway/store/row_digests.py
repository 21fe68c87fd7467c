"""What the exchange log commits to of a database row: the digest that tells whether the row is still what its last change left.

A unit's digests stand, under a salt, in its last entry (`Group.ROWS`). So a row that was changed, removed or put there by
anything but a unit of this gateway is found by comparing rows with leaves (gateway.store.row_audit).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from attache.strict_json import canonical
from gateway.exchange.records import Record
from gateway.store.tables import TABLES

_DOMAIN = b"attache-row/v1\x00"
_KEY_DIGITS = 32


@dataclass(frozen=True)
class RowMark:
    """A row as a unit left it. `digest` is empty for a row that the unit removed."""

    table: str
    key: str
    digest: str

    @property
    def place(self) -> tuple[str, str]:
        """Which row it is."""
        return self.table, self.key


def mark_of(record: Record) -> RowMark:
    """The mark of a row that is there."""
    values = [_plain(value) for value in vars(record).values()]
    return RowMark(table_of(type(record)), _key_of(record), _sha256([table_of(type(record)), *values]))


def removed(record: Record) -> RowMark:
    """The mark of a row that is gone."""
    return RowMark(table_of(type(record)), _key_of(record), "")


def table_of(kind: type[Record]) -> str:
    """The name of the table of such records."""
    return str(TABLES[kind].__tablename__)


def encode_marks(marks: Iterable[RowMark]) -> bytes:
    """The payload that is committed to: canonical JSON."""
    return canonical({"rows": [[mark.table, mark.key, mark.digest] for mark in marks]})


def parse_marks(fields: Any) -> list[RowMark]:
    """The marks in an opened payload."""
    return [RowMark(*row) for row in fields["rows"]]


def _key_of(record: Record) -> str:
    return _sha256([_plain(getattr(record, name)) for name in record.KEY])[:_KEY_DIGITS]


def _plain(value: object) -> object:
    """A column's value as JSON; equal for a value that was put in and for the one that comes back."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return [hashlib.sha256(value).hexdigest()]
    return str(value) if isinstance(value, str) else value


def _sha256(values: list[object]) -> str:
    return hashlib.sha256(_DOMAIN + canonical(values)).hexdigest()
