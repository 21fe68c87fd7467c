"""A leaf of an exchange log, in the public format of docs/exchange-log.md, section 1.

Reads leaves with any event code, also with one that a later version adds; `gateway.exchange_log` holds the catalogue of this version.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput, NotAuthentic

VERSION = 1
NONCE_BYTES = 16
SALT_BYTES = 32
PSEUDONYM_BYTES = 16
MAX_LEAF_BYTES = 4096

_DOMAIN = b"attache-log/v1\x00"
_CODE = "malformed-log"
_STEP = "leaf"
_MEMBERS = {"v", "code", "at", "ids", "nonce", "commitments"}
_NAME = re.compile(r"[a-z][a-z0-9.-]{0,63}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


@dataclass(frozen=True)
class LeafFacts:
    """The public content of a leaf. `ids`: pseudonymous ids by kind, one of them `actor`. `commitments`: by group of fields."""

    code: str
    at: datetime
    ids: Mapping[str, str]
    nonce: bytes
    commitments: Mapping[str, bytes]


@dataclass(frozen=True, repr=False)
class Opening:
    """The salt and payload that open one commitment. Stored apart from the leaf, and destroyed at a purge. `payload`: canonical JSON, an object."""

    group: str
    salt: bytes
    payload: bytes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.group!r})"


def read_leaf(raw: bytes) -> LeafFacts:
    """The content of a leaf; raises MalformedInput("malformed-log") unless `raw` is a leaf in canonical JSON."""
    # exchange-log L1
    if len(raw) > MAX_LEAF_BYTES:
        raise _malformed(f"a leaf has at most {MAX_LEAF_BYTES} bytes")
    leaf = strict_json.parse_object(raw, code=_CODE, step=_STEP)
    # exchange-log L1
    if strict_json.canonical(leaf) != raw:
        raise _malformed("not canonical JSON")
    # exchange-log L1, L2
    if set(leaf) != _MEMBERS or leaf["v"] != VERSION or leaf["v"] is True:
        raise _malformed("not the members of a leaf of version 1")
    ids = _hex_members(leaf["ids"], PSEUDONYM_BYTES)
    # exchange-log L4
    if "actor" not in ids:
        raise _malformed("no actor")
    return LeafFacts(
        code=_parse_name(leaf["code"]),
        at=_parse_instant(leaf["at"]),
        ids={name: value.hex() for name, value in ids.items()},
        # exchange-log L5
        nonce=_parse_hex(leaf["nonce"], NONCE_BYTES),
        commitments=_hex_members(leaf["commitments"], hashlib.sha256().digest_size),
    )


def verify_opening(leaf: LeafFacts, opening: Opening) -> Mapping[str, Any]:
    """The fields of a group, proven to be those that the leaf commits to.

    Raises NotAuthentic("proof-invalid") if the leaf commits to other fields, MalformedInput if the payload is not an object.
    """
    committed = leaf.commitments.get(opening.group)
    if len(opening.salt) != SALT_BYTES or committed is None:
        raise NotAuthentic("proof-invalid", f"the leaf has no such commitment to {opening.group}", step="opening")
    # exchange-log L6
    if not hmac.compare_digest(committed, commitment(opening.salt, opening.payload)):
        raise NotAuthentic("proof-invalid", f"the leaf does not commit to this {opening.group}", step="opening")
    return strict_json.parse_object(opening.payload, code=_CODE, step="opening")


def commitment(salt: bytes, payload: bytes) -> bytes:
    """SHA-256("attache-log/v1" || 0x00 || salt || payload). The salt's length is fixed, so the parts cannot be shifted."""
    # exchange-log L6
    return hashlib.sha256(_DOMAIN + salt + payload).digest()


def _hex_members(value: object, size: int) -> dict[str, bytes]:
    if not isinstance(value, dict):
        raise _malformed("ids and commitments are objects")
    return {_parse_name(name): _parse_hex(text, size) for name, text in value.items()}


def _parse_name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _malformed("a code or name is lowercase letters, digits, dots and dashes")
    return value


def _parse_hex(value: object, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
        raise _malformed(f"not {size} bytes in lowercase hexadecimal")
    return bytes.fromhex(value)


def _parse_instant(value: object) -> datetime:
    # exchange-log L3
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _malformed("`at` is not an instant in UTC with microseconds")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise _malformed("`at` is not an instant") from None


def _malformed(why: str) -> MalformedInput:
    return MalformedInput(_CODE, why, step=_STEP)
