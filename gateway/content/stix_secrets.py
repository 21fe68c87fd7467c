"""The texts of withheld objects that must not occur in a redacted copy: names, values and ids,
but not terms of vocabularies.
"""

import re
from collections.abc import Iterator
from typing import Any

_WORDS = frozenset(
    {
        "type",
        "spec_version",
        "lang",
        "roles",
        "sectors",
        "sophistication",
        "resource_level",
        "identity_class",
        "context",
        "region",
        "country",
        "kill_chain_name",
        "phase_name",
        "source_name",
        "protocols",
        "pattern_version",
        "markings",
        "handling_codes",
        "content_class",
        "architecture_execution_envs",
        "implementation_languages",
        "capabilities",
        "scope",
        "result",
        "opinion",
        "encoding",
        "mime_type",
    }
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")
_TERM = re.compile(r"[a-z]+(?:[-_][a-z0-9]+)*")


def id_of(body: dict[str, Any]) -> str:
    """The UUID of an object's id, which must not occur in a copy without the object."""
    return str(body["id"]).partition("--")[2]


def secrets_of(value: Any) -> Iterator[str]:
    """The secret texts of a withheld object, or of a value within one."""
    yield from _texts(value, "")


def _texts(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for member, inner in value.items():
            if not _is_common(member):
                yield from _texts(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and not _INSTANT.fullmatch(value) and not (name == "labels" and _TERM.fullmatch(value)):
        yield value


def _is_common(member: str) -> bool:
    return (
        member in _WORDS
        or member in {"id", "object_marking_refs", "granular_markings"}
        or member.endswith(("_ref", "_refs", "_type", "_types", "_motivation", "_motivations"))
    )
