"""What there is to decide about in a STIX bundle: each object, and each part of one that a selector marks.

A unit's path is the object's id, or `id/selector`. An object takes its own markings, and whatever says more of its container
is policy's to add; an edge takes those of both its ends; a selector those of its object and of the selectors around it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attache.errors import MalformedInput
from gateway.content.document import malformed
from gateway.content.facts import MAX_UNITS, UnitFacts
from gateway.content.stix_document import (
    SUPPORTING,
    Body,
    Bundle,
    Steps,
    granular,
    is_id,
    marking_refs,
    parse_bundle,
    parse_selector,
    references,
    selected,
    selector_text,
)
from gateway.content.stix_markings import NOTHING, Marks, marks_of

EDGES = {
    "relationship": ("source_ref", "target_ref"),
    "sighting": ("sighting_of_ref", "where_sighted_refs", "observed_data_refs"),
}
"""Objects that say something of others: the members that name these."""


@dataclass
class _Marked:
    """One object, in all its versions: what is said of it, and of what selectors lead to."""

    whole: Marks = NOTHING
    within: dict[Steps, Marks] = field(default_factory=dict)

    def add(self, steps: Steps, marks: Marks) -> None:
        """Something more about one selector."""
        self.within[steps] = self.within.get(steps, NOTHING).joined(marks)


def units(plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """Every object and selector with what is said of it; nothing where nothing is said of any.

    Raises MalformedInput: `content-malformed`, `unknown-field`.
    """
    found = units_of(parse_bundle(plaintext), stated)
    return () if all(unit.says_nothing for unit in found) else found


def units_of(bundle: Bundle, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """Every object and selector, whether or not anything is said of it."""
    found = tuple(_units(bundle, _marked(bundle, stated)))
    if len(found) > MAX_UNITS:
        raise malformed(f"more than {MAX_UNITS} units")
    return found


def parse_path(path: str) -> tuple[str, Steps]:
    """The object's id and the selector; raises MalformedInput("unknown-field")."""
    object_id, _, selector = path.partition("/")
    if not is_id(object_id) or (not selector and path != object_id):
        raise MalformedInput("unknown-field", "a field of STIX content is an object's id, or id/selector")
    return object_id, parse_selector(selector) if selector else ()


def _marked(bundle: Bundle, stated: Sequence[UnitFacts]) -> dict[str, _Marked]:
    definitions = bundle.definitions("marking-definition")
    found: dict[str, _Marked] = {}
    for body in bundle.objects:
        if body["type"] in SUPPORTING:
            continue
        marked = found.setdefault(body["id"], _Marked())
        marked.whole = marked.whole.joined(marks_of(marking_refs(body), definitions))
        for ref, steps in granular(body):
            if ref is not None:
                marked.add(steps, marks_of([ref], definitions))
    for unit in stated:
        _add_stated(bundle, found, unit)
    return found


def _add_stated(bundle: Bundle, found: Mapping[str, _Marked], unit: UnitFacts) -> None:
    object_id, steps = parse_path(unit.path)
    versions = [body for body in bundle.objects if body["id"] == object_id]
    if object_id not in found or not any(selected(body, steps) for body in versions):
        raise MalformedInput("unknown-field", "a stated field is not in the content")
    marks = Marks(replace(unit, path=""))
    if steps:
        found[object_id].add(steps, marks)
    else:
        found[object_id].whole = found[object_id].whole.joined(marks)


def _units(bundle: Bundle, marked: Mapping[str, _Marked]) -> Iterator[UnitFacts]:
    ends: dict[str, set[str]] = {}
    for body in bundle.objects:
        ends.setdefault(body["id"], set()).update(_ends(body))
    for object_id, one in marked.items():
        around = [_as_end(marked[end].whole) for end in sorted(ends[object_id]) if end in marked]
        whole = one.whole.joined(*around)
        yield replace(whole.facts, path=object_id)
        for steps, own in one.within.items():
            outer = [one.within[steps[:n]] for n in range(1, len(steps)) if steps[:n] in one.within]
            yield replace(own.joined(whole, *outer).facts, path=f"{object_id}/{selector_text(steps)}")


def _ends(body: Body) -> Iterator[str]:
    names = EDGES.get(body["type"], ())
    return references({name: body[name] for name in names if name in body})


def _as_end(marks: Marks) -> Marks:
    """What an edge takes from its end: how it is to be handled, not what it holds."""
    return replace(marks, facts=replace(marks.facts, content_class=frozenset(), origin=""))
