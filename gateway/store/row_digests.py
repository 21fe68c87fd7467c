"""What the exchange log commits to of a database row:
the digest that tells whether the row is still what its last change left.

A unit's digests stand, under a salt, in its last entry (`Group.ROWS`). So a row that was changed, removed or put there
by anything but a unit of this gateway is found by comparing rows with leaves (gateway.store.row_audit).

Every table is committed to. What of a row only says how far somebody is with it is left out (PROGRESS): it changes at
each attempt and each block, proves nothing, and would be most of the log.
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
    """What of a table's rows the log does not commit to, and why that proves nothing."""

    why: str
    columns: frozenset[str] = frozenset()
    alike: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Terms of a column that are committed to as another term."""
    until: str | None = None
    """A row is not committed to while this column is empty."""

    @property
    def names(self) -> frozenset[str]:
        """The columns whose change may leave the digest as it is."""
        return self.columns | self.alike.keys() | ({self.until} if self.until else frozenset())


_NOTHING = Progress("")

PROGRESS: Mapping[type[Record], Progress] = {
    OutboxRecord: Progress(
        "when the next attempt is, and who is at it; what becomes of it is in the release, its receipt and its entries",
        columns=frozenset({"due_at", "lease_until", "attempts", "problem"}),
    ),
    ArrivalPartRecord: Progress(
        "which blocks have come; whatever they say, every block is verified against the signed root",
        columns=frozenset({"block_hashes", "blocks_missing"}),
    ),
    ReleaseRecord: Progress(
        "whether the first attempt has begun; it counts as released until a receipt is stored",
        alike={"state": {ReleaseState.DELIVERING: ReleaseState.RELEASED}},
    ),
    SubmittedCheckpointRecord: Progress(
        "a checkpoint that no witness has cosigned yet; it is our own signed note, which the log itself proves",
        until="cosigned_at",
    ),
}


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


def is_committed(record: Record) -> bool:
    """Whether the log commits to the row as it is now."""
    progress = PROGRESS.get(type(record))
    return progress is None or progress.until is None or getattr(record, progress.until) is not None


def may_be_progress(record: Record, changed: Collection[str]) -> bool:
    """Whether a change of these columns may leave the row's digest as it is."""
    progress = PROGRESS.get(type(record))
    return progress is not None and progress.names.issuperset(changed)


def mark_of(record: Record) -> RowMark:
    """The mark of a row that is there."""
    table = table_of(type(record))
    return RowMark(table, _key_of(record), _sha256([table, *_committed_values(record)]))


def removed(record: Record) -> RowMark:
    """The mark of a row that is gone."""
    return RowMark(table_of(type(record)), _key_of(record), "")


def table_of(kind: type[Record]) -> str:
    """The name of the table of such records."""
    return kind.TABLE


def encode_marks(marks: Iterable[RowMark]) -> bytes:
    """The payload that is committed to: canonical JSON."""
    return canonical({"rows": [[mark.table, mark.key, mark.digest] for mark in marks]})


def parse_marks(fields: Any) -> list[RowMark]:
    """The marks in an opened payload."""
    return [RowMark(*row) for row in fields["rows"]]


def _key_of(record: Record) -> str:
    return _sha256([_plain(getattr(record, name)) for name in key_names(type(record))])[:_KEY_DIGITS]


def _committed_values(record: Record) -> list[object]:
    """In their order, what every version of the class has had; then, by name,
    what was added since and differs from its default.
    """
    progress, added = PROGRESS.get(type(record), _NOTHING), added_defaults(type(record))
    alike = progress.alike
    stated = ((name, value) for name, value in vars(record).items() if name not in progress.columns)
    kept = {name: alike.get(name, {}).get(value, value) for name, value in stated}
    values = [_plain(value) for name, value in kept.items() if name not in added]
    later = {name: _plain(kept[name]) for name, default in added.items() if kept.get(name, default) != default}
    return [*values, later] if later else values


def render_progress() -> str:
    """What is not committed to as a Markdown table, as `docs/exchange-log.md` shows it."""
    rows = ["| table | not committed to | because it only says |", "|---|---|---|"]
    rows += [f"| `{table_of(kind)}` | {_shown(progress)} | {progress.why} |" for kind, progress in PROGRESS.items()]
    return "\n".join(rows) + "\n"


def _shown(progress: Progress) -> str:
    if progress.until:
        return f"the row while `{progress.until}` is empty"
    terms = [f"`{name}` {a} apart from {b}" for name, pairs in progress.alike.items() for a, b in pairs.items()]
    return ", ".join([f"`{name}`" for name in sorted(progress.columns)] + terms)


def _plain(value: object) -> object:
    """A column's value as JSON; equal for a value that was put in and for the one that comes back."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return [hashlib.sha256(value).hexdigest()]
    return str(value) if isinstance(value, str) else value


def _sha256(values: list[object]) -> str:
    return hashlib.sha256(_DOMAIN + canonical(values)).hexdigest()
