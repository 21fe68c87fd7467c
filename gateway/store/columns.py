"""Kinds of column: instants, bytes, and terms of a vocabulary."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Dialect, Enum, LargeBinary, TypeDecorator
from sqlmodel import Field

_TERM_CHARACTERS = 32


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC with microseconds; refuses a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant has a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware again; SQLite knows no time zones."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def stored_instant(at: datetime) -> str:
    """An aware instant as SQLite keeps it in a column of instants."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def instant(*, nullable: bool = False) -> Any:
    """A column of instants."""
    return Field(sa_type=Instant, nullable=nullable)


def binary(*, nullable: bool = False) -> Any:
    """A column of bytes."""
    return Field(sa_type=LargeBinary, nullable=nullable)


def term(vocabulary: type[StrEnum]) -> Any:
    """A column of terms, kept as their text; a text outside the vocabulary does not load."""
    kind = Enum(
        vocabulary,
        native_enum=False,
        length=_TERM_CHARACTERS,
        values_callable=lambda terms: [each.value for each in terms],
    )
    return Field(sa_type=kind)
