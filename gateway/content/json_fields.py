"""JSON (`application/json`): its submitter states fields by JSON Pointer (RFC 6901), and what nobody stated is one more unit.

That one has the path "", which is the pointer to the whole document. A field within a stated field inherits from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attache.errors import MalformedInput, NotPermitted
from gateway.content.document import atoms, encode, parse
from gateway.content.facts import MASK, Shown, UnitFacts
from gateway.content.repeats import find_repeat

REST = ""


@dataclass
class _Place:
    """A place in the document that is stated, or leads to one that is."""

    path: str | None = None
    below: dict[str | int, "_Place"] = field(default_factory=dict)


def units(plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The stated fields, each with what it inherits, and the rest where there is any."""
    document = parse(plaintext)
    places = _places(document, stated)
    found = inherited(stated)
    return (*found, UnitFacts(REST)) if stated and _has_rest(document, places) else found


def inherited(stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The stated fields, each with what is said of those around it. Raises MalformedInput for a path that is no pointer."""
    by_steps = {tuple(_steps(unit.path)): unit for unit in stated}
    return tuple(
        unit.joined(*(by_steps[steps[:n]] for n in range(1, len(steps)) if steps[:n] in by_steps))
        for steps, unit in by_steps.items()
    )


def redacted(plaintext: bytes, stated: Sequence[UnitFacts], outcomes: Mapping[str, Shown]) -> bytes | None:
    """What is left: a withheld member or element is gone, a masked value is MASK."""
    document = parse(plaintext)
    places = _places(document, stated)
    if _has_rest(document, places) and outcomes.get(REST) is not Shown.CLEAR:
        return None
    taken: list[Any] = []
    [left] = _left(document, places, outcomes, taken)
    if find_repeat(atoms(left, names=True), atoms(taken, names=False)):
        raise NotPermitted("redaction-blocked", "what is left repeats a value that is withheld or masked")
    return encode(left)


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
    """RFC 6901, section 3."""
    if not pointer.startswith("/"):
        raise _unknown("a field's path is no JSON Pointer")
    steps = pointer[1:].split("/")
    if any(rest[:1] not in ("0", "1") for step in steps for rest in step.split("~")[1:]):
        raise _unknown("a field's path is no JSON Pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _inside(value: Any, step: str) -> tuple[str | int, Any]:
    """RFC 6901, section 4: a member, or an element by its index without leading zeros."""
    if isinstance(value, dict) and step in value:
        return step, value[step]
    if isinstance(value, list) and step.isascii() and step.isdigit() and (step == "0" or step[0] != "0"):
        index = int(step) if len(step) <= 9 else len(value)  # noqa: PLR2004 -- no document has that many elements
        if index < len(value):
            return index, value[index]
    raise _unknown("a stated field is not in the content")


def _unknown(why: str) -> MalformedInput:
    return MalformedInput("unknown-field", why)


def _has_rest(value: Any, place: _Place) -> bool:
    """Whether anything here is not in a stated field."""
    if place.path is not None:
        return False
    if not place.below:
        return True
    inside = value if isinstance(value, dict) else range(len(value))
    return any(at not in place.below or _has_rest(value[at], place.below[at]) for at in inside)


def _left(value: Any, place: _Place | None, outcomes: Mapping[str, Shown], taken: list[Any]) -> list[Any]:
    """What is left of a value, as a list of one or none; what is not goes to `taken`."""
    if place is None:
        return [value]
    if place.path is not None and outcomes.get(place.path, Shown.WITHHELD) is not Shown.CLEAR:
        taken.append(value)
        return [MASK] if outcomes.get(place.path) is Shown.MASKED else []
    if isinstance(value, dict):
        inner = ((name, _left(one, place.below.get(name), outcomes, taken)) for name, one in value.items())
        return [{name: one for name, left in inner for one in left}]
    if isinstance(value, list):
        return [[left for at, one in enumerate(value) for left in _left(one, place.below.get(at), outcomes, taken)]]
    return [value]
