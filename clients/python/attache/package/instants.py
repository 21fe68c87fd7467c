"""Instants as text: RFC 3339 in UTC, with one spelling for each instant: `2026-11-22T09:00:00Z` or with six digits of a second."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from attache.errors import MalformedInput

_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z\Z", re.ASCII)


def instant_text(instant: datetime) -> str:
    """The one spelling of an aware instant."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: object, *, code: str = "malformed-request") -> datetime:
    """The instant that `text` spells, aware, in UTC; raises MalformedInput(code) for any other spelling."""
    try:
        if isinstance(text, str) and _SHAPE.match(text):
            instant = datetime.fromisoformat(text)
            # protocol T5
            if instant_text(instant) == text:
                return instant
    except ValueError:
        pass
    raise MalformedInput(code, "not an RFC 3339 instant in UTC")


def _instant_of(value: Any) -> datetime:
    """For pydantic: takes text from JSON or an aware datetime from Python, and returns the instant in UTC."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return value.astimezone(UTC)
    try:
        return parse_instant(value)
    except MalformedInput as error:
        raise ValueError(error.detail) from None


Instant = Annotated[datetime, BeforeValidator(_instant_of), PlainSerializer(instant_text, return_type=str)]
"""An aware instant in a model."""
