"""A record of any class, with a value in every field."""

import typing
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, TypeVar

from gateway.exchange.kernel.records import Record

R = TypeVar("R", bound=Record)

EXOTIC = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))


def sample(kind: type[R], *, empty: bool = False, **more: object) -> R:
    """A record with a different value in every field; with None wherever that is allowed if `empty`."""
    hints = typing.get_type_hints(kind)
    values = {field.name: _value(field.name, hints[field.name], empty) for field in fields(kind)}
    make: Callable[..., R] = kind
    return make(**{**values, **more})


def _value(name: str, hint: Any, empty: bool) -> object:
    options = typing.get_args(hint) or (hint,)
    if empty and type(None) in options:
        return None
    kind = getattr(options[0], "__supertype__", options[0])  # an id of its own type is text
    if issubclass(kind, StrEnum):
        return list(kind)[-1]
    values: dict[type, object] = {
        str: f"the {name} é",
        int: 2**40 if name != "serial" else 7,
        bytes: b"\x00\xff" + name.encode(),
        datetime: EXOTIC,
    }
    return values[kind]
