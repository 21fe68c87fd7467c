"""What is said on a command line of fields within parts: `case.json#/suspect/name=class:personal-data`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import typer

from attache.client.submission import Field


def stated_fields(texts: Iterable[str], names: Sequence[str]) -> dict[str, tuple[Field, ...]]:
    """By part, the fields that are stated of it; what is said of one field several times is said of it together."""
    found: dict[str, dict[str, Field]] = {name: {} for name in names}
    for text in texts:
        place, _, what = text.rpartition("=")
        part, _, path = place.partition("#")
        if part not in found or not path or not what:
            raise typer.BadParameter(
                f"{text}: give PART#PATH=WHAT, with one of the files as PART", param_hint="--field"
            )
        found[part][path] = _with(found[part].get(path, Field(path)), what)
    return {part: tuple(fields.values()) for part, fields in found.items()}


def _with(field: Field, what: str) -> Field:
    kind, _, value = what.partition(":")
    match kind:
        case "class":
            return replace(field, content_class=(*field.content_class, value))
        case "code":
            return replace(field, handling_codes=(*field.handling_codes, value))
        case "from":
            return replace(field, originator=value)
        case _:
            return replace(field, markings=(*field.markings, what))
