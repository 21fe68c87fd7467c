"""Strict validation, by `stix2`, of every object that redaction has changed. It makes no network requests."""

import json

import stix2  # type: ignore[import-untyped]
from stix2.registry import STIX2_OBJ_MAPS  # type: ignore[import-untyped]

from gateway.content.document import encode
from gateway.content.stix_document import Body

MAX_PATTERN = 64 * 1024
"""The most characters of a pattern. The parser would take too long for a longer one, so it counts as invalid."""

_KNOWN = frozenset(STIX2_OBJ_MAPS["2.1"]["objects"]) | frozenset(STIX2_OBJ_MAPS["2.1"]["observables"])


def is_known(body: Body) -> bool:
    """Whether the specification defines this type, so that `is_valid` can check it."""
    return body["type"] in _KNOWN


def is_valid(body: Body) -> bool:
    """Whether an object of a known type is strict STIX 2.1. Not checked: granular markings, because `stix2`
    rejects some valid selectors.
    """
    if len(str(body.get("pattern", ""))) > MAX_PATTERN:
        return False
    plain = {name: value for name, value in json.loads(encode(body)).items() if name != "granular_markings"}
    try:
        stix2.parse(plain, allow_custom=False)
    except Exception:  # noqa: BLE001 -- it raises any error of its parsers; each means that the object is not valid
        return False
    return True
