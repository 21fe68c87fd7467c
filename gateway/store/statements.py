"""SQL for records, made once for each class of record and each set of fields, and kept.

Core statements on the SQLModel tables; a row's columns are a record's fields in their order, so `kind(*row)` is the record.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Delete, Table, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql import Select, Update

from gateway.exchange.records import Record
from gateway.store.tables import TABLES

R = TypeVar("R", bound=Record)

_WAS = "was_"


class RecordSql:
    """The statements for one class of record."""

    def __init__(self, kind: type[Record], table: Table) -> None:
        self.table = table
        self.names = tuple(field.name for field in fields(kind))
        self.key = tuple(table.c[name] for name in kind.KEY)
        self.all: Select[Any] = select(*(table.c[name] for name in self.names))
        self.by_key: Select[Any] = self.all.where(*(column == bindparam(column.key) for column in self.key))
        self.add: Insert = insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        """Inserts the parameters unless the key exists; the row count says which."""
        self.remove: Delete = delete(table).where(*self._same(self.names, _WAS))
        self._equal: dict[tuple[str, ...], Select[Any]] = {}
        self._change: dict[tuple[str, ...], Update] = {}

    def equal(self, names: Iterable[str]) -> Select[Any]:
        """The records whose fields equal the parameters (None equals None), in key order."""
        wanted = tuple(sorted(names))
        if wanted not in self._equal:
            self._equal[wanted] = self.all.where(*self._same(wanted, "")).order_by(*self.key)
        return self._equal[wanted]

    def change(self, names: Iterable[str]) -> Update:
        """Update these fields of the row that still is, in every column, what the parameters of `was` say."""
        changed = tuple(sorted(names))
        if changed not in self._change:
            same = self._same(self.names, _WAS)
            self._change[changed] = update(self.table).where(*same).values({name: bindparam(name) for name in changed})
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


def _is_same(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    value = bindparam(parameter, type_=column.type)
    return column.is_not_distinct_from(value) if getattr(column, "nullable", True) else column == value


SQL: Mapping[type[Any], RecordSql] = {
    kind: RecordSql(kind, cast("Table", row.__table__))  # type: ignore[attr-defined]
    for kind, row in TABLES.items()
}
