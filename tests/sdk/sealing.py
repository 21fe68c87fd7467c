"""Sealed packages for the SDK's tests, made with the protocol's own code."""

from datetime import UTC, datetime, timedelta

from attache.package import (
    ManifestFacts,
    ManifestPart,
    PartSealer,
    Release,
    encode_frame,
    seal,
    uuid7,
)
from attache.vocabulary import Kind, Markings, Onward, Post, Purpose, Tlp, Urgency

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def later() -> datetime:
    """When the package is read."""
    return NOW + timedelta(minutes=1)


def sealed_package(
    exchange, contents: dict[str, bytes], *, recipient="partner-bogota", originator="irs-ci", now=NOW, **facts
):
    """The id and the bytes of a sealed package."""
    package_id, ciphertexts, parts = uuid7(NOW), [], []
    for name, content in contents.items():
        sealer = PartSealer()
        head = sealer.update(content)
        tail, sealed = sealer.finish()
        ciphertexts.append(head + tail)
        parts.append(ManifestPart.of(sealed, name=name, media_type="text/plain", markings=Markings(tlp=Tlp.AMBER)))
    members = {
        "package_id": package_id,
        "kind": Kind.INTELLIGENCE,
        "originator": originator,
        "post": Post.BOGOTA,
        "created_at": NOW - timedelta(minutes=1),
        "expires_at": NOW + timedelta(days=30),
        "title": "Wallets of a mixer",
        "purpose": Purpose.CRIMINAL_INVESTIGATION,
        "legal_basis": "BOGOTA-LEA",
        "urgency": Urgency.ROUTINE,
        "markings": ("TLP:AMBER",),
        "onward": Onward.NONE,
        "release": Release(decision_id=uuid7(NOW), policy_set_hash="0" * 64),
        "parts": tuple(parts),
        **facts,
    }
    envelope = seal(
        ManifestFacts(**members),
        keys=exchange[originator].keys,
        recipient=exchange[recipient].descriptor,
        sealed_at=now,
    )
    return package_id, encode_frame(envelope) + b"".join(ciphertexts)


def flipped(data: bytes, index: int) -> bytes:
    index %= len(data)
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
