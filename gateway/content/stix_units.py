"""Units of a STIX bundle: each object, and each value in an object that a selector marks.

The path of a unit is the object's id, or `id/selector`. An object has its own markings (policy adds the facts of the
part); a relationship or sighting also has those of the objects that it connects; a selector also has those of its
object and of the selectors that contain it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attache.errors import MalformedInput
from gateway.content.document import malformed
from gateway.content.facts import MAX_UNITS, UnitFacts
from gateway.content.stix_document import (
    MARKING,
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
"""Objects that connect others, and the members that refer to these."""


@dataclass
class _Marked:
    """The markings of one object, over all its versions, and of the values that selectors select in it."""

    whole: Marks = NOTHING
    within: dict[Steps, Marks] = field(default_factory=dict)

    def add(self, steps: Steps, marks: Marks) -> None:
        """Add markings to one selector."""
        self.within[steps] = self.within.get(steps, NOTHING).joined(marks)


def units(plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """Every object and selector with its facts; empty where none of them has any.

    Raises MalformedInput: `content-malformed`, `unknown-field`.
    """
    found = units_of(parse_bundle(plaintext), stated)
    return () if all(unit.adds_nothing for unit in found) else found


def units_of(bundle: Bundle, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """Every object and selector with its facts, also those without any."""
    found = tuple(_units(bundle, _marked(bundle, stated)))
    if len(found) > MAX_UNITS:
        raise malformed(f"more than {MAX_UNITS} units")
    return found


def parse_path(path: str) -> tuple[str, Steps]:
    """The object's id and the selector; raises MalformedInput("unknown-field")."""
    object_id, _, selector = path.partition("/")
    steps = parse_selector(selector) if selector else ()
    if not is_id(object_id) or (path != object_id and not steps):
        raise MalformedInput("unknown-field", "a field of STIX content is an object's id, or id/selector")
    return object_id, steps


def _marked(bundle: Bundle, stated: Sequence[UnitFacts]) -> dict[str, _Marked]:
    definitions = bundle.definitions(MARKING)
    found: dict[str, _Marked] = {}
    for body in bundle.objects:
        if body["type"] == MARKING:
            continue
        marked = found.setdefault(body["id"], _Marked())
        marked.whole = marked.whole.joined(marks_of(marking_refs(body), definitions))
        for ref, steps in granular(body):
            if ref is not None:
                marked.add(steps, marks_of([ref], definitions))
    versions = bundle.versions()
    for unit in stated:
        _add_stated(versions, found, unit)
    return found


def _add_stated(versions: Mapping[str, Sequence[Body]], found: Mapping[str, _Marked], unit: UnitFacts) -> None:
    object_id, steps = parse_path(unit.path)
    if object_id not in found or not any(selected(body, steps) for body in versions[object_id]):
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
    """The markings that an edge takes from one of its ends: the handling, not the content class or the origin."""
    return replace(marks, facts=replace(marks.facts, content_class=frozenset(), origin=""))
