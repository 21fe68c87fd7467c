"""What a record is: a frozen dataclass, kept by the store in one table, whose columns are its fields.

A field's annotation says what the store has to know of its column beyond its type: `KEY`, `BIG`, `ADDED`, `SEARCH`. A
class states its table's name and its indexes. The store derives the table from that; nothing of it is written a second
time but in the migrations, which a test compares.

A record is found by a `Key` or by a `Query`. Both are made by methods of its class, which take what they need by type,
or by name where two have the same type: a key's parts cannot be swapped,
and a field that is not there cannot be asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum, auto
from typing import Annotated, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints


class Mark(Enum):
    """What a column is besides its type."""

    KEY = auto()
    """A part of the primary key, in the order of the fields."""
    BIG = auto()
    """An integer that may need 64 bits."""
    ADDED = auto()
    """A field, with a default, that the class has had only since a later version. The log commits to it where it
    differs from its default, so that the row digests of rows written before stay as they are
    (gateway.store.row_digests)."""
    SEARCH = auto()
    """`X_digest`: the keyed digest of the sealed fact `X`, by which records are found (gateway.exchange.kernel.search).
    """


KEY, BIG, ADDED, SEARCH = Mark.KEY, Mark.BIG, Mark.ADDED, Mark.SEARCH


@dataclass(frozen=True)
class References:
    """The columns of another table that `columns` of this one name a row of."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Index:
    """An index over columns, in their order. A search that the table is to answer at any size has one."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """The base of all records; see the module."""

    TABLE: ClassVar[str]
    INDEXES: ClassVar[tuple[Index, ...]] = ()
    REFERENCES: ClassVar[tuple[References, ...]] = ()


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Key(Generic[R]):
    """Which record: its class, and the values of its key fields in their order."""

    kind: type[R]
    values: tuple[object, ...]


@dataclass(frozen=True)
class Query(Generic[R]):
    """Which records, in which order. Without `order`: in the order of their key.

    Only the methods of record classes make one; each bounds its answer by `limit` or by what it names.
    Raises TypeError for a field that the class does not have: a mistake in the program.
    """

    kind: type[R]
    equal: Mapping[str, object] = field(default_factory=dict)
    """The fields that have exactly these values; None equals None."""
    among: Mapping[str, Collection[object]] = field(default_factory=dict)
    """The fields that have one of these values."""
    until: Mapping[str, datetime] = field(default_factory=dict)
    """The fields that hold an instant, and none later than this."""
    order: tuple[str, ...] = ()
    descending: bool = False
    after: tuple[object, ...] | None = None
    """Only what comes after these values of the fields in `order`."""
    limit: int | None = None

    def __post_init__(self) -> None:
        unknown = {*self.equal, *self.among, *self.until, *self.order} - names_of(self.kind).keys()
        if unknown or (self.after is not None and len(self.after) != len(self.order)):
            raise TypeError(f"{self.kind.__name__} is asked for by {sorted(unknown)} after {self.after}")


_NAMES: dict[type[Record], Mapping[str, object]] = {}
_KEYS: dict[type[Record], tuple[str, ...]] = {}
_ADDED: dict[type[Record], Mapping[str, object]] = {}


def names_of(kind: type[Record]) -> Mapping[str, object]:
    """The names of the class's fields in their order, with their annotated types."""
    if kind not in _NAMES:
        hints = get_type_hints(kind, include_extras=True)
        _NAMES[kind] = {each.name: hints[each.name] for each in fields(kind)}
    return _NAMES[kind]


def key_names(kind: type[Record]) -> tuple[str, ...]:
    """The names of the fields that are the key, in order."""
    if kind not in _KEYS:
        _KEYS[kind] = tuple(name for name, hint in names_of(kind).items() if KEY in marks_of(hint))
    return _KEYS[kind]


def added_defaults(kind: type[Record]) -> Mapping[str, object]:
    """The fields marked `ADDED`, with their defaults."""
    if kind not in _ADDED:
        added = {name for name, hint in names_of(kind).items() if ADDED in marks_of(hint)}
        _ADDED[kind] = {each.name: each.default for each in fields(kind) if each.name in added}
    return _ADDED[kind]


def marks_of(hint: object) -> tuple[object, ...]:
    """What a field's annotation says besides its type."""
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def key_of(record: R) -> Key[R]:
    """The key of a record that is there."""
    return Key(type(record), tuple(getattr(record, name) for name in key_names(type(record))))
