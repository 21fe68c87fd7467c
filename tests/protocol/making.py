"""Making packages, and forging them, for the protocol tests."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attache.crypto import Certificate, PublicKey, Suite
from attache.errors import AttacheError
from attache.package import (
    Envelope,
    KeyStatement,
    Manifest,
    ManifestFacts,
    ManifestPart,
    PartSealer,
    Release,
    SealedPart,
    VerifiedPackage,
    address,
    open_manifest,
    seal,
    uuid7,
)
from attache.package.envelope import encode_clear, make_envelope
from attache.package.jwe import seal_text
from attache.package.jws import MANIFEST, SignedType, sign_statement
from attache.package.manifest import encode_manifest
from attache.package.sealing import clear_members
from attache.strict_json import canonical, parse_object
from attache.vocabulary import Kind, Markings, Onward, Post, Purpose, Tlp, Urgency

NOW = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
ME = "partner-frankfurt"
ORIGINATOR = "irs-ci"
THIRD = "partner-sydney"


@dataclass(frozen=True)
class StubParty:
    """A party of the test's own making."""

    participant: str
    suites: tuple[Suite, ...]
    keys: tuple[KeyStatement, ...]
    certificate_authorities: tuple[Certificate, ...] = ()

    @classmethod
    def like(cls, party: Any, **changes: Any) -> "StubParty":
        return replace(cls(party.participant, party.suites, party.keys, party.certificate_authorities), **changes)


def with_keys(party: Any, change: Callable[[KeyStatement], KeyStatement]) -> StubParty:
    return StubParty.like(party, keys=tuple(change(key) for key in party.keys))


@dataclass(frozen=True)
class Sent:
    """A sealed package with all that the originator knows of it."""

    facts: ManifestFacts
    envelope: Envelope
    contents: tuple[bytes, ...]
    ciphertexts: tuple[bytes, ...]
    sealed_parts: tuple[SealedPart, ...]

    @property
    def manifest_sealed_at(self) -> datetime:
        return self.envelope.clear.sealed_at


def seal_part(data: bytes, key: bytes | None = None) -> tuple[bytes, SealedPart]:
    sealer = PartSealer(key)
    head = sealer.update(data)
    rest, sealed = sealer.finish()
    return head + rest, sealed


def part_of(sealed: SealedPart, name: str = "note.txt") -> ManifestPart:
    return ManifestPart.of(sealed, name=name, media_type="text/plain", markings=Markings(tlp=Tlp.AMBER))


def make_facts(parts: Sequence[ManifestPart], **changes: Any) -> ManifestFacts:
    members: dict[str, Any] = {
        "package_id": uuid7(NOW),
        "kind": Kind.INTELLIGENCE,
        "originator": ORIGINATOR,
        "post": Post.FRANKFURT,
        "created_at": NOW - timedelta(minutes=1),
        "expires_at": NOW + timedelta(days=30),
        "title": "Wallets of a mixer",
        "purpose": Purpose.CRIMINAL_INVESTIGATION,
        "legal_basis": "FRANKFURT-MLAT",
        "urgency": Urgency.ROUTINE,
        "markings": ("TLP:AMBER",),
        "onward": Onward.NONE,
        "release": Release(decision_id=uuid7(NOW), policy_set_hash="0" * 64),
        "parts": tuple(parts),
        **changes,
    }
    return ManifestFacts(**members)


def send(
    parties: Any,
    *contents: bytes,
    to: Any = None,
    suite: Suite = Suite.HYBRID_1,
    sealed_at: datetime = NOW,
    **changes: Any,
) -> Sent:
    """A package from the originator to ME, or to another party."""
    contents = contents or (b"some content",)
    made = [seal_part(content) for content in contents]
    parts = [part_of(sealed, f"part-{index}.txt") for index, (_, sealed) in enumerate(made)]
    facts = make_facts(parts, **changes)
    recipient = to or parties[ME].descriptor
    envelope = seal(facts, keys=parties[ORIGINATOR].keys, recipient=recipient, sealed_at=sealed_at, suites=(suite,))
    return Sent(facts, envelope, contents, tuple(c for c, _ in made), tuple(s for _, s in made))


def receive(parties: Any, envelope: Envelope, *, at: str = ME, **changes: Any) -> VerifiedPackage:
    """Open at ME, or another party, with the originator's descriptor."""
    arguments: dict[str, Any] = {
        "keys": parties[at].keys,
        "me": parties[at].descriptor,
        "originator": parties[ORIGINATOR].descriptor,
        "now": NOW,
        "seen": lambda _originator, _package: None,
        **changes,
    }
    return open_manifest(envelope, **arguments)


def manifest_for(parties: Any, facts: ManifestFacts, suite: Suite = Suite.HYBRID_1) -> Manifest:
    return address(facts, parties[ME].descriptor, NOW, suites=(suite,))


def signed(parties: Any, payload: bytes, suite: Suite, type_: SignedType = MANIFEST, by: str = ORIGINATOR) -> bytes:
    return sign_statement(type_, payload, parties[by].keys, suite)


def forge(
    parties: Any,
    manifest: Manifest,
    *,
    payload: bytes | None = None,
    statement: Callable[[dict[str, Any]], Any] = lambda it: it,
    raw_statement: bytes | None = None,
    type_: SignedType = MANIFEST,
    by: str = ORIGINATOR,
    recipients: Iterable[PublicKey] | None = None,
    clear: Any = None,
) -> Envelope:
    """An envelope whose inside is not what `seal` would have made: only who can sign or knows the keys could make it."""
    whole = signed(parties, payload or encode_manifest(manifest), manifest.suite, type_, by)
    changed = raw_statement if raw_statement is not None else canonical(statement(parse_object(whole)))
    outside = clear or clear_members(manifest)
    keys = list(recipients or keys_by_id(parties[ME].descriptor, manifest.recipient_key_ids))
    return make_envelope(outside, seal_text(changed, encode_clear(outside), keys))


def keys_by_id(party: Any, key_ids: Iterable[str]) -> list[PublicKey]:
    return [key.public_key for key_id in key_ids for key in party.keys if key.key_id == key_id]


def reworked(envelope: Envelope, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The envelope's bytes after `change` to its JSON, still canonical."""
    document = parse_object(envelope.raw)
    change(document)
    return canonical(document)


@contextmanager
def refused(code: str, step: str | None = None) -> Any:
    """The block within must raise an AttacheError of that code, at that step."""
    with pytest.raises(AttacheError) as caught:
        yield
    assert (caught.value.code, caught.value.step) == (code, step), caught.value


@dataclass
class Reader:
    """Takes what a part yields, and publishes only a part that came to its end."""

    taken: list[bytes] = field(default_factory=list)
    published: bytes | None = None

    def read(self, package: VerifiedPackage, index: int, chunks: Iterable[bytes], hashes: bytes | None = None) -> None:
        for piece in package.open_part(index, chunks, hashes):
            self.taken.append(piece)
        self.published = b"".join(self.taken)


def flipped(data: bytes, index: int, bit: int = 1) -> bytes:
    return data[:index] + bytes([data[index] ^ bit]) + data[index + 1 :]


def signed_anew(parties: Any, manifest: Manifest, change: Callable[[dict[str, Any]], object]) -> Envelope:
    """An envelope whose manifest says something else, well signed."""
    document = parse_object(encode_manifest(manifest))
    change(document)
    return forge(parties, manifest, payload=canonical(document))
