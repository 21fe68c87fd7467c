"""STIX 2.1 as text says it: a bundle's objects, the references between them, and the selectors into them.

The selector engine is our own: `stix2` refuses an example of the specification's and takes equal list items for one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.content.document import malformed, parse
from gateway.content.facts import MAX_UNITS

Body = dict[str, Any]
Steps = tuple[str | int, ...]
"""A selector's steps: names of members, and indices of list items."""

_ID = re.compile(r"(?P<type>[a-z][a-z0-9-]{1,248}[a-z0-9])--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INDEX = re.compile(r"\[(0|[1-9][0-9]{0,8})\]")

SUPPORTING = frozenset({"marking-definition", "extension-definition"})
"""Objects that say how others are to be read: they go along with what uses them, and are no units."""


@dataclass(frozen=True)
class Bundle:
    """A bundle's id and its objects, in their order. An object alone is a bundle of one."""

    bundle_id: str
    objects: tuple[Body, ...]

    def definitions(self, kind: str) -> dict[str, list[Body]]:
        """The supporting objects of a type, by id."""
        found: dict[str, list[Body]] = {}
        for body in self.objects:
            if body["type"] == kind:
                found.setdefault(body["id"], []).append(body)
        return found


def parse_bundle(plaintext: bytes) -> Bundle:
    """The bundle; raises MalformedInput("content-malformed") for what is no STIX 2.1 bundle, or object."""
    document = parse(plaintext)
    if not isinstance(document, dict):
        raise malformed("not a STIX bundle")
    is_bundle = document.get("type") == "bundle"
    objects = document.get("objects", []) if is_bundle else [document]
    bundle_id = str(document.get("id"))
    if not isinstance(objects, list) or not is_id(bundle_id):
        raise malformed("not a STIX bundle")
    if len(objects) > MAX_UNITS:
        raise malformed(f"more than {MAX_UNITS} objects")
    for body in objects:
        _require_object(body)
    return Bundle(bundle_id, tuple(objects))


def is_id(value: Any) -> bool:
    """Whether it is a STIX identifier."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def references(value: Any) -> Iterator[str]:
    """Every identifier that an object refers to, in whatever depth: all that stands under `*_ref` and `*_refs`."""
    for _, _, target in reference_places(value):
        yield target


def reference_places(value: Any) -> Iterator[tuple[Any, Any, str]]:
    """The same with where it stands: the container, and the member or index in it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("_ref") and is_id(inner):
                yield value, name, inner
            elif name.endswith("_refs") and isinstance(inner, list):
                yield from ((inner, at, one) for at, one in enumerate(inner) if is_id(one))
            elif isinstance(inner, dict | list):
                yield from reference_places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from reference_places(inner)


def parse_selector(text: str) -> Steps:
    """A selector's steps, whether or not they lead anywhere."""
    return tuple(int(found[1]) if (found := _INDEX.fullmatch(step)) else step for step in text.split("."))


def selector_text(steps: Steps) -> str:
    """The selector of these steps."""
    return ".".join(f"[{step}]" if isinstance(step, int) else step for step in steps)


def selected(value: Any, steps: Steps) -> list[Any]:
    """What a selector leads to, as a list of one or none."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return []
        elif not isinstance(value, dict) or step not in value:
            return []
        value = value[step]
    return [value]


def granular(body: Body) -> Iterator[tuple[str | None, Steps]]:
    """An object's granular markings: a marking's id (None for a language) and one selector, which leads to something.

    Raises MalformedInput("content-malformed") for any other.
    """
    entries = body.get("granular_markings", [])
    if not isinstance(entries, list):
        raise malformed("granular_markings is no list")
    for entry in entries:
        selectors = entry.get("selectors") if isinstance(entry, dict) else None
        marking = entry.get("marking_ref") if isinstance(entry, dict) else None
        if not isinstance(selectors, list) or not selectors or ((marking is None) == ("lang" not in entry)):
            raise malformed("a granular marking without selectors, or without one thing that it says")
        for text in selectors:
            steps = parse_selector(text) if isinstance(text, str) else ()
            if not steps or steps[0] == "granular_markings" or not selected(body, steps):
                raise malformed("a selector that leads to nothing")
            yield marking, steps


def marking_refs(body: Body) -> list[Any]:
    """The markings of a whole object; raises MalformedInput("content-malformed") where that is no list of ids."""
    refs = body.get("object_marking_refs", [])
    if not isinstance(refs, list) or not all(is_id(ref) for ref in refs):
        raise malformed("object_marking_refs is no list of ids")
    return refs


def _require_object(body: Any) -> None:
    if not isinstance(body, dict):
        raise malformed("an object of the bundle is none")
    found = _ID.fullmatch(body["id"]) if isinstance(body.get("id"), str) else None
    if found is None or found["type"] != body.get("type") or body["type"] == "bundle":
        raise malformed("an object without an id of its type")
    if "created" in body and body.get("spec_version") != "2.1":
        raise malformed("an object that is not of STIX 2.1")
    if not isinstance(body.get("created", ""), str):
        raise malformed("an object whose time is no text")
