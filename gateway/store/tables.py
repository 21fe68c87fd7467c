"""The tables of records, each derived from its class of record (gateway.exchange.kernel.records.record).

A column has the name and the type of a field; it is nullable if the type includes None; marks in the field's
annotation add the rest. Migrations are written by hand; a test compares their result with the derived tables.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, NewType, Union, cast, get_args, get_origin

from sqlalchemy import BigInteger, ForeignKeyConstraint
from sqlalchemy import Index as SqlIndex
from sqlmodel import Field
from sqlmodel.main import SQLModelMetaclass

from gateway.exchange.kernel.records import BIG, KEY, RECORDS, Record, marks_of, names_of
from gateway.store.columns import binary, instant, term
from gateway.store.table import Table


def _row_class(kind: type[Record]) -> type[Table]:
    """The SQLModel class for a class of records."""
    columns = {name: _column(hint) for name, hint in names_of(kind).items()}
    namespace = {
        "__module__": __name__,
        "__tablename__": kind.TABLE,
        "__table_args__": (
            *(
                ForeignKeyConstraint(each.columns, [f"{each.table}.{name}" for name in each.columns])
                for each in kind.REFERENCES
            ),
            *(SqlIndex(each.name, *each.columns) for each in kind.INDEXES),
        ),
        "__annotations__": {name: type_ for name, (type_, _) in columns.items()},
        **{name: field for name, (_, field) in columns.items()},
    }
    make = cast("Callable[..., type[Table]]", SQLModelMetaclass)
    return make(kind.__name__.replace("Record", "Row"), (Table,), namespace, table=True)


def _column(hint: object) -> tuple[object, Any]:
    """A column's Python type, and its SQLModel field."""
    marks = marks_of(hint)
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    nullable = get_origin(plain) in (Union, UnionType) and NoneType in get_args(plain)
    if nullable:
        plain = next(each for each in get_args(plain) if each is not NoneType)
    if isinstance(plain, NewType):
        plain = plain.__supertype__
    type_ = cast("type", plain)
    if issubclass(type_, datetime):
        field = instant(nullable=nullable)
    elif issubclass(type_, bytes):
        field = binary(nullable=nullable)
    elif issubclass(type_, StrEnum):
        field = term(type_)
    else:
        chosen = {"sa_type": BigInteger} if BIG in marks else {}
        field = Field(primary_key=KEY in marks, nullable=nullable, **chosen)  # type: ignore[call-overload]
    return (type_ | None if nullable else type_), field


TABLES: Mapping[type[Record], type[Table]] = {kind: _row_class(kind) for kind in RECORDS}
