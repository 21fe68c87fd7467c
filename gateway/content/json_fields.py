"""Units of JSON (`application/json`): the fields that the submitter stated by JSON Pointer (RFC 6901),
and the rest of the document.

The rest is one unit with the path "", the pointer to the whole document.
A field within a stated field inherits its facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attache.errors import MalformedInput
from attache.strict_json import MAX_DEPTH
from gateway.content.document import atoms, encode, parse, pointer_to
from gateway.content.facts import MASK, Shown, UnitFacts
from gateway.content.repeats import blocked, find_repeats

REST = ""


@dataclass
class _Place:
    """A node of the tree of stated paths. `path` is None for a node that only leads to stated ones."""

    path: str | None = None
    below: dict[str | int, "_Place"] = field(default_factory=dict)


def units(plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The stated fields, each with the facts that it inherits, and the rest of the document if it is not empty."""
    document = parse(plaintext)
    places = _places(document, stated)
    found = inherited(stated)
    return (*found, UnitFacts(REST)) if stated and _has_rest(document, places) else found


def inherited(stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The stated fields, each with the facts of the stated fields that contain it. Raises MalformedInput for a
    path that is not a JSON Pointer.
    """
    by_steps = {tuple(_steps(unit.path)): unit for unit in stated}
    return tuple(
        unit.joined(*(by_steps[steps[:n]] for n in range(1, len(steps)) if steps[:n] in by_steps))
        for steps, unit in by_steps.items()
    )


def redacted(plaintext: bytes, stated: Sequence[UnitFacts], outcomes: Mapping[str, Shown]) -> bytes | None:
    """The redacted document: withheld members and elements are removed, masked values are replaced by MASK."""
    document = parse(plaintext)
    places = _places(document, stated)
    if _has_rest(document, places) and outcomes.get(REST) is not Shown.CLEAR:
        return None
    removed: list[Any] = []
    [document_left] = _redact(document, places, outcomes, removed)
    repeats = find_repeats(atoms(document_left, names=True), atoms(removed, names=False))
    if repeats:
        raise blocked([pointer_to(document_left, number) for number in repeats])
    return encode(document_left)


def _places(document: Any, stated: Sequence[UnitFacts]) -> _Place:
    root = _Place()
    for unit in stated:
        place, value = root, document
        for step in _steps(unit.path):
            at, value = _inside(value, step)
            place = place.below.setdefault(at, _Place())
        place.path = unit.path
    return root


def _steps(pointer: str) -> list[str]:
    """The reference tokens of a JSON Pointer (RFC 6901, section 3)."""
    if not pointer.startswith("/"):
        raise _unknown("a field's path is not a JSON Pointer")
    steps = pointer[1:].split("/")
    if len(steps) > MAX_DEPTH:
        raise _unknown("a stated field is not in the content")
    if any(rest[:1] not in ("0", "1") for step in steps for rest in step.split("~")[1:]):
        raise _unknown("a field's path is not a JSON Pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _inside(value: Any, step: str) -> tuple[str | int, Any]:
    """The member or element that one token selects, and its value (RFC 6901, section 4).
    An index has no leading zeros.
    """
    if isinstance(value, dict) and step in value:
        return step, value[step]
    if isinstance(value, list) and step.isascii() and step.isdigit() and (step == "0" or step[0] != "0"):
        index = int(step) if len(step) <= 9 else len(value)  # noqa: PLR2004 -- no document has that many elements
        if index < len(value):
            return index, value[index]
    raise _unknown("a stated field is not in the content")


def _unknown(detail: str) -> MalformedInput:
    return MalformedInput("unknown-field", detail)


def _has_rest(value: Any, place: _Place) -> bool:
    """Whether some of the value is outside every stated field."""
    if place.path is not None:
        return False
    if not place.below:
        return True
    inside = value if isinstance(value, dict) else range(len(value))
    return any(at not in place.below or _has_rest(value[at], place.below[at]) for at in inside)


def _redact(value: Any, place: _Place | None, outcomes: Mapping[str, Shown], removed: list[Any]) -> list[Any]:
    """The redacted value, in a list of one item, or an empty list.
    What is removed or masked is appended to `removed`.
    """
    if place is None:
        return [value]
    if place.path is not None and outcomes.get(place.path, Shown.WITHHELD) is not Shown.CLEAR:
        removed.append(value)
        return [MASK] if outcomes.get(place.path) is Shown.MASKED else []
    if isinstance(value, dict):
        inner = ((name, _redact(one, place.below.get(name), outcomes, removed)) for name, one in value.items())
        return [{name: one for name, values in inner for one in values}]
    if isinstance(value, list):
        return [[kept for at, one in enumerate(value) for kept in _redact(one, place.below.get(at), outcomes, removed)]]
    return [value]
