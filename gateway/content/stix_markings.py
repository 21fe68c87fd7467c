"""STIX markings as facts of ours. A marking that cannot be interpreted makes
its object `unresolved`, and policy denies that.

Interpreted are: TLP, by the ids of three families; IEP 2.0; statements, which are restrictions in words and therefore
count as handling code H3 (an officer must read them); and our own extension,
which holds our markings, codes and classes as text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from attache.errors import MalformedInput
from attache.vocabulary import ContentClass, HandlingCode, Markings, Tlp
from gateway.content.facts import UnitFacts
from gateway.content.stix_document import Body, marking_refs

_TLP = {
    # STIX 2.1, section 7.2.1.4
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    # The OASIS extension for TLP 2.0
    "94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
    # OpenCTI's own id; for the other levels it uses the first family
    "826578e1-40ad-459f-bc73-ede076f81f37": Tlp.AMBER_STRICT,
}
TLP_MARKINGS: Mapping[str, Tlp] = {f"marking-definition--{uuid}": tlp for uuid, tlp in _TLP.items()}

IEP = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a"
OWN = "extension-definition--5b9c5d0e-3a0b-4a53-9d3c-7a5a2f0c6e11"

_IEP_TLP = {"white": Tlp.CLEAR, "clear": Tlp.CLEAR, "green": Tlp.GREEN, "amber": Tlp.AMBER, "red": Tlp.RED}
_ATTRIBUTION = frozenset({"may", "must", "must-not"})
_PERMISSIVE = {
    "permitted_actions": "externally-visible-direct-actions",
    "affected_party_notifications": "may",
    "unmodified_resale": "may",
    "end_date": None,
}
_MAX_NESTED = 4
_OWN_MEMBERS = frozenset({"extension_type", "markings", "handling_codes", "content_class"})


_NO_FACTS = UnitFacts("")


@dataclass(frozen=True)
class Marks:
    """The combined meaning of some markings. `attribution`: whether the provider may,
    must or must not be named (IEP).
    """

    facts: UnitFacts = _NO_FACTS
    attribution: frozenset[str] = frozenset()

    def joined(self, *others: "Marks") -> "Marks":
        """The strictest of all. A provider that must be named and must not be named is a contradiction."""
        facts = self.facts.joined(*(other.facts for other in others))
        attribution = self.attribution.union(*(other.attribution for other in others))
        contradictory = facts.contradictory or attribution >= {"must", "must-not"}
        return Marks(replace(facts, contradictory=contradictory), attribution)


NOTHING = Marks()
UNRESOLVED = Marks(UnitFacts("", unresolved=True))


def marks_of(refs: Iterable[Any], definitions: Mapping[str, Sequence[Body]]) -> Marks:
    """The combined meaning of these markings; `definitions` are the bundle's own, by id."""
    return NOTHING.joined(*(_marks(ref, definitions) for ref in refs))


def _marks(ref: Any, definitions: Mapping[str, Sequence[Body]], around: tuple[str, ...] = ()) -> Marks:
    """The meaning of one marking. Where the marking is itself marked, that adds to it,
    because both are released together.
    """
    if ref in TLP_MARKINGS:
        return Marks(UnitFacts("", Markings(tlp=TLP_MARKINGS[ref])))
    found = definitions.get(ref, ()) if ref not in around and len(around) < _MAX_NESTED else ()
    if not found:
        return UNRESOLVED
    around = (*around, ref)
    outer = [_marks(marking, definitions, around) for body in found for marking in marking_refs(body)]
    return NOTHING.joined(*map(_defined, found), *outer)


def _defined(body: Body) -> Marks:
    """The meaning of one definition. A definition that claims to be TLP under an id of its own is not interpreted."""
    extensions = body.get("extensions", {})
    meanings = []
    if "definition_type" in body or "definition" in body:
        is_statement = body.get("definition_type") == "statement" and isinstance(body.get("definition"), dict)
        meanings.append(_officer_reads() if is_statement else UNRESOLVED)
    if not isinstance(extensions, dict):
        return UNRESOLVED
    readers = {IEP: _iep, OWN: _own}
    meanings += [
        readers[name](value) if name in readers and isinstance(value, dict) else UNRESOLVED
        for name, value in extensions.items()
    ]
    return NOTHING.joined(*meanings) if meanings else UNRESOLVED


def _officer_reads() -> Marks:
    return Marks(UnitFacts("", handling_codes=frozenset({HandlingCode.H3})))


def _iep(value: Body) -> Marks:
    tlp, attribution = str(value.get("tlp")), str(value.get("provider_attribution", "may"))
    if tlp not in _IEP_TLP or attribution not in _ATTRIBUTION:
        return UNRESOLVED
    marks = Marks(UnitFacts("", Markings(tlp=_IEP_TLP[tlp])), frozenset({attribution}))
    is_open = all(value.get(name, permissive) == permissive for name, permissive in _PERMISSIVE.items())
    return marks if is_open else marks.joined(_officer_reads())


def _own(value: Body) -> Marks:
    lists = [value.get(name, []) for name in ("markings", "handling_codes", "content_class")]
    if not value.keys() <= _OWN_MEMBERS or not all(_is_texts(one) for one in lists):
        return UNRESOLVED
    texts, codes, classes = lists
    try:
        return Marks(
            UnitFacts(
                "",
                markings=Markings.parse(texts),
                handling_codes=frozenset(map(HandlingCode, codes)),
                content_class=frozenset(map(ContentClass, classes)),
            )
        )
    except (MalformedInput, ValueError):
        return UNRESOLVED


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
