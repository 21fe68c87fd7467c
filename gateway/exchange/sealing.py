"""Seal: the manifest of what policy lets go to one recipient, signed and sealed. Blocking, and without effect."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from attache.crypto import sha256_hex
from attache.errors import NotPermitted, PayloadTooLarge
from attache.package import (
    ManifestFacts,
    ManifestPart,
    Release,
    SealedPart,
    address,
    encode_frame,
    seal_signed,
    sign_manifest,
)
from attache.package.envelope import MAX_ENVELOPE_BYTES
from attache.vocabulary import Markings, Onward
from gateway.exchange.agency import Agency
from gateway.exchange.submission import Submission
from gateway.policy import Decision, ReleaseRequest, UnitOutcome

LEAVES = frozenset({UnitOutcome.DISCLOSE})


@dataclass(frozen=True)
class Content:
    """The parts of one package as they were encrypted on arrival, in the order of the submission."""

    parts: tuple[SealedPart, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(part.sha256 for part in self.parts)


@dataclass(frozen=True)
class SealedRelease:
    """A package sealed to one recipient, ready to be committed and carried there."""

    frame: bytes
    envelope_sha256: str
    manifest: bytes = field(repr=False)
    """Signed; it holds the keys of the parts."""
    part_numbers: tuple[int, ...]
    expires_at: datetime

    @property
    def manifest_sha256(self) -> str:
        return sha256_hex(self.manifest)


def seal_release(
    agency: Agency,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    decision: Decision,
    decision_id: str,
    approvers: Sequence[str],
) -> SealedRelease:
    """The package as its recipient gets it: the parts that may leave, under the handling that policy checked.

    Raises PayloadTooLarge where what is stated of the parts is more than one envelope may hold.
    """
    descriptor = agency.directory.active(request.recipient).descriptor
    facts, numbers = _manifest_facts(agency, submission, content, request, decision, decision_id, approvers)
    manifest = address(facts, descriptor, request.now, desk=request.recipient_desk)
    signed = sign_manifest(manifest, agency.keys)
    envelope = seal_signed(manifest, signed, descriptor, random=agency.random)
    if len(envelope.raw) > MAX_ENVELOPE_BYTES:
        raise PayloadTooLarge(detail="what is stated of the parts is more than one package may hold")
    return SealedRelease(encode_frame(envelope), envelope.sha256, signed, numbers, manifest.expires_at)


def _manifest_facts(
    agency: Agency,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    decision: Decision,
    decision_id: str,
    approvers: Sequence[str],
) -> tuple[ManifestFacts, tuple[int, ...]]:
    handling = decision.handling
    if handling is None:
        raise NotPermitted("policy-engine-failed", "a release without handling", extra={"recipient": request.recipient})
    now = request.now
    numbers = tuple(n for n, part in enumerate(submission.parts) if decision.part(part.name).outcome in LEAVES)
    facts = ManifestFacts(
        package_id=request.package_id,
        kind=submission.kind,
        originator=agency.participant,
        post=agency.directory.partner(request.recipient).descriptor.stated.post,
        created_at=now,
        expires_at=submission.expires_at or now + agency.limits.package_term,
        in_reply_to=submission.in_reply_to,
        thread_id=submission.thread_id,
        title=submission.title,
        purpose=submission.purpose,
        legal_basis=request.legal_basis,
        crime_types=submission.crime_types,
        urgency=submission.urgency,
        markings=tuple(Markings.parse(submission.markings).texts()),
        handling_codes=submission.handling_codes,
        caveats=tuple(sorted(handling.caveats)),
        retain_until=now + timedelta(days=handling.retention_days),
        onward=min(filter(None, (submission.onward, handling.onward)), key=list(Onward).index),
        release=Release(
            decision_id=decision_id,
            policy_set_hash=decision.policy_set_hash,
            approvers=tuple(approvers),
            release_proof_sha256=sha256_hex(decision.record),
        ),
        parts=tuple(_manifest_part(submission, content, number) for number in numbers),
    )
    return facts, numbers


def _manifest_part(submission: Submission, content: Content, number: int) -> ManifestPart:
    part = submission.parts[number]
    return ManifestPart.of(
        content.parts[number],
        name=part.name,
        media_type=part.media_type,
        markings=submission.marked(part),
        content_class=part.content_class,
    )
