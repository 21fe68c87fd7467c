"""The gate that every object which we changed has to pass: `stix2` parses it strictly. Nothing is fetched."""

import json

import stix2  # type: ignore[import-untyped]
from stix2.registry import STIX2_OBJ_MAPS  # type: ignore[import-untyped]

from gateway.content.document import encode
from gateway.content.stix_document import Body

MAX_PATTERN = 64 * 1024
"""Characters. What would take the pattern parser too long does not pass."""

_KNOWN = frozenset(STIX2_OBJ_MAPS["2.1"]["objects"]) | frozenset(STIX2_OBJ_MAPS["2.1"]["observables"])


def is_known(body: Body) -> bool:
    """Whether the specification defines this type, so that the gate can tell what it requires."""
    return body["type"] in _KNOWN


def is_valid(body: Body) -> bool:
    """Whether a known object is strict STIX 2.1. Its selectors are ours to see to: `stix2` does not read all that are right."""
    if len(str(body.get("pattern", ""))) > MAX_PATTERN:
        return False
    plain = {name: value for name, value in json.loads(encode(body)).items() if name != "granular_markings"}
    try:
        stix2.parse(plain, allow_custom=False)
    except Exception:  # noqa: BLE001 -- it raises whatever its parsers do; each means that it is not valid
        return False
    return True
