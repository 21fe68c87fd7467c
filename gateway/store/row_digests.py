"""Digests of database rows, to which the exchange log commits.

The last entry of a unit of work commits, under a salt, to the digests of all rows that the unit has written
(`Group.ROWS`). So comparing rows with the log (gateway.store.row_audit) finds every row that was changed in another
way.

The log commits to rows of every table. Columns that only state the progress of some work are left out (PROGRESS): they
change at each attempt or block, are no evidence, and would be most of the log.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from attache.strict_json import canonical
from gateway.exchange.kernel.records import (
    ArrivalPartRecord,
    OutboxRecord,
    Record,
    ReleaseRecord,
    SubmittedCheckpointRecord,
    added_defaults,
    key_names,
)
from gateway.exchange.kernel.state import ReleaseState

_DOMAIN = b"attache-row/v1\x00"
_KEY_DIGITS = 32


@dataclass(frozen=True)
class Progress:
    """The part of a table's rows to which the log does not commit, and why this part is no evidence."""

    why: str
    columns: frozenset[str] = frozenset()
    alike: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For a column, terms whose digest is that of another term."""
    until: str | None = None
    """The log does not commit to a row while this column is empty."""

    @property
    def names(self) -> frozenset[str]:
        """The columns whose change may leave the digest as it is."""
        return self.columns | self.alike.keys() | ({self.until} if self.until else frozenset())


_NOTHING = Progress("")

PROGRESS: Mapping[type[Record], Progress] = {
    OutboxRecord: Progress(
        "when the next attempt is due, and who has the lease; the result is in the release, receipt and entries",
        columns=frozenset({"due_at", "lease_until", "attempts", "problem"}),
    ),
    ArrivalPartRecord: Progress(
        "which blocks have arrived; every block is verified against the signed root, whatever these columns contain",
        columns=frozenset({"block_hashes", "blocks_missing"}),
    ),
    ReleaseRecord: Progress(
        "whether the first attempt has started; the release counts as released until a receipt is stored",
        alike={"state": {ReleaseState.DELIVERING: ReleaseState.RELEASED}},
    ),
    SubmittedCheckpointRecord: Progress(
        "a checkpoint that no witness has cosigned yet; it is our own signed note, and the log proves it",
        until="cosigned_at",
    ),
}


@dataclass(frozen=True)
class RowMark:
    """The state of a row after a unit of work. `digest` is empty for a row that the unit has removed."""

    table: str
    key: str
    digest: str

    @property
    def place(self) -> tuple[str, str]:
        """Table and key of the row."""
        return self.table, self.key


def is_committed(record: Record) -> bool:
    """Whether the log commits to the row in its present state."""
    progress = PROGRESS.get(type(record))
    return progress is None or progress.until is None or getattr(record, progress.until) is not None


def may_be_progress(record: Record, changed: Collection[str]) -> bool:
    """Whether a change of only these columns may leave the digest unchanged."""
    progress = PROGRESS.get(type(record))
    return progress is not None and progress.names.issuperset(changed)


def mark_of(record: Record) -> RowMark:
    """The mark of an existing row."""
    table = table_of(type(record))
    return RowMark(table, _key_of(record), _sha256([table, *_committed_values(record)]))


def removed(record: Record) -> RowMark:
    """The mark of a removed row."""
    return RowMark(table_of(type(record)), _key_of(record), "")


def table_of(kind: type[Record]) -> str:
    """The name of the table of this class of record."""
    return kind.TABLE


def encode_marks(marks: Iterable[RowMark]) -> bytes:
    """The payload of the group `rows`: canonical JSON."""
    return canonical({"rows": [[mark.table, mark.key, mark.digest] for mark in marks]})


def parse_marks(fields: Any) -> list[RowMark]:
    """The marks in an opened payload of the group `rows`."""
    return [RowMark(*row) for row in fields["rows"]]


def _key_of(record: Record) -> str:
    return _sha256([_plain(getattr(record, name)) for name in key_names(type(record))])[:_KEY_DIGITS]


def _committed_values(record: Record) -> list[object]:
    """First the fields that every version of the class had, in order; then, by name, added fields that differ from
    their default.
    """
    progress, added = PROGRESS.get(type(record), _NOTHING), added_defaults(type(record))
    alike = progress.alike
    committed = ((name, value) for name, value in vars(record).items() if name not in progress.columns)
    kept = {name: alike.get(name, {}).get(value, value) for name, value in committed}
    values = [_plain(value) for name, value in kept.items() if name not in added]
    later = {name: _plain(kept[name]) for name, default in added.items() if kept.get(name, default) != default}
    return [*values, later] if later else values


def render_progress() -> str:
    """The columns that the log does not commit to, as the Markdown table in `docs/exchange-log.md`."""
    rows = ["| table | not committed to | because it only states |", "|---|---|---|"]
    rows += [f"| `{table_of(kind)}` | {_shown(progress)} | {progress.why} |" for kind, progress in PROGRESS.items()]
    return "\n".join(rows) + "\n"


def _shown(progress: Progress) -> str:
    if progress.until:
        return f"the row while `{progress.until}` is empty"
    terms = [f"`{name}` {a} apart from {b}" for name, pairs in progress.alike.items() for a, b in pairs.items()]
    return ", ".join([f"`{name}`" for name in sorted(progress.columns)] + terms)


def _plain(value: object) -> object:
    """A column's value as JSON; the same for a written value and for the value that is read back."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return [hashlib.sha256(value).hexdigest()]
    return str(value) if isinstance(value, str) else value


def _sha256(values: list[object]) -> str:
    return hashlib.sha256(_DOMAIN + canonical(values)).hexdigest()
