"""An event as a leaf of the log: nothing personal, nothing that a guess could confirm.

A leaf is canonical JSON with the members `v`, `code`, `at`, `ids`, `nonce` and `commitments`. The fields of the event are committed to by
group: SHA-256("attache-log/v1" || 0x00 || salt || payload), each under a fresh 32-byte salt. Destroying payload and salt purges the group;
the leaf, the tree and every proof stay as they are. The nonce keeps a leaf hash, which proofs show to others, from confirming a guess of the rest.
"""

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from attache import strict_json
from attache.errors import MalformedInput
from attache.evidence import leaf as evidence
from attache.evidence.leaf import (
    MAX_LEAF_BYTES,
    NONCE_BYTES,
    PSEUDONYM_BYTES,
    SALT_BYTES,
    VERSION,
    commitment,
    verify_opening,
)
from gateway.exchange_log.events import CATALOGUE, EventCode, EventKind, Group

__all__ = [
    "MAX_LEAF_BYTES",
    "Event",
    "Leaf",
    "LeafFacts",
    "Opening",
    "Pseudonyms",
    "make_leaf",
    "parse_leaf",
    "verify_opening",
]

MAX_PAYLOAD_BYTES = 64 * 1024

_REMEMBERED = 4096


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


@dataclass(frozen=True, repr=False)
class Opening(evidence.Opening):
    """What opens one commitment. The store keeps it beside the leaf and destroys it at purge."""

    group: Group


@dataclass(frozen=True)
class Leaf:
    """An entry of the log, and its private side."""

    raw: bytes
    ids: Mapping[str, str]
    """As the leaf states them: pseudonymous, by kind, `actor` among them."""
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class LeafFacts(evidence.LeafFacts):
    """What a leaf of this gateway's catalogue says to everybody."""

    code: EventCode


class Pseudonyms:
    """Pseudonymous ids under one log's own secret key: equal within the log, unlinkable to other logs, meaningless without the key."""

    def __init__(self, key: bytes) -> None:
        if len(key) < SALT_BYTES:
            raise ValueError(f"the pseudonym key has at least {SALT_BYTES} bytes")
        self._key = key
        # The same few ids occur in entry after entry.
        self.of = lru_cache(_REMEMBERED)(self._of)
        """32 hexadecimal digits for a kind and an identifier."""

    def _of(self, kind: str, identifier: str) -> str:
        """HMAC-SHA-256 over kind, zero byte and identifier, cut to 16 bytes."""
        message = kind.encode() + b"\x00" + identifier.encode()
        return hmac.digest(self._key, message, "sha256")[:PSEUDONYM_BYTES].hex()


def make_leaf(
    event: Event, pseudonyms: Pseudonyms, random: Callable[[int], bytes] = os.urandom, *, rows: bytes | None = None
) -> Leaf:
    """The leaf of an event, and its openings. The same event twice gives two different leaves.

    `rows`: the payload of the group of that name, where the entry is to commit to database rows.
    Raises ValueError for an event that the catalogue does not allow: that is a mistake in the program, not of a caller.
    """
    kind = CATALOGUE[event.code]
    _require_allowed(event, kind)
    openings = tuple(Opening(group, random(SALT_BYTES), _payload(event, group)) for group in kind.fields)
    if rows is not None:
        openings += (Opening(Group.ROWS, random(SALT_BYTES), rows),)
    ids = {name: pseudonyms.of(name, event.objects[name]) for name in kind.objects}
    ids["actor"] = pseudonyms.of("actor", event.actor)
    raw = strict_json.canonical(
        {
            "v": VERSION,
            "code": event.code.value,
            "at": _instant(event.at),
            "ids": ids,
            "nonce": random(NONCE_BYTES).hex(),
            "commitments": {each.group: commitment(each.salt, each.payload).hex() for each in openings},
        }
    )
    return Leaf(raw, ids, openings)


def parse_leaf(raw: bytes) -> LeafFacts:
    """What a leaf says; raises MalformedInput("malformed-log") unless it is one of the catalogue, in its one spelling."""
    facts = evidence.read_leaf(raw)
    kind = CATALOGUE.get(EventCode(facts.code)) if facts.code in list(EventCode) else None
    if kind is None:
        raise MalformedInput("malformed-log", "an event that the catalogue does not have", step="leaf")
    committed = set(facts.commitments) - {Group.ROWS.value}
    if set(facts.ids) != {"actor", *kind.objects} or committed != set(kind.fields):
        raise MalformedInput("malformed-log", "not the ids and commitments that the catalogue names", step="leaf")
    return LeafFacts(kind.code, facts.at, facts.ids, facts.nonce, facts.commitments)


def _require_allowed(event: Event, kind: EventKind) -> None:
    if event.objects.keys() != set(kind.objects):
        raise ValueError(f"{event.code} has the objects {kind.objects}, not {sorted(event.objects)}")
    for group, fields in event.fields.items():
        surplus = fields.keys() - kind.fields.get(group, ())
        if surplus:
            raise ValueError(f"{event.code} has no {group} fields {sorted(surplus)}")


def _payload(event: Event, group: Group) -> bytes:
    payload = strict_json.canonical(dict(event.fields.get(group, {})))
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{event.code}: {group} is larger than {MAX_PAYLOAD_BYTES} bytes")
    return payload


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant is aware")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
