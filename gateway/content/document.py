"""JSON that is not ours, read without losing anything: numbers keep their spelling, members their order."""

from json.encoder import encode_basestring
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput

MALFORMED = "content-malformed"

_CONSTANTS = {None: "null", True: "true", False: "false"}


class Number(str):
    """A number in its own spelling."""

    __slots__ = ()


def parse(plaintext: bytes) -> Any:
    """The document; raises MalformedInput("content-malformed") for what is not JSON, has a member twice, or is nested too deep."""
    return strict_json.parse(plaintext, code=MALFORMED, number=Number)


def encode(value: Any) -> bytes:
    """The document as UTF-8, without white space; each number as it was spelt."""
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces).encode()


def malformed(why: str) -> MalformedInput:
    """The error for content that is not what its media type says."""
    return MalformedInput(MALFORMED, why)


def atoms(value: Any, *, names: bool) -> list[str]:
    """Every text and number in a document, and with `names` every member's name."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            found += one if names else ()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


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
