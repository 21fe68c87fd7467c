"""SQL for records, made once for each class of record and each set of fields, and kept.

Core statements on the SQLModel tables; a row's columns are a record's fields in their order, so `kind(*row)` is the
record. What every request needs is compiled once and run by the driver itself,
a fifth of the work of running it through Core.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Table, bindparam, delete, literal, select, tuple_, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql import Delete, Select, Update
from sqlalchemy.types import TypeEngine

from gateway.exchange.kernel.records import Query, Record, key_names, names_of
from gateway.store.tables import TABLES

R = TypeVar("R", bound=Record)

FIND_LIMIT = 10_000
"""More records than this no search may answer: the caller has not bounded it."""

_WAS = "was_"
_DIALECT = sqlite.dialect()

Parameters = Mapping[str, Any]


class Prepared:
    """A statement compiled once, with what turns parameters and columns into the driver's values and back."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._text = str(compiled)
        names = cast("list[str]", compiled.positiontup)
        self._given = {name: value for name, value in compiled.params.items() if value is not None}
        self._bound = [(name, _implemented(compiled.binds[name].type).bind_processor(_DIALECT)) for name in names]
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._read = [_implemented(column.type).result_processor(_DIALECT, None) for column in columns]

    def run(self, driver: sqlite3.Connection, parameters: Parameters) -> sqlite3.Cursor:
        """Run it in whatever transaction the driver is in.
        Raises ValueError for a value that its column does not hold.
        """
        given = {**self._given, **parameters}
        return driver.execute(self._text, [b(given[name]) if b else given[name] for name, b in self._bound])

    def rows(self, driver: sqlite3.Connection, parameters: Parameters) -> list[list[Any]]:
        """The rows of a SELECT."""
        found = self.run(driver, parameters).fetchall()
        return [[r(value) if r else value for r, value in zip(self._read, row, strict=True)] for row in found]


class RecordSql:
    """The statements for one class of record."""

    def __init__(self, kind: type[Record], table: Table) -> None:
        self.table = table
        self.names = tuple(names_of(kind))
        self.key = tuple(table.c[name] for name in key_names(kind))
        self.all: Select[Any] = select(*(table.c[name] for name in self.names))
        self.by_key = Prepared(self.all.where(*(column == bindparam(column.key) for column in self.key)))
        self.add = Prepared(insert(table).on_conflict_do_nothing())
        """Inserts the parameters unless the key exists; the row count says which."""
        self.remove = Prepared(delete(table).where(*self._same(self.names, _WAS)))
        self._equal: dict[tuple[str, ...], Prepared] = {}
        self._change: dict[tuple[str, ...], Prepared] = {}

    def equal(self, names: Iterable[str]) -> Prepared:
        """The records whose fields equal the parameters (None equals None), in key order;
        one more than FIND_LIMIT at most.
        """
        wanted = tuple(sorted(names))
        if wanted not in self._equal:
            found = self.all.where(*self._same(wanted, "")).order_by(*self.key)
            self._equal[wanted] = Prepared(found.limit(FIND_LIMIT + 1))
        return self._equal[wanted]

    def select(self, query: Query[Any]) -> Select[Any]:
        """The records that a query wants, in its order, and one more than FIND_LIMIT at most."""
        columns, found = self.table.c, self.all
        for name, value in query.equal.items():
            found = found.where(columns[name].is_(None) if value is None else columns[name] == value)
        for name, values in query.among.items():
            found = found.where(columns[name].in_(values))
        for name, instant in query.until.items():
            found = found.where(columns[name] <= instant)
        order = tuple(columns[name] for name in query.order) or self.key
        if query.after is not None:
            place = tuple_(*order)
            last = tuple_(*(literal(value, column.type) for value, column in zip(query.after, order, strict=True)))
            found = found.where(place < last if query.descending else place > last)
        by = [column.desc() for column in order] if query.descending else order
        return found.order_by(*by).limit(FIND_LIMIT + 1 if query.limit is None else query.limit)

    def change(self, names: Iterable[str]) -> Prepared:
        """Update these fields of the row that still is, in every column, what the parameters of `was` say."""
        changed = tuple(sorted(names))
        if changed not in self._change:
            same = self._same(self.names, _WAS)
            change = update(self.table).where(*same).values({name: bindparam(name) for name in changed})
            self._change[changed] = Prepared(change)
        return self._change[changed]

    def _same(self, names: Iterable[str], prefix: str) -> list[ColumnElement[bool]]:
        return [_is_same(self.table.c[name], f"{prefix}{name}") for name in names]


def records_of(kind: type[R], rows: Iterable[Iterable[Any]]) -> list[R]:
    """The records that rows of `RecordSql.all` are."""
    make: Callable[..., R] = kind
    return [make(*row) for row in rows]


def was(record: Record) -> dict[str, Any]:
    """The parameters by which `change` knows the row again."""
    return {f"{_WAS}{name}": value for name, value in vars(record).items()}


def _implemented(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.dialect_impl(_DIALECT)


def _is_same(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    value = bindparam(parameter, type_=column.type)
    return column.is_not_distinct_from(value) if getattr(column, "nullable", True) else column == value


SQL: Mapping[type[Any], RecordSql] = {
    kind: RecordSql(kind, row.metadata.tables[kind.TABLE]) for kind, row in TABLES.items()
}
