"""Content: what the gateway understands of the bytes of a part, and what it leaves of them when it redacts.

    found = units(media_type, plaintext, stated)          # what there is to decide about
    copy = redacted(media_type, plaintext, stated, outcomes, minting)

Two media types are understood, `UNDERSTOOD`; every other part is one unit, and goes whole or not at all. Values in, values
out: the same arguments give the same bytes. Any bytes at all raise nothing but AttacheError.
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
    """Whether the gateway looks into such a part. STIX of another version than 2.1 is not understood, and so refused later."""
    return _kind(media_type) in UNDERSTOOD


def units(media_type: str, plaintext: bytes, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """What there is to decide about in a part, besides the part as a whole: nothing where nothing in it differs from it.

    `stated` is what its submitter says of fields, by path. Raises MalformedInput: `content-malformed` for what is not what its
    media type says, `unknown-field` for a stated path that the content does not have or that is stated twice.
    """
    require_distinct(stated)
    if _kind(media_type) == STIX:
        return stix_units.units(plaintext, stated)
    return json_fields.units(plaintext, stated)


def foreseen(media_type: str, stated: Sequence[UnitFacts]) -> tuple[UnitFacts, ...]:
    """What there would be to decide about in a part whose content is not there yet, as far as it is stated."""
    require_distinct(stated)
    found = tuple(stated) if _kind(media_type) == STIX else json_fields.inherited(stated)
    return (*found, UnitFacts(json_fields.REST)) if found else ()


def redacted(
    media_type: str, plaintext: bytes, stated: Sequence[UnitFacts], outcomes: Mapping[str, Shown], minting: Minting
) -> bytes | None:
    """What is left of a part; None where that is nothing. A unit without an outcome is withheld.

    Raises as `units` does, and NotPermitted("redaction-blocked") where what is left still says what is withheld.
    """
    if _kind(media_type) == STIX:
        return stix_redaction.redacted(plaintext, stated, outcomes, minting)
    return json_fields.redacted(plaintext, stated, outcomes)


def _kind(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
