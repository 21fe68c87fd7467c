"""SQL for records, made once for each class of record and each set of fields, and kept.

Core statements on the SQLModel tables; a row's columns are a record's fields in their order, so `kind(*row)` is the record.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Table, bindparam, select, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql import Select, Update

from gateway.exchange.records import Record
from gateway.store.tables import TABLES

R = TypeVar("R", bound=Record)

_WAS = "was_"


@cache
def table_of(kind: type[Record]) -> Table:
    """The Core table that keeps this class of record."""
    return cast("Table", TABLES[kind].__table__)  # type: ignore[attr-defined]


@cache
def field_names(kind: type[Record]) -> tuple[str, ...]:
    """The record's fields, in their order."""
    return tuple(field.name for field in fields(kind))


@cache
def key_columns(kind: type[Record]) -> tuple[ColumnElement[Any], ...]:
    """The columns of the record's key, in the order of `KEY`."""
    return tuple(table_of(kind).c[name] for name in kind.KEY)


@cache
def selection(kind: type[Record]) -> Select[Any]:
    """All records of this class."""
    return select(*(table_of(kind).c[name] for name in field_names(kind)))


@cache
def selection_by_key(kind: type[Record]) -> Select[Any]:
    """The record with the key given as parameters."""
    return selection(kind).where(*(column == bindparam(column.key) for column in key_columns(kind)))


@cache
def selection_equal(kind: type[Record], names: tuple[str, ...]) -> Select[Any]:
    """The records whose fields equal the parameters (None equals None), in key order."""
    return selection(kind).where(*_same(kind, names, prefix="")).order_by(*key_columns(kind))


@cache
def insertion(kind: type[Record]) -> Insert:
    """Insert the parameters unless the key exists: the row count says which."""
    return insert(table_of(kind)).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def replacement(kind: type[Record], changed: tuple[str, ...]) -> Update:
    """Update these fields of the row that still is, in every column, what the `was_` parameters say."""
    return (
        update(table_of(kind))
        .where(*_same(kind, field_names(kind), prefix=_WAS))
        .values({name: bindparam(name) for name in changed})
    )


def record_of(kind: type[R], row: Iterable[Any]) -> R:
    """The record that a row of `selection` is."""
    return kind(*row)


def was(record: Record) -> dict[str, Any]:
    """The parameters by which `replacement` knows the row again."""
    return {f"{_WAS}{name}": value for name, value in vars(record).items()}


def _same(kind: type[Record], names: Iterable[str], *, prefix: str) -> list[ColumnElement[bool]]:
    columns = (table_of(kind).c[name] for name in names)
    return [
        column.is_not_distinct_from(bindparam(f"{prefix}{column.key}", type_=column.type))
        if column.nullable
        else column == bindparam(f"{prefix}{column.key}", type_=column.type)
        for column in columns
    ]
