"""Content: the units within a part that policy decides about, and redacted copies of a part.

    found = units(media_type, plaintext, stated)
    copy = redacted(media_type, plaintext, stated, outcomes, minting)

The gateway understands two media types, `UNDERSTOOD`. A part of any other type is one unit: it is released whole or not
at all. All functions are pure: the same arguments give the same bytes. For any input bytes, they raise nothing but
AttacheError. In this package, `stated` is the list of facts that the submitter gave about fields of the part.
"""

from collections.abc import Mapping, Sequence

from gateway.content import json_fields, stix_redaction, stix_units
from gateway.content.facts import MASK, MAX_UNITS, Minting, Shown, UnitFacts, require_distinct

JSON = "application/json"
STIX = "application/stix+json"
UNDERSTOOD = frozenset({JSON, STIX})

__all__ = [
    "MASK",
    "MAX_UNITS",
    "UNDERSTOOD",
    "Minting",
    "Shown",
    "UnitFacts",
    "foreseen",
    "is_understood",
    "redacted",
    "units",
]


def is_understood(media_type: str) -> bool:
    """Whether the gateway reads the content of such a part.
    STIX of another version than 2.1 is refused later, by `units`.
    """
    return _kind(media_type) in UNDERSTOOD


def units(media_type: str, plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The units within a part that policy decides about separately; empty where the whole part has the same facts.

    Raises MalformedInput: `content-malformed` where the content is not of its media type, `unknown-field` for a stated
    path that the content does not have or that is stated twice.
    """
    require_distinct(stated)
    if _kind(media_type) == STIX:
        return stix_units.units(plaintext, stated)
    return json_fields.units(plaintext, stated)


def foreseen(media_type: str, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """The units that the submitter's facts imply for a part whose content has not been uploaded yet."""
    require_distinct(stated)
    found = tuple(stated) if _kind(media_type) == STIX else json_fields.inherited(stated)
    return (*found, UnitFacts(json_fields.REST)) if found else ()


def redacted(
    media_type: str, plaintext: bytes, stated: Sequence[UnitFacts], outcomes: Mapping[str, Shown], minting: Minting
) -> bytes | None:
    """The redacted copy of a part; None where nothing of it may be released. A unit without an outcome is withheld.

    Raises as `units` does, and NotPermitted("redaction-blocked") where the copy would still contain a withheld value.
    """
    if _kind(media_type) == STIX:
        return stix_redaction.redacted(plaintext, stated, outcomes, minting)
    return json_fields.redacted(plaintext, stated, outcomes)


def _kind(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
