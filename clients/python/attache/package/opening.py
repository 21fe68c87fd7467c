"""Opening a sealed package: eight steps in a fixed order. No claim is used before the step that proves it.

1 shape         `parse_frame`, `read_frame`, `parse_envelope`: an `Envelope`
2 address       it is for this recipient, in a suite that it accepts, sealed to a key of it that was active
3 decrypt       the JWE opens
4 signatures    exactly the suite's, by keys of the originator that were active, with an unbroken certificate chain
5 manifest      it is parsed only now, and agrees with the envelope
6 freshness     `open_manifest` ends here, with a `VerifiedPackage`
7 blocks        `VerifiedPackage.open_part`, as the ciphertext streams
8 content       digest and size, before `open_part` yields the last bytes
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from attache.crypto import (
    SUITES,
    KeyRing,
    KeyUse,
    Opener,
    Revoked,
    Suite,
    is_equal,
    nothing_revoked,
    parse_b64u,
    parse_suite,
    sha256_hex,
)
from attache.errors import Conflict, NotAuthentic, SignatureInvalid, Stale, UnknownKey, UnsupportedVersion
from attache.package.envelope import Envelope
from attache.package.jws import MANIFEST, parse_statement
from attache.package.manifest import Manifest, parse_manifest
from attache.package.parts import PartStatement, open_part
from attache.package.party import Party, key_of
from attache.package.sealing import clear_members
from attache.package.statements import verify_statement
from attache.package.steps import Step, at

CLOCK_ALLOWANCE = timedelta(minutes=5)

Seen = Callable[[str, str], str | None]
"""(originator, package_id) -> `manifest_sha256` of the package that was accepted before under that id, or None."""


@dataclass(frozen=True)
class VerifiedPackage:
    """A package whose steps 1 to 6 have passed. Only `open_manifest` and `reopen_manifest` make one;
    its parts can be read only through it.

    `manifest_sha256` is the digest of the signed manifest's bytes, which receipts name. `is_repeated` is true if the same
    manifest was accepted before: the recipient then answers with its stored receipt.
    """

    envelope: Envelope
    manifest: Manifest
    manifest_sha256: str
    signed_manifest: bytes
    is_repeated: bool = False

    def open_part(self, index: int, ciphertext: Iterable[bytes], block_hashes: bytes | None = None) -> Iterator[bytes]:
        """The verified plaintext of part `index` (from 0), as `attache.package.parts.open_part` gives it."""
        part = self.manifest.parts[index]
        key = parse_b64u(part.key, size=32)
        statement = PartStatement(key, part.bytes, part.sha256, part.ciphertext_bytes, part.ciphertext_root)
        return open_part(statement, ciphertext, block_hashes)


def open_manifest(
    envelope: Envelope,
    *,
    keys: KeyRing,
    me: Party,
    originator: Party,
    now: datetime,
    seen: Seen,
    revoked: Revoked = nothing_revoked,
    accepted: Collection[Suite] | None = None,
) -> VerifiedPackage:
    """Steps 2 to 6, for a recipient.

    `me` and `originator` are verified descriptors; `accepted` are the suites that the recipient takes, by default those
    of its descriptor. The error of a step that fails names the step. This function stores nothing: a caller that accepts the
    package records its id and `manifest_sha256`.
    """
    # protocol O1: the order of these blocks is the rule
    with at(Step.ADDRESS):
        opener = _opener(envelope, keys, me, me.suites if accepted is None else accepted)
        if envelope.originator != originator.participant:
            raise UnknownKey(detail="the descriptor is not the originator's")
    with at(Step.DECRYPT):
        signed = envelope.sealed_manifest.open(opener)
    with at(Step.SIGNATURES):
        payload = _verified_payload(envelope, signed, originator, revoked)
    with at(Step.MANIFEST):
        manifest = parse_manifest(payload)
        _require_agreement(envelope, manifest)
    with at(Step.FRESHNESS):
        digest = sha256_hex(signed)
        is_repeated = _is_repeated(manifest, digest, now, seen)
    return VerifiedPackage(envelope, manifest, digest, signed, is_repeated)


def reopen_manifest(envelope: Envelope, *, keys: KeyRing, manifest_sha256: str) -> VerifiedPackage:
    """The package that `open_manifest` accepted before, with a signed manifest of this digest.

    A caller that kept that digest safe need not verify the signatures again: the proof holds even if the originator's keys
    were replaced or revoked since. Raises NotAuthentic("envelope-mismatch") for any other manifest. Not checked: signatures, certificates, expiry.
    """
    with at(Step.DECRYPT):
        signed = envelope.sealed_manifest.open(_opener_without_dates(envelope, keys))
    with at(Step.MANIFEST):
        # protocol O3
        if not is_equal(sha256_hex(signed).encode(), manifest_sha256.encode()):
            raise NotAuthentic("envelope-mismatch", "not the manifest that was accepted")
        statement = parse_statement(signed, MANIFEST)
        manifest = parse_manifest(statement.pinned_payload(statement.payload_sha256))  # pinned as a whole, just above
        _require_agreement(envelope, manifest)
    return VerifiedPackage(envelope, manifest, manifest_sha256, signed, is_repeated=True)


def _opener_without_dates(envelope: Envelope, keys: KeyRing) -> Opener:
    for entry in envelope.sealed_manifest.recipients:
        if entry.key_id in keys.openers:
            return keys.opener(entry.key_id)
    raise UnknownKey(detail="sealed to no key of ours")


def _opener(envelope: Envelope, keys: KeyRing, me: Party, accepted: Collection[Suite]) -> Opener:
    """Step 2: the key of `me` that the manifest is sealed to, active at `sealed_at`."""
    if envelope.recipient != me.participant:
        raise NotAuthentic("not-a-recipient")
    suite = parse_suite(envelope.clear.suite)
    if suite not in accepted:
        raise UnsupportedVersion(detail=f"{suite} is not accepted here")
    algorithm = SUITES[suite].sealing
    entries = envelope.sealed_manifest.recipients
    # protocol S3
    if any(entry.algorithm is not algorithm for entry in entries):
        raise UnknownKey(detail=f"sealed to a key that is not for {suite}")
    for entry in entries:
        if entry.key_id in keys.openers:
            key_of(me, entry.key_id, KeyUse.SEAL, algorithm, envelope.clear.sealed_at)
            return keys.opener(entry.key_id)
    raise UnknownKey(detail="sealed to no key of ours")


def _verified_payload(envelope: Envelope, signed: bytes, originator: Party, revoked: Revoked) -> bytes:
    """Step 4: the bytes that the originator signed."""
    statement = parse_statement(signed, MANIFEST)
    if statement.suite != envelope.clear.suite:
        raise SignatureInvalid(detail="the signatures and the envelope name different suites")
    return verify_statement(statement, originator, envelope.clear.sealed_at, revoked)


def _require_agreement(envelope: Envelope, manifest: Manifest) -> None:
    """Step 5: every clear member and every recipient key is the one that was signed."""
    # protocol W5
    if clear_members(manifest) != envelope.clear:
        raise NotAuthentic("envelope-mismatch")
    # protocol W5
    if manifest.recipient_key_ids != envelope.sealed_manifest.key_ids:
        raise NotAuthentic("envelope-mismatch", "sealed to keys that are not the ones that the originator signed")


def _is_repeated(manifest: Manifest, digest: str, now: datetime, seen: Seen) -> bool:
    """Step 6. A repetition is answered with its receipt, even after the package has expired."""
    accepted_sha256 = seen(manifest.originator, manifest.package_id)
    # protocol O2
    if accepted_sha256 is not None and accepted_sha256 != digest:
        raise Conflict("package-conflict")
    if manifest.sealed_at > now + CLOCK_ALLOWANCE:
        raise Stale("package-from-the-future")
    # protocol O2: a repetition is answered after the package has expired, too
    if accepted_sha256 is None and manifest.expires_at <= now:
        raise Stale("package-expired")
    return accepted_sha256 is not None
