"""Column types: instants, bytes, and terms of a vocabulary."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Dialect, Enum, LargeBinary, TypeDecorator
from sqlmodel import Field

_TERM_CHARACTERS = 32


class Instant(TypeDecorator[datetime]):
    """A datetime with a time zone, stored in UTC with microseconds. Raises ValueError for one without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the time zone UTC, because SQLite stores no time zones."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def stored_instant(at: datetime) -> str:
    """An instant as the text that SQLite stores in a column of instants."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def instant(*, nullable: bool = False) -> Any:
    """A column of instants."""
    return Field(sa_type=Instant, nullable=nullable)


def binary(*, nullable: bool = False) -> Any:
    """A column of bytes."""
    return Field(sa_type=LargeBinary, nullable=nullable)


def term(vocabulary: type[StrEnum]) -> Any:
    """A column of terms, stored as their text. Reading a text outside the vocabulary raises LookupError."""
    kind = Enum(
        vocabulary,
        native_enum=False,
        length=_TERM_CHARACTERS,
        values_callable=lambda terms: [each.value for each in terms],
    )
    return Field(sa_type=kind)
