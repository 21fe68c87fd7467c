"""Redaction of one STIX object: removes or masks values, adjusts the selectors, and removes lists and
dictionaries that become empty.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.content.facts import MASK, Shown
from gateway.content.stix_document import Body, Steps, parse_selector, selected, selector_text

_FREE_TEXT = frozenset(
    {"name", "description", "abstract", "content", "explanation", "contact_information", "objective"}
)
_FREE_LISTS = frozenset({"aliases", "goals", "authors"})
_MASKABLE = frozenset(
    {
        "attack-pattern",
        "campaign",
        "course-of-action",
        "identity",
        "incident",
        "infrastructure",
        "intrusion-set",
        "threat-actor",
        "tool",
        "vulnerability",
    }
)
"""Types whose only required member with content is the name: such an object can be released with its name masked."""
_KEPT_OF_MASKED = ("type", "spec_version", "id", "created", "modified", "created_by_ref", "object_marking_refs")


def masked_object(body: Body) -> Body | None:
    """The object with a masked name and without any other content; None where its type cannot be masked."""
    if body["type"] not in _MASKABLE:
        return None
    return {name: body[name] for name in _KEPT_OF_MASKED if name in body} | {"name": MASK}


def without(body: Body, outcomes: Mapping[Steps, Shown]) -> Body:
    """The object without the selected values that are withheld. A value that cannot be masked is withheld."""
    cut = _Cut(outcomes)
    left: Body = cut.left(body, ())
    if cut.removed and "granular_markings" in left:
        _reselect(left, cut.removed)
    return left


class _Cut:
    """One pass over an object; `removed` holds the places of removed values."""

    def __init__(self, outcomes: Mapping[Steps, Shown]) -> None:
        self.removed: set[Steps] = set()
        self._outcomes = outcomes
        self._ways = {steps[:n] for steps in outcomes for n in range(len(steps) + 1)}

    def left(self, value: Any, at: Steps) -> Any:
        """The redacted value; None where it is removed, which is noted in `removed`."""
        shown = self._outcomes.get(at, Shown.CLEAR)
        if shown is Shown.MASKED and isinstance(value, str) and _is_free_text(at):
            return MASK
        if shown is not Shown.CLEAR:
            self.removed.add(at)
            return None
        if at not in self._ways or not isinstance(value, dict | list):
            return value
        inner = [(name, self.left(one, (*at, name))) for name, one in _items(value)]
        kept = [(name, one) for name, one in inner if (*at, name) not in self.removed]
        if at and value and not kept:  # STIX forbids empty lists and dictionaries
            self.removed.add(at)
        return dict(kept) if isinstance(value, dict) else [one for _, one in kept]


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items() if isinstance(value, dict) else enumerate(value))


def _is_free_text(at: Steps) -> bool:
    return at[-1] in _FREE_TEXT or (len(at) > 1 and isinstance(at[-1], int) and at[-2] in _FREE_LISTS)


def _reselect(left: Body, removed: set[Steps]) -> None:
    """Adjust the granular markings to the remaining values.
    A selector of a removed value would reveal that it existed.
    """
    lower: dict[Steps, list[int]] = {}
    for *before, last in removed:
        if isinstance(last, int):
            insort(lower.setdefault(tuple(before), []), last)
    entries = []
    for entry in left.pop("granular_markings"):
        steps = [parse_selector(text) for text in entry["selectors"]]
        moved = [_moved(one, lower) for one in steps if not any(one[: n + 1] in removed for n in range(len(one)))]
        if moved:
            entries.append({**entry, "selectors": [selector_text(one) for one in moved]})
    if entries:
        left["granular_markings"] = entries


def _moved(steps: Steps, lower: Mapping[Steps, list[int]]) -> Steps:
    return tuple(
        step - bisect_left(lower.get(steps[:n], []), step) if isinstance(step, int) else step
        for n, step in enumerate(steps)
    )


def taken(body: Body, outcomes: Mapping[Steps, Shown]) -> Iterator[Body]:
    """Every withheld or masked value of an object, each in a dictionary under the name of its member."""
    for steps in outcomes:
        name = next((step for step in reversed(steps) if isinstance(step, str)), "")
        yield from ({name: value} for value in selected(body, steps))
