"""Sealing: sign the manifest with the recipient in it, then encrypt it to that recipient."""

import os
from collections.abc import Iterable
from datetime import datetime

from attache.crypto import SUITES, KeyRing, KeyUse, Random, Suite, choose_suite
from attache.errors import Misconfigured
from attache.package.envelope import ClearMembers, Envelope, EnvelopePart, encode_clear, make_envelope
from attache.package.jwe import seal_text
from attache.package.jws import MANIFEST, sign_statement
from attache.package.manifest import Manifest, ManifestFacts, encode_manifest
from attache.package.party import Party, key_of, sealing_keys


def seal(
    facts: ManifestFacts,
    *,
    keys: KeyRing,
    recipient: Party,
    sealed_at: datetime,
    desk: str | None = None,
    suites: Iterable[Suite] = tuple(Suite),
    random: Random = os.urandom,
) -> Envelope:
    """Seal a package's manifest to one recipient agency.

    `keys` are the originator's, `recipient` is a verified descriptor, `suites` are those that the originator is willing
    to use. Raises UnsupportedVersion without a common suite, UnknownKey where the recipient has no active sealing key,
    Misconfigured where the ring lacks a signing key, PayloadTooLarge for an envelope above 1 MiB.
    """
    return seal_manifest(address(facts, recipient, sealed_at, desk=desk, suites=suites), keys, recipient, random=random)


def address(
    facts: ManifestFacts,
    recipient: Party,
    sealed_at: datetime,
    *,
    desk: str | None = None,
    suites: Iterable[Suite] = tuple(Suite),
) -> Manifest:
    """The manifest of a package for one recipient: the best common suite, and the keys it is sealed to."""
    suite = choose_suite(suites, recipient.suites)
    return Manifest(
        **{name: getattr(facts, name) for name in ManifestFacts.model_fields},
        recipient=recipient.participant,
        recipient_desk=desk,
        recipient_key_ids=tuple(key.key_id for key in sealing_keys(recipient, suite, sealed_at)),
        suite=suite,
        # protocol S4: the list is signed with the choice, so that a shortened list is detected
        offered_suites=recipient.suites,
        sealed_at=sealed_at,
    )


def seal_manifest(manifest: Manifest, keys: KeyRing, recipient: Party, *, random: Random = os.urandom) -> Envelope:
    """Sign and encrypt a complete manifest."""
    return seal_signed(manifest, sign_manifest(manifest, keys), recipient, random=random)


def sign_manifest(manifest: Manifest, keys: KeyRing) -> bytes:
    """The signed manifest, whose SHA-256 receipts name. Raises Misconfigured for keys that are not the originator's."""
    if manifest.originator != keys.participant:
        raise Misconfigured(detail="the keys are not the originator's")
    return sign_statement(MANIFEST, encode_manifest(manifest), keys, manifest.suite)


def seal_signed(manifest: Manifest, signed: bytes, recipient: Party, *, random: Random = os.urandom) -> Envelope:
    """Encrypt a signed manifest, to exactly the recipient keys that it names.

    Raises UnknownKey where the recipient does not list them as active. Does not check that `signed` is over `manifest`.
    """
    clear = clear_members(manifest)
    algorithm = SUITES[manifest.suite].sealing
    recipients = [
        key_of(recipient, key_id, KeyUse.SEAL, algorithm, manifest.sealed_at).public_key
        for key_id in manifest.recipient_key_ids
    ]
    return make_envelope(clear, seal_text(signed, encode_clear(clear), recipients, random))


def clear_members(manifest: Manifest) -> ClearMembers:
    """The members of a manifest that the envelope repeats in the clear."""
    return ClearMembers(
        package_id=manifest.package_id,
        originator=manifest.originator,
        recipient=manifest.recipient,
        suite=manifest.suite.value,
        sealed_at=manifest.sealed_at,
        parts=tuple(
            EnvelopePart(ciphertext_bytes=part.ciphertext_bytes, ciphertext_root=part.ciphertext_root)
            for part in manifest.parts
        ),
    )
