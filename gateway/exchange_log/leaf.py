"""The leaf of an entry. It contains no personal data, and nobody can use it to confirm a guess about the entry.

A leaf is canonical JSON with the members `v`, `code`, `at`, `ids`, `nonce` and `commitments`. There is one commitment
for each group of fields: SHA-256("attache-log/v1" || 0x00 || salt || payload), under a fresh 32-byte salt. Destroying
payload and salt purges the group; leaf, tree and proofs do not change. Because of the nonce, a leaf hash, which others
see in proofs, confirms no guess of the leaf.
"""

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

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
from gateway.exchange_log.entry import Entry
from gateway.exchange_log.events import CATALOGUE, Event, EventCode, Group, fields_of, groups_of

__all__ = [
    "MAX_LEAF_BYTES",
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
_KINDS = {code.value: kind for code, kind in CATALOGUE.items()}


@dataclass(frozen=True, repr=False)
class Opening(evidence.Opening):
    """The salt and payload that open one commitment.
    The store keeps them apart from the leaf, and a purge destroys them.
    """

    group: Group


@dataclass(frozen=True)
class Leaf:
    """The leaf of an entry, and the entry's private side."""

    raw: bytes
    ids: Mapping[str, str]
    """The pseudonymous ids in the leaf, by kind; `actor` is one of them."""
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class LeafFacts(evidence.LeafFacts):
    """The public facts of a leaf whose event is in this gateway's catalogue."""

    code: EventCode


class Pseudonyms:
    """Pseudonymous ids under the secret key of one log. An id has one pseudonym within the log,
    and unrelated ones in other logs.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SALT_BYTES:
            raise ValueError(f"the pseudonym key has at least {SALT_BYTES} bytes")
        self._key = key
        # Successive entries contain the same few ids.
        self.of = lru_cache(_REMEMBERED)(self._of)
        """The pseudonym of an identifier of some kind: 32 hexadecimal digits."""

    def _of(self, kind: str, identifier: str) -> str:
        """HMAC-SHA-256 over kind, zero byte and identifier, cut to 16 bytes."""
        # exchange-log L4
        message = kind.encode() + b"\x00" + identifier.encode()
        return hmac.digest(self._key, message, "sha256")[:PSEUDONYM_BYTES].hex()


def make_leaf(
    entry: Entry, pseudonyms: Pseudonyms, random: Callable[[int], bytes] = os.urandom, *, rows: bytes | None = None
) -> Leaf:
    """The leaf of an entry, and its openings. Two calls with the same entry give two different leaves.

    `rows` is the payload of the group `rows`, for an entry that commits to database rows.
    Raises ValueError for an entry that the catalogue does not allow, which is an error in the program.
    """
    kind = CATALOGUE[entry.code]
    _require_allowed(entry, kind)
    openings = tuple(Opening(group, random(SALT_BYTES), _payload(entry, group)) for group in fields_of(kind))
    if rows is not None:
        openings += (Opening(Group.ROWS, random(SALT_BYTES), rows),)
    ids = {name: pseudonyms.of(name, entry.objects[name]) for name in kind.id_names}
    ids["actor"] = pseudonyms.of("actor", entry.actor)
    raw = strict_json.canonical(
        {
            "v": VERSION,
            "code": entry.code.value,
            "at": _instant(entry.at),
            "ids": ids,
            # exchange-log L5
            "nonce": random(NONCE_BYTES).hex(),
            "commitments": {each.group: commitment(each.salt, each.payload).hex() for each in openings},
        }
    )
    return Leaf(raw, ids, openings)


def parse_leaf(raw: bytes) -> LeafFacts:
    """The facts of a leaf; raises MalformedInput("malformed-log") unless it
    is canonical and its event is in the catalogue.

    A leaf may also commit to a group that the event had in an earlier release (`once_committed`).
    """
    facts = evidence.read_leaf(raw)
    kind = _KINDS.get(facts.code)
    # exchange-log L2
    if kind is None:
        raise MalformedInput("malformed-log", "the event is not in the catalogue", step="leaf")
    committed = set(facts.commitments) - {Group.ROWS.value}
    groups = groups_of(kind)
    # exchange-log L4, L6
    if set(facts.ids) != {"actor", *kind.id_names} or committed not in (groups, groups | kind.once_committed):
        raise MalformedInput("malformed-log", "its ids or commitments are not those of the catalogue", step="leaf")
    return LeafFacts(kind.event_code, facts.at, facts.ids, facts.nonce, facts.commitments)


def _require_allowed(entry: Entry, kind: type[Event]) -> None:
    if entry.objects.keys() != set(kind.id_names):
        raise ValueError(f"{entry.code} has the objects {kind.id_names}, not {sorted(entry.objects)}")
    for group, fields in entry.fields.items():
        surplus = fields.keys() - set(fields_of(kind).get(group, ()))
        if surplus:
            raise ValueError(f"{entry.code} has no {group} fields {sorted(surplus)}")


def _payload(entry: Entry, group: Group) -> bytes:
    payload = strict_json.canonical(dict(entry.fields.get(group, {})))
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{entry.code}: {group} is larger than {MAX_PAYLOAD_BYTES} bytes")
    return payload


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("the instant has no time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
