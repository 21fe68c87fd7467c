"""JSON that is not ours, read without losing anything: numbers keep their spelling, members their order."""

import json
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput

MALFORMED = "content-malformed"


class Number(str):
    """A number in its own spelling."""

    __slots__ = ()


def parse(plaintext: bytes) -> Any:
    """The document; raises MalformedInput("content-malformed") for what is not JSON, has a member twice, or is nested too deep."""
    return strict_json.parse(plaintext, code=MALFORMED, number=Number)


def encode(value: Any) -> bytes:
    """The document as UTF-8, without white space; each number as it was spelt."""
    return "".join(_pieces(value)).encode()


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


def _pieces(value: Any) -> list[str]:
    if type(value) is Number:
        return [str(value)]
    if isinstance(value, dict):
        members = [piece for name, inner in value.items() for piece in (",", _text(name), ":", *_pieces(inner))]
        return ["{", *members[1:], "}"]
    if isinstance(value, list):
        items = [piece for inner in value for piece in (",", *_pieces(inner))]
        return ["[", *items[1:], "]"]
    return [_text(value)]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
