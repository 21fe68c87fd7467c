"""Fields within parts, as a command line states them: `case.json#/suspect/name=class:personal-data`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import typer

from attache.client.submission import Field


def stated_fields(texts: Iterable[str], names: Sequence[str]) -> dict[str, tuple[Field, ...]]:
    """The fields of each part. Several texts about one field are combined."""
    found: dict[str, dict[str, Field]] = {name: {} for name in names}
    for text in texts:
        location, _, fact = text.rpartition("=")
        part, _, path = location.partition("#")
        if part not in found or not path or not fact:
            raise typer.BadParameter(
                f"{text}: give PART#PATH=WHAT, with one of the files as PART", param_hint="--field"
            )
        found[part][path] = _with(found[part].get(path, Field(path)), fact)
    return {part: tuple(fields.values()) for part, fields in found.items()}


def _with(field: Field, fact: str) -> Field:
    kind, _, value = fact.partition(":")
    match kind:
        case "class":
            return replace(field, content_class=(*field.content_class, value))
        case "code":
            return replace(field, handling_codes=(*field.handling_codes, value))
        case "from":
            return replace(field, originator=value)
        case _:
            return replace(field, markings=(*field.markings, fact))
