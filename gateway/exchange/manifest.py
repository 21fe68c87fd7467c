"""The manifest of a release: what was submitted, what policy decided of it, and what came with it, as facts to be signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from attache.crypto import sha256_hex
from attache.errors import NotPermitted
from attache.package import ManifestFacts, ManifestPart, Release, SealedPart
from attache.vocabulary import HandlingCode, Markings, Onward
from gateway.exchange.agency import Agency
from gateway.exchange.submission import Submission
from gateway.policy import Decision, ReleaseRequest, UnitOutcome

LEAVES = frozenset({UnitOutcome.DISCLOSE})
ENGINE_FAILED = "policy-engine-failed"


@dataclass(frozen=True)
class Content:
    """The parts of one package as they were encrypted on arrival, in the order of the submission."""

    parts: tuple[SealedPart, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(part.sha256 for part in self.parts)


def manifest_facts(
    agency: Agency,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    decision: Decision,
    decision_id: str,
    approvers: Sequence[str],
) -> tuple[ManifestFacts, tuple[int, ...]]:
    """What is to be signed for one recipient, and the numbers of the parts that leave, in manifest order."""
    handling = decision.handling
    if handling is None:
        raise NotPermitted(ENGINE_FAILED, "a release without handling", extra={"recipient": request.recipient})
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
        handling_codes=_handling_codes(submission, request, numbers),
        caveats=tuple(sorted(handling.caveats)),
        retain_until=now + timedelta(days=handling.retention_days),
        onward=min(filter(None, (submission.onward, handling.onward)), key=list(Onward).index),
        release=Release(
            decision_id=decision_id,
            policy_set_hash=decision.policy_set_hash,
            approvers=tuple(approvers),
            release_proof_sha256=sha256_hex(decision.record),
        ),
        parts=tuple(_manifest_part(submission, content, request, number) for number in numbers),
    )
    return facts, numbers


def _handling_codes(
    submission: Submission, request: ReleaseRequest, numbers: Sequence[int]
) -> tuple[HandlingCode, ...]:
    """The package's, and those that came with what is passed on."""
    received = {code for number in numbers for code in request.parts[number].handling_codes}
    return (*submission.handling_codes, *sorted(received - set(submission.handling_codes)))


def _manifest_part(submission: Submission, content: Content, request: ReleaseRequest, number: int) -> ManifestPart:
    part = submission.parts[number]
    return ManifestPart.of(
        content.parts[number],
        name=part.name,
        media_type=part.media_type,
        markings=request.parts[number].markings,
        content_class=tuple(sorted(request.parts[number].content_class)),
        evaluation=request.parts[number].evaluation,
    )
