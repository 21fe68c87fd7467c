"""SQL statements for records, made once for each class of record and each set of fields.

They are SQLAlchemy Core statements on the SQLModel tables. The columns of a row are the fields of a record in order, so
`kind(*row)` is the record. Frequent statements are compiled once and run by the driver directly, which takes a fifth
of the time.
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
"""The most records that a query without a limit may find."""

_WAS = "was_"
_DIALECT = sqlite.dialect()

Parameters = Mapping[str, Any]


class Prepared:
    """A compiled statement, with the conversions of parameters to the driver's values and of columns back."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._text = str(compiled)
        names = cast("list[str]", compiled.positiontup)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._bound = [(name, _implemented(compiled.binds[name].type).bind_processor(_DIALECT)) for name in names]
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._read = [_implemented(column.type).result_processor(_DIALECT, None) for column in columns]

    def run(self, driver: sqlite3.Connection, parameters: Parameters) -> sqlite3.Cursor:
        """Run it in the driver's present transaction. Raises ValueError for a value that its column cannot store."""
        values = {**self._constants, **parameters}
        return driver.execute(self._text, [b(values[name]) if b else values[name] for name, b in self._bound])

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
        """Inserts the parameters unless the key exists; the row count is 0 if it exists."""
        self.remove = Prepared(delete(table).where(*self._equals(self.names, _WAS)))
        self._equal: dict[tuple[str, ...], Prepared] = {}
        self._change: dict[tuple[str, ...], Prepared] = {}

    def equal(self, names: Iterable[str]) -> Prepared:
        """The records whose fields equal the parameters (None equals None), in the order of keys, at most FIND_LIMIT +
        1.
        """
        fields = tuple(sorted(names))
        if fields not in self._equal:
            found = self.all.where(*self._equals(fields, "")).order_by(*self.key)
            self._equal[fields] = Prepared(found.limit(FIND_LIMIT + 1))
        return self._equal[fields]

    def select(self, query: Query[Any]) -> Select[Any]:
        """The records that match a query, in its order; at most FIND_LIMIT + 1 if the query has no limit."""
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
        """Update these fields of the row, if every column still has the value in the parameters of `was`."""
        changed = tuple(sorted(names))
        if changed not in self._change:
            unchanged = self._equals(self.names, _WAS)
            change = update(self.table).where(*unchanged).values({name: bindparam(name) for name in changed})
            self._change[changed] = Prepared(change)
        return self._change[changed]

    def _equals(self, names: Iterable[str], prefix: str) -> list[ColumnElement[bool]]:
        return [_is_equals(self.table.c[name], f"{prefix}{name}") for name in names]


def records_of(kind: type[R], rows: Iterable[Iterable[Any]]) -> list[R]:
    """The records of rows of `RecordSql.all`."""
    make: Callable[..., R] = kind
    return [make(*row) for row in rows]


def was(record: Record) -> dict[str, Any]:
    """The parameters with which `change` and `remove` find the unchanged row."""
    return {f"{_WAS}{name}": value for name, value in vars(record).items()}


def _implemented(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.dialect_impl(_DIALECT)


def _is_equals(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    value = bindparam(parameter, type_=column.type)
    return column.is_not_distinct_from(value) if getattr(column, "nullable", True) else column == value


SQL: Mapping[type[Any], RecordSql] = {
    kind: RecordSql(kind, row.metadata.tables[kind.TABLE]) for kind, row in TABLES.items()
}
