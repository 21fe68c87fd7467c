"""Lossless reading and writing of JSON from others: numbers keep their spelling, members keep their order."""

from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput

MALFORMED = "content-malformed"

_CONSTANTS = {None: "null", True: "true", False: "false"}


class Number(str):
    """A number as it was spelt in the document."""

    __slots__ = ()


def parse(plaintext: bytes) -> Any:
    """The document; raises MalformedInput("content-malformed") for invalid JSON,
    a repeated member, or nesting that is too deep.
    """
    return strict_json.parse(plaintext, code=MALFORMED, number=Number)


def encode(value: Any) -> bytes:
    """The document as UTF-8, without white space; each number as it was spelt."""
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces).encode()


def malformed(why: str) -> MalformedInput:
    """The error for content that is not of its media type."""
    return MalformedInput(MALFORMED, why)


def atoms(value: Any, *, names: bool) -> Iterator[str]:
    """Every text and number in a document. With `names`, also the name of each member, before the member's value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if names:
                yield name
            yield from atoms(inner, names=names)
    elif isinstance(value, list):
        for inner in value:
            yield from atoms(inner, names=names)


def pointer_to(value: Any, number: int) -> str:
    """The JSON Pointer to item `number` of `atoms(value, names=True)`; for a member's name, to the member."""
    return next(islice(_pointers(value, ""), number, None))


def _pointers(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict):
        for name, inner in value.items():
            place = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
            yield place
            yield from _pointers(inner, place)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _pointers(inner, f"{at}/{n}")


def _write(value: Any, pieces: list[str]) -> None:
    """Append the text of a value, piece by piece."""
    if isinstance(value, str):
        pieces.append(value if type(value) is Number else encode_basestring(value))
    elif isinstance(value, dict):
        separator = "{"
        for name, inner in value.items():
            pieces += (separator, encode_basestring(name), ":")
            _write(inner, pieces)
            separator = ","
        pieces.append("}" if value else "{}")
    elif isinstance(value, list):
        separator = "["
        for inner in value:
            pieces.append(separator)
            _write(inner, pieces)
            separator = ","
        pieces.append("]" if value else "[]")
    else:
        pieces.append(_CONSTANTS[value])
