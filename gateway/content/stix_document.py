"""STIX 2.1 documents: the objects of a bundle, the references between them, and the selectors of granular markings.

The selector code is our own: `stix2` rejects an example of the specification, and treats equal list items as one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attache.strict_json import MAX_DEPTH
from gateway.content.document import malformed, parse
from gateway.content.facts import MAX_UNITS

Body = dict[str, Any]
Steps = tuple[str | int, ...]
"""A selector's steps: names of members, and indices of list items."""

_ID = re.compile(r"(?P<type>[a-z][a-z0-9-]{1,248}[a-z0-9])--[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INDEX = re.compile(r"\[(0|[1-9][0-9]{0,8})\]")

MARKING = "marking-definition"
EXTENSION = "extension-definition"
"""Types of supporting objects: they are released together with the objects that use them.
A marking is not a unit of its own.
"""


@dataclass(frozen=True)
class Bundle:
    """The id of a bundle and its objects, in order. A single object is a bundle of one."""

    bundle_id: str
    objects: tuple[Body, ...]

    def versions(self) -> dict[str, list[Body]]:
        """All versions of each object, by id."""
        found: dict[str, list[Body]] = {}
        for body in self.objects:
            found.setdefault(body["id"], []).append(body)
        return found

    def definitions(self, kind: str) -> dict[str, list[Body]]:
        """The supporting objects of a type, by id."""
        return {name: bodies for name, bodies in self.versions().items() if bodies[0]["type"] == kind}


def parse_bundle(plaintext: bytes) -> Bundle:
    """The bundle; raises MalformedInput("content-malformed") for anything but a STIX 2.1 bundle or object."""
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
    """Every identifier that an object refers to, at any depth: the values of `*_ref` and `*_refs`."""
    for _, _, target in reference_places(value):
        yield target


def reference_places(value: Any) -> Iterator[tuple[Any, Any, str]]:
    """Each reference with its place: the container, the member name or index in it, and the identifier."""
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
    """The steps of a selector; empty where it is deeper than any content. Not checked: that it selects something."""
    steps = text.split(".")
    if len(steps) > MAX_DEPTH:
        return ()
    return tuple(int(found[1]) if (found := _INDEX.fullmatch(step)) else step for step in steps)


def selector_text(steps: Steps) -> str:
    """The selector of these steps."""
    return ".".join(f"[{step}]" if isinstance(step, int) else step for step in steps)


def selected(value: Any, steps: Steps) -> list[Any]:
    """The value that a selector selects, in a list of one item, or an empty list."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return []
        elif not isinstance(value, dict) or step not in value:
            return []
        value = value[step]
    return [value]


def granular(body: Body) -> Iterator[tuple[str | None, Steps]]:
    """The granular markings of an object: for each selector,
    the id of the marking (None for a language) and the selector's steps.

    Raises MalformedInput("content-malformed") for an invalid granular marking, also where a selector selects nothing.
    """
    entries = body.get("granular_markings", [])
    if not isinstance(entries, list):
        raise malformed("granular_markings is not a list")
    for entry in entries:
        selectors = entry.get("selectors") if isinstance(entry, dict) else None
        marking = entry.get("marking_ref") if isinstance(entry, dict) else None
        is_marked = is_id(marking) if marking is not None else isinstance(entry, dict) and "lang" in entry
        if not isinstance(selectors, list) or not selectors or not is_marked:
            raise malformed("a granular marking without selectors, or without marking_ref and lang")
        for text in selectors:
            steps = parse_selector(text) if isinstance(text, str) else ()
            if not steps or steps[0] == "granular_markings" or not selected(body, steps):
                raise malformed("a selector that selects nothing")
            yield marking, steps


def marking_refs(body: Body) -> list[Any]:
    """The markings of a whole object; raises MalformedInput("content-malformed") where that is not a list of ids."""
    refs = body.get("object_marking_refs", [])
    if not isinstance(refs, list) or not all(is_id(ref) for ref in refs):
        raise malformed("object_marking_refs is not a list of ids")
    return refs


def _require_object(body: Any) -> None:
    if not isinstance(body, dict):
        raise malformed("an item of `objects` is not a JSON object")
    found = _ID.fullmatch(body["id"]) if isinstance(body.get("id"), str) else None
    if found is None or found["type"] != body.get("type") or body["type"] == "bundle":
        raise malformed("an object whose id is missing or not of its type")
    if "created" in body and body.get("spec_version") != "2.1":
        raise malformed("an object that is not of STIX 2.1")
    if not isinstance(body.get("created", ""), str):
        raise malformed("an object whose `created` is not a text")
