"""An event as a leaf of the log: nothing personal, nothing that a guess could confirm.

A leaf is canonical JSON with the members `v`, `code`, `at`, `ids`, `nonce` and `commitments`. The fields of the event are committed to by
group: SHA-256("attache-log/v1" || 0x00 || salt || payload), each under a fresh 32-byte salt. Destroying payload and salt purges the group;
the leaf, the tree and every proof stay as they are. The nonce keeps a leaf hash, which proofs show to others, from confirming a guess of the rest.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput, NotAuthentic
from gateway.exchange_log.events import CATALOGUE, EventCode, EventKind, Group

VERSION = 1
NONCE_BYTES = 16
SALT_BYTES = 32
PSEUDONYM_BYTES = 16
MAX_LEAF_BYTES = 4096
MAX_PAYLOAD_BYTES = 64 * 1024

_DOMAIN = b"attache-log/v1\x00"
_STEP = "leaf"
_MEMBERS = {"v", "code", "at", "ids", "nonce", "commitments"}
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


@dataclass(frozen=True)
class Event:
    """Something to log. `actor` is who did it: a caller's or participant's id, or `system`.

    `objects` holds the ids that the catalogue names for the code, by kind; `fields` what the catalogue allows, by group.
    """

    code: EventCode
    at: datetime
    actor: str
    objects: Mapping[str, str]
    fields: Mapping[Group, Mapping[str, Any]]


@dataclass(frozen=True)
class Opening:
    """What opens one commitment. The store keeps it beside the leaf and destroys it at purge."""

    group: Group
    salt: bytes
    payload: bytes
    """Canonical JSON: an object with the group's fields."""

    def __repr__(self) -> str:
        return f"Opening({self.group!r})"


@dataclass(frozen=True)
class Leaf:
    """An entry of the log, and its private side."""

    raw: bytes
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class LeafFacts:
    """What a leaf says to everybody."""

    code: EventCode
    at: datetime
    ids: Mapping[str, str]
    nonce: bytes
    commitments: Mapping[Group, bytes]


class Pseudonyms:
    """Pseudonymous ids under one log's own secret key: equal within the log, unlinkable to other logs, meaningless without the key."""

    def __init__(self, key: bytes) -> None:
        if len(key) < SALT_BYTES:
            raise ValueError(f"the pseudonym key has at least {SALT_BYTES} bytes")
        self._key = key

    def of(self, kind: str, identifier: str) -> str:
        """32 hexadecimal digits: HMAC-SHA-256 over kind, zero byte and identifier, cut to 16 bytes."""
        message = kind.encode() + b"\x00" + identifier.encode()
        return hmac.digest(self._key, message, "sha256")[:PSEUDONYM_BYTES].hex()


def make_leaf(event: Event, pseudonyms: Pseudonyms, random: Callable[[int], bytes] = os.urandom) -> Leaf:
    """The leaf of an event, and its openings. The same event twice gives two different leaves.

    Raises ValueError for an event that the catalogue does not allow: that is a mistake in the program, not of a caller.
    """
    kind = CATALOGUE[event.code]
    _require_allowed(event, kind)
    openings = tuple(
        Opening(group, random(SALT_BYTES), strict_json.canonical(dict(event.fields.get(group, {}))))
        for group in kind.fields
    )
    ids = {name: pseudonyms.of(name, event.objects[name]) for name in kind.objects}
    raw = strict_json.canonical(
        {
            "v": VERSION,
            "code": event.code.value,
            "at": _instant(event.at),
            "ids": {"actor": pseudonyms.of("actor", event.actor), **ids},
            "nonce": random(NONCE_BYTES).hex(),
            "commitments": {
                opening.group.value: commitment(opening.salt, opening.payload).hex() for opening in openings
            },
        }
    )
    return Leaf(raw, openings)


def parse_leaf(raw: bytes) -> LeafFacts:
    """What a leaf says; raises MalformedInput("malformed-log") unless it is one, in its one spelling."""
    if len(raw) > MAX_LEAF_BYTES:
        raise _malformed(f"a leaf has at most {MAX_LEAF_BYTES} bytes")
    leaf = strict_json.parse_object(raw, code="malformed-log", step=_STEP)
    if strict_json.canonical(leaf) != raw:
        raise _malformed("not canonical JSON")
    if set(leaf) != _MEMBERS or leaf["v"] != VERSION or leaf["v"] is True:
        raise _malformed("not the members of a leaf of version 1")
    if leaf["code"] not in list(EventCode):
        raise _malformed("an event that the catalogue does not have")
    kind = CATALOGUE[EventCode(leaf["code"])]
    ids = _hex_members(leaf["ids"], {"actor", *kind.objects}, PSEUDONYM_BYTES)
    commitments = _hex_members(
        leaf["commitments"], {group.value for group in kind.fields}, hashlib.sha256().digest_size
    )
    return LeafFacts(
        code=kind.code,
        at=_parse_instant(leaf["at"]),
        ids={name: value.hex() for name, value in ids.items()},
        nonce=_parse_hex(leaf["nonce"], NONCE_BYTES),
        commitments={Group(name): value for name, value in commitments.items()},
    )


def verify_opening(leaf: LeafFacts, opening: Opening) -> Mapping[str, Any]:
    """The fields of a group, proven to be those that the leaf commits to.

    Raises NotAuthentic("proof-invalid") where they are not, MalformedInput where the payload is not an object.
    """
    committed = leaf.commitments.get(opening.group)
    if len(opening.salt) != SALT_BYTES or committed is None:
        raise NotAuthentic("proof-invalid", f"the leaf has no such commitment to {opening.group}", step="opening")
    if not hmac.compare_digest(committed, commitment(opening.salt, opening.payload)):
        raise NotAuthentic("proof-invalid", f"the leaf does not commit to this {opening.group}", step="opening")
    return strict_json.parse_object(opening.payload, code="malformed-log", step="opening")


def commitment(salt: bytes, payload: bytes) -> bytes:
    """SHA-256("attache-log/v1" || 0x00 || salt || payload). The salt's length is fixed, so the parts cannot be shifted."""
    return hashlib.sha256(_DOMAIN + salt + payload).digest()


def _require_allowed(event: Event, kind: EventKind) -> None:
    if set(event.objects) != set(kind.objects):
        raise ValueError(f"{event.code} has the objects {kind.objects}, not {sorted(event.objects)}")
    for group, fields in event.fields.items():
        surplus = set(fields) - set(kind.fields.get(group, ()))
        if surplus:
            raise ValueError(f"{event.code} has no {group} fields {sorted(surplus)}")
        if len(strict_json.canonical(dict(fields))) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"{event.code}: {group} is larger than {MAX_PAYLOAD_BYTES} bytes")


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant is aware")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parse_instant(value: object) -> datetime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _malformed("`at` is not an instant in UTC with microseconds")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise _malformed("`at` is not an instant") from None


def _hex_members(value: object, names: set[str], size: int) -> dict[str, bytes]:
    if not isinstance(value, dict) or set(value) != names:
        raise _malformed("not the ids and commitments that the catalogue names")
    return {name: _parse_hex(text, size) for name, text in value.items()}


def _parse_hex(value: object, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
        raise _malformed(f"not {size} bytes in lowercase hexadecimal")
    return bytes.fromhex(value)


def _malformed(why: str) -> MalformedInput:
    return MalformedInput("malformed-log", why, step=_STEP)
