"""Release: what policy decided is carried out. The decision,
the sealed package and what the store is to write, as values.

Blocking (policy engine, signatures, encryption), and without effect but for the blobs of redacted copies, which go
again unless they are kept: the caller that commits the result keeps them in the same unit.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from attache.crypto import Suite, sha256_hex
from attache.errors import Conflict, IntegrityLost, MalformedInput, NotPermitted, PayloadTooLarge
from attache.package import (
    address,
    encode_frame,
    seal_signed,
    sign_manifest,
    uuid7,
)
from attache.package.envelope import MAX_ENVELOPE_BYTES
from attache.package.ids import PackageId, ParticipantId
from attache.wire.packages import Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.outbox_row import outbox_row
from gateway.exchange.kernel.policy_sets import active_set
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    DecisionRecord,
    OutboxKind,
    RedactedPartRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.refused_requests import ENGINE_FAILED
from gateway.exchange.kernel.sealed import APPROVED_DIGEST, DECISION, MANIFEST, REDACTED_PART
from gateway.exchange.kernel.state import RELEASE, ApprovalState, ReleaseEvent, ReleaseState, advance
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange.outgoing.fields import Content, ContentAsked, Readable
from gateway.exchange.outgoing.manifest import manifest_facts
from gateway.exchange.outgoing.redact import RedactedCopy, as_if_approved, copies_of, redacted_content, redacted_numbers
from gateway.exchange.outgoing.review import book_review
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import (
    PackageDecided,
    PackageDenied,
    PackageHeld,
    PackageReleased,
    RedactedPart,
)
from gateway.policy import Decision, Outcome, ReleaseRequest, decide


@dataclass(frozen=True)
class SealedRelease:
    """A package sealed to one recipient, ready to be committed and carried there."""

    frame: bytes
    envelope_sha256: str
    suite: Suite
    manifest: bytes = field(repr=False)
    """Signed; it holds the keys of the parts."""
    part_numbers: tuple[int, ...]
    copies: tuple[RedactedCopy, ...]
    """What leaves instead of some of them."""
    expires_at: datetime

    @property
    def manifest_sha256(self) -> str:
        return sha256_hex(self.manifest)


@dataclass(frozen=True)
class Verdict:
    """One recipient's decision, and the sealed package where it is to be released at once."""

    request: ReleaseRequest
    decision: Decision
    decision_id: str
    sealed: SealedRelease | None


def decide_and_seal(
    agency: Agency,
    blobs: ProvisionalBlobs,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    *,
    approvers: Sequence[str] = (),
) -> Verdict:
    """Ask policy; where it permits, seal what may leave.
    A suspended or unknown recipient gets nothing, whatever policy says.

    `blobs` answers for the redacted copies that are made. Raises AttacheError("release-stopped") where policy permits
    and our log's witnesses have raised an alarm, and NotPermitted("redaction-blocked"),
    also for what would leave once it is approved.
    """
    partner = agency.directory.active(request.recipient)
    if submission.expires_at is not None and submission.expires_at <= request.now:
        raise MalformedInput("term-over", "expires_at: is in the past")
    decision = decide_release(agency, request)
    decision_id = uuid7(request.now, agency.random)
    if decision.outcome is Outcome.AWAIT_APPROVAL:
        _require_redactable(agency, submission, content, request, decision)
    if decision.outcome not in {Outcome.RELEASE, Outcome.PARTIAL}:
        return Verdict(request, decision, decision_id, None)
    agency.require_release(request.recipient)
    copies = copies_of(agency, blobs, submission, content, request, decision)
    facts, numbers = manifest_facts(agency, submission, content, request, decision, decision_id, approvers, copies)
    manifest = address(facts, partner.descriptor, request.now, desk=request.recipient_desk)
    signed = sign_manifest(manifest, agency.keys)
    envelope = seal_signed(manifest, signed, partner.descriptor, random=agency.random)
    if len(envelope.raw) > MAX_ENVELOPE_BYTES:
        raise PayloadTooLarge(detail="what is stated of the parts is more than one package may hold")
    kept = tuple(copy for copy in copies.values() if copy is not None)
    frame, suite = encode_frame(envelope), manifest.suite
    sealed = SealedRelease(frame, envelope.sha256, suite, signed, numbers, kept, manifest.expires_at)
    return Verdict(request, decision, decision_id, sealed)


def decide_as_if_approved(agency: Agency, request: ReleaseRequest, held: Decision) -> Decision:
    """What policy would answer once what it holds were approved: exactly what would leave."""
    if held.approvals_needed is None:
        return held
    return decide_release(agency, as_if_approved(request, held.approvals_needed.post, held.release_digest))


def decide_foreseen(agency: Agency, submission: Submission, request: ReleaseRequest) -> Decision:
    """Policy's answer to what is only asked about; raises as `decide_and_seal` would, as far as content came along."""
    decision = decide_release(agency, request)
    _require_redactable(agency, submission, ContentAsked(submission), request, decision)
    return decision


def _require_redactable(
    agency: Agency, submission: Submission, content: Readable, request: ReleaseRequest, decision: Decision
) -> None:
    """Raise NotPermitted("redaction-blocked") where what was decided, or is to be approved,
    could not be carried out.
    """
    if any(part.fields for part in request.parts):
        approved = decide_as_if_approved(agency, request, decision)
        for number in redacted_numbers(approved):
            redacted_content(agency, submission, content, request, approved, number)


def decide_release(agency: Agency, request: ReleaseRequest) -> Decision:
    """Policy's answer; a failure of the engine names the recipient."""
    try:
        return decide(agency.in_force.policy, request)
    except NotPermitted as error:
        raise NotPermitted(error.code, error.detail, extra={"recipient": request.recipient}) from None


def carry_out(
    agency: Agency,
    work: Work,
    release: ReleaseRecord,
    verdict: Verdict,
    *,
    is_new: bool = False,
) -> ReleaseRecord:
    """Write a verdict: the decision, the recipient's new state, what follows from it, and their log entries."""
    request, decision = verdict.request, verdict.decision
    _record_decision(agency, work, verdict)
    match decision.outcome:
        case Outcome.RELEASE | Outcome.PARTIAL:
            after = _released(agency, work, release, verdict)
        case Outcome.AWAIT_APPROVAL:
            after = _held(agency, work, release, verdict)
        case _:
            after = replace(release, state=advance(RELEASE, release.state, ReleaseEvent.DENY))
            denied = PackageDenied(
                about=_about(agency, request),
                recipient_desk=request.recipient_desk,
                decision_id=verdict.decision_id,
                reasons=_reasons(decision),
                rules=_rules(decision),
            )
            work.log(denied)
    after = replace(after, decision_id=verdict.decision_id, changed_at=request.now)
    if is_new:
        work.add(after)
        return after
    return work.put(
        release,
        replace(release, **{name: value for name, value in vars(after).items() if value != getattr(release, name)}),
    )


def require_in_force(work: Work, decision: Decision) -> None:
    """Raise Conflict where another policy set came into force since it was asked."""
    active = active_set(work)
    if active is None or active.policy_sha256 != decision.policy_set_hash:
        raise Conflict(detail="another policy set came into force meanwhile; ask again")


def new_release(
    agency: Agency, package_id: PackageId, recipient: ParticipantId, now: datetime, expires_at: datetime | None
) -> ReleaseRecord:
    """The release to one recipient as it begins. `expires_at`: as submitted; sealing sets one in any case."""
    post = agency.directory.partner(recipient).descriptor.stated.post
    return ReleaseRecord(
        package_id, recipient, ReleaseState.SUBMITTED, post, now, decision_id="", expires_at=expires_at
    )


def _record_decision(agency: Agency, work: Work, verdict: Verdict) -> None:
    request, decision = verdict.request, verdict.decision
    require_in_force(work, decision)
    stored = DecisionRecord(
        decision_id=verdict.decision_id,
        package_id=request.package_id,
        recipient=request.recipient,
        decided_at=request.now,
        outcome=decision.outcome,
        policy_set_hash=decision.policy_set_hash,
        shard_hash=decision.shard_hash,
        record_sealed=b"",
    )
    work.add(agency.seal(DECISION, stored, decision.record))
    decided = PackageDecided(
        about=_about(agency, request),
        recipient_desk=request.recipient_desk,
        decision_id=verdict.decision_id,
        outcome=decision.outcome,
        policy_sha256=decision.policy_set_hash,
        facts_sha256=sha256_hex(decision.record),
        parts=tuple(part.outcome for part in decision.parts),
        reasons=_reasons(decision),
        rules=_rules(decision),
    )
    work.log(decided)


def _released(agency: Agency, work: Work, release: ReleaseRecord, verdict: Verdict) -> ReleaseRecord:
    request, sealed = verdict.request, verdict.sealed
    if sealed is None:
        raise IntegrityLost(detail="a release was decided and nothing was sealed", step="release")
    partner = agency.directory.active(request.recipient)
    if partner.endpoint is not None:
        work.add(
            outbox_row(
                agency, OutboxKind.PACKAGE, request.recipient, agency.participant, request.package_id, request.now
            )
        )
    released = PackageReleased(
        about=_about(agency, request),
        recipient_desk=request.recipient_desk,
        decision_id=verdict.decision_id,
        envelope_sha256=sealed.envelope_sha256,
        manifest_sha256=sealed.manifest_sha256,
        suite=sealed.suite,  # protocol D7: a weaker one than ours is not taken in silence
        release_sha256=sha256_hex(verdict.decision.record),
        legal_basis=request.legal_basis,
        purpose=request.purpose,
        parts=sealed.part_numbers,
        withheld=len(request.parts) - len(sealed.part_numbers),
        redacted=tuple(RedactedPart(part=copy.number, sha256=copy.sealed.sha256) for copy in sealed.copies),
    )
    work.log(released)
    for copy in sealed.copies:
        work.add(_copy_record(agency, release, copy))
    if request.review_within_hours:
        book_review(work, request, release.post, _about(agency, request), verdict.decision_id)
    after = replace(
        release,
        state=advance(RELEASE, release.state, ReleaseEvent.RELEASE),
        expires_at=sealed.expires_at,
        frame=sealed.frame,
        manifest_sha256=sealed.manifest_sha256,
        envelope_sha256=sealed.envelope_sha256,
        part_numbers=numbers_text(sealed.part_numbers, {copy.number for copy in sealed.copies}),
    )
    return agency.seal(MANIFEST, after, sealed.manifest)


def numbers_text(numbers: Sequence[int], redacted: Container[int]) -> str:
    """See ReleaseRecord.part_numbers."""
    return ",".join(f"{number}r" if number in redacted else str(number) for number in numbers)


def _copy_record(agency: Agency, release: ReleaseRecord, copy: RedactedCopy) -> RedactedPartRecord:
    record = RedactedPartRecord(
        release.package_id, release.recipient, copy.number, copy.blob_id, copy.sealed.ciphertext_bytes, b""
    )
    return agency.seal(REDACTED_PART, record, copy.sealed)


def _held(agency: Agency, work: Work, release: ReleaseRecord, verdict: Verdict) -> ReleaseRecord:
    """Ask for the next approval; a release that was held already stays so until enough officers have approved."""
    request, needed = verdict.request, verdict.decision.approvals_needed
    approval_id = uuid7(request.now, agency.random)
    if needed is None:
        raise NotPermitted(
            ENGINE_FAILED,
            "it waits for an approval, and no post is to approve it",
            extra={"recipient": request.recipient},
        )
    approval = ApprovalRecord(
        approval_id=approval_id,
        package_id=request.package_id,
        recipient=request.recipient,
        post=needed.post,
        state=ApprovalState.PENDING,
        digest_sealed=b"",
        submitter=request.requester,
        requested_at=request.now,
        expires_at=request.now + agency.limits.approval_term,
    )
    work.add(agency.seal(APPROVED_DIGEST, approval, verdict.decision.release_digest))
    held = PackageHeld(
        about=_about(agency, request),
        recipient_desk=request.recipient_desk,
        decision_id=verdict.decision_id,
        post=needed.post,
        reasons=_reasons(verdict.decision),
        rules=_rules(verdict.decision),
    )
    work.log(held, by=SYSTEM)
    state = (
        release.state
        if release.state is ReleaseState.AWAITING_APPROVAL
        else advance(RELEASE, release.state, ReleaseEvent.AWAIT_APPROVAL)
    )
    return replace(release, state=state)


def _about(agency: Agency, request: ReleaseRequest) -> ReleaseIds:
    return ReleaseIds(package_id=request.package_id, originator=agency.participant, recipient=request.recipient)


def _rules(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted({rule for part in decision.parts for rule in part.rules}))


def _reasons(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted({reason for part in decision.parts for reason in part.reasons}))
