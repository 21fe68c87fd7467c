"""JSON as the protocol reads and writes it: each value has one encoding, and each text has one meaning.

Written: the subset of RFC 8785 (JCS) that has no floats: members sorted, no white space, UTF-8.
Read: UTF-8, no duplicate members, no floats, NaN or infinities, integers within ±(2^53 - 1), bounded nesting.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from attache.errors import MalformedInput

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1

# An unterminated string runs to the end, so that no scan starts twice over the same bytes.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value made of objects, arrays, strings, integers, booleans and null."""
    return _ENCODER.encode(value).encode()


def parse(
    raw: bytes,
    *,
    code: str = "malformed-json",
    step: str | None = None,
    number: Callable[[str], Any] | None = None,
) -> Any:
    """The value of strict JSON text.

    Raises MalformedInput(code) for anything else. Checks depth before it parses, so hostile nesting costs one scan.
    `number` is for JSON from other sources: every finite number is accepted, as the result of `number` for its text.
    """

    def refuse(why: str) -> NoReturn:
        raise MalformedInput(code, why, step=step)

    try:
        # protocol T1: depth, members and numbers are checked below and in the decoder
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        refuse("not UTF-8")
    if _is_deep(raw):
        refuse(f"nested deeper than {MAX_DEPTH}")
    try:
        value = _decoder(number).decode(text)
    except _NotStrictError as error:
        refuse(str(error))
    except ValueError:
        refuse("not JSON")
    if "\\u" in text and not _is_encodable(value):
        refuse("a lone surrogate")
    return value


def parse_object(raw: bytes, *, code: str = "malformed-json", step: str | None = None) -> dict[str, Any]:
    """As `parse`, for a text that must hold one object."""
    value = parse(raw, code=code, step=step)
    if not isinstance(value, dict):
        raise MalformedInput(code, "not a JSON object", step=step)
    return value


class _NotStrictError(ValueError):
    """JSON, but not of the strict kind."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotStrictError("a member occurs twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:  # noqa: PLR2004 -- "-" and the 16 digits of 2^53
        raise _NotStrictError("an integer is outside ±(2^53 - 1)")
    return int(text)


def _float(_: str) -> NoReturn:
    raise _NotStrictError("a number is not an integer")


def _constant(_: str) -> NoReturn:
    raise _NotStrictError("a number is not finite")


@cache
def _decoder(number: Callable[[str], Any] | None) -> json.JSONDecoder:
    """One decoder for each kind of number, made once: making one costs as much as decoding a small text."""
    return json.JSONDecoder(
        # protocol T1
        object_pairs_hook=_members,
        parse_int=number or _integer,
        parse_float=number or _float,
        parse_constant=_constant,
    )


def _is_deep(raw: bytes) -> bool:
    """Whether brackets outside strings nest deeper than MAX_DEPTH; in linear time for all bytes."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    deepest = depth = 0
    for token in _STRING_OR_BRACKET.finditer(raw):
        if token[0] in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in (b"]", b"}"):
            depth -= 1
    return deepest > MAX_DEPTH


def _is_encodable(value: Any) -> bool:
    try:
        canonical(value)
    except UnicodeEncodeError:
        return False
    return True
