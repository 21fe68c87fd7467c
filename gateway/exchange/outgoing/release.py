"""Release: what policy decided is carried out. The decision, the sealed package and what the store is to write, as values.

Blocking (policy engine, signatures, encryption), and without effect but for the blobs of redacted copies, which go again
unless they are kept: whoever commits the result does it in one unit.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from attache.crypto import Suite, b64u, sha256_hex
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
from gateway.exchange.kernel.logged import SYSTEM, entry
from gateway.exchange.kernel.policy_sets import active_set
from gateway.exchange.kernel.ports import Transaction
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ApprovalState,
    DecisionRecord,
    OutboxKind,
    OutboxRecord,
    OutboxState,
    RedactedPartRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.state import RELEASE, ReleaseEvent, ReleaseState, advance
from gateway.exchange.outgoing.fields import Content, ContentAsked, Readable
from gateway.exchange.outgoing.manifest import ENGINE_FAILED, manifest_facts
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
from gateway.identity.caller import Caller
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
    """Ask policy; where it permits, seal what may leave. A suspended or unknown recipient gets nothing, whatever policy says.

    `blobs` answers for the redacted copies that are made. Raises AttacheError("release-stopped") where policy permits and our
    log's witnesses have raised an alarm, and NotPermitted("redaction-blocked"), also for what would leave once it is approved.
    """
    partner = agency.directory.active(request.recipient)
    if submission.expires_at is not None and submission.expires_at <= request.now:
        raise MalformedInput("term-over", "expires_at: is in the past")
    decision = decide_release(agency, request)
    decision_id = uuid7(request.now, agency.random)
    if decision.outcome is Outcome.HOLD:
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
    """Raise NotPermitted("redaction-blocked") where what was decided, or is to be approved, could not be carried out."""
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
    tx: Transaction,
    life: ReleaseRecord,
    verdict: Verdict,
    by: Caller,
    *,
    is_new: bool = False,
) -> ReleaseRecord:
    """Write a verdict: the decision, the recipient's new state, what follows from it, and their log entries."""
    request, decision = verdict.request, verdict.decision
    _record_decision(agency, tx, verdict, by)
    match decision.outcome:
        case Outcome.RELEASE | Outcome.PARTIAL:
            after = _released(agency, tx, life, verdict, by)
        case Outcome.HOLD:
            after = _held(agency, tx, life, verdict)
        case _:
            after = replace(life, state=advance(RELEASE, life.state, ReleaseEvent.DENY))
            denied = PackageDenied(
                about=_about(agency, request),
                recipient_desk=request.recipient_desk,
                decision_id=verdict.decision_id,
                reasons=_reasons(decision),
                rules=_rules(decision),
            )
            tx.log(entry(denied, at=request.now, by=by))
    after = replace(after, decision_id=verdict.decision_id, changed_at=request.now)
    if is_new:
        tx.add(after)
        return after
    return tx.put(
        life, replace(life, **{name: value for name, value in vars(after).items() if value != getattr(life, name)})
    )


def require_in_force(tx: Transaction, decision: Decision) -> None:
    """Raise Conflict where another policy set came into force since it was asked."""
    active = active_set(tx)
    if active is None or active.policy_sha256 != decision.policy_set_hash:
        raise Conflict(detail="another policy set came into force meanwhile; ask again")


def new_life(
    agency: Agency, package_id: PackageId, recipient: ParticipantId, now: datetime, expires_at: datetime | None
) -> ReleaseRecord:
    """A recipient's life of a package, at its very start. `expires_at`: as submitted; sealing sets one in any case."""
    post = agency.directory.partner(recipient).descriptor.stated.post
    return ReleaseRecord(
        package_id, recipient, ReleaseState.SUBMITTED, post, now, decision_id="", expires_at=expires_at
    )


def _record_decision(agency: Agency, tx: Transaction, verdict: Verdict, by: Caller) -> None:
    request, decision = verdict.request, verdict.decision
    require_in_force(tx, decision)
    tx.add(
        DecisionRecord(
            decision_id=verdict.decision_id,
            package_id=request.package_id,
            recipient=request.recipient,
            decided_at=request.now,
            outcome=decision.outcome,
            policy_set_hash=decision.policy_set_hash,
            shard_hash=decision.shard_hash,
            record_sealed=agency.vault_of(request.package_id).seal(
                decision.record.decode(), "decision", verdict.decision_id
            ),
        ),
    )
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
    tx.log(entry(decided, at=request.now, by=by))


def _released(agency: Agency, tx: Transaction, life: ReleaseRecord, verdict: Verdict, by: Caller) -> ReleaseRecord:
    request, sealed = verdict.request, verdict.sealed
    if sealed is None:
        raise IntegrityLost(detail="a release was decided and nothing was sealed", step="release")
    partner = agency.directory.active(request.recipient)
    if partner.endpoint is not None:
        tx.add(
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
    tx.log(entry(released, at=request.now, by=by))
    for copy in sealed.copies:
        tx.add(_copy_record(agency, life, copy))
    if request.review_within_hours:
        book_review(agency, tx, request, life.post, _about(agency, request), verdict.decision_id)
    return replace(
        life,
        state=advance(RELEASE, life.state, ReleaseEvent.RELEASE),
        expires_at=sealed.expires_at,
        frame=sealed.frame,
        manifest_sha256=sealed.manifest_sha256,
        manifest_sealed=agency.vault_of(life.package_id).seal(
            b64u(sealed.manifest), "manifest", life.package_id, life.recipient
        ),
        envelope_sha256=sealed.envelope_sha256,
        part_numbers=numbers_text(sealed.part_numbers, {copy.number for copy in sealed.copies}),
    )


def numbers_text(numbers: Sequence[int], redacted: Container[int]) -> str:
    """See ReleaseRecord.part_numbers."""
    return ",".join(f"{number}r" if number in redacted else str(number) for number in numbers)


def _copy_record(agency: Agency, life: ReleaseRecord, copy: RedactedCopy) -> RedactedPartRecord:
    return RedactedPartRecord(
        life.package_id,
        life.recipient,
        copy.number,
        copy.blob_id,
        copy.sealed.ciphertext_bytes,
        agency.vault_of(life.package_id).seal_part(copy.sealed, copy.number, life.recipient),
    )


def _held(agency: Agency, tx: Transaction, life: ReleaseRecord, verdict: Verdict) -> ReleaseRecord:
    """Ask for the next approval; a release that was held already stays so until enough officers have approved."""
    request, needed = verdict.request, verdict.decision.approvals_needed
    approval_id = uuid7(request.now, agency.random)
    if needed is None:
        raise NotPermitted(ENGINE_FAILED, "held, and nobody is to approve it", extra={"recipient": request.recipient})
    tx.add(
        ApprovalRecord(
            approval_id=approval_id,
            package_id=request.package_id,
            recipient=request.recipient,
            post=needed.post,
            state=ApprovalState.PENDING,
            digest_sealed=agency.vault_of(request.package_id).seal(
                verdict.decision.release_digest, "approved", approval_id
            ),
            submitter=request.requester,
            requested_at=request.now,
            expires_at=request.now + agency.limits.approval_term,
        ),
    )
    held = PackageHeld(
        about=_about(agency, request),
        recipient_desk=request.recipient_desk,
        decision_id=verdict.decision_id,
        post=needed.post,
        reasons=_reasons(verdict.decision),
        rules=_rules(verdict.decision),
    )
    tx.log(entry(held, at=request.now, by=SYSTEM))
    state = life.state if life.state is ReleaseState.HELD else advance(RELEASE, life.state, ReleaseEvent.HOLD)
    return replace(life, state=state)


def outbox_row(
    agency: Agency,
    kind: OutboxKind,
    partner: ParticipantId,
    originator: ParticipantId,
    package_id: PackageId,
    now: datetime,
    subject: str = "",
) -> OutboxRecord:
    """Something new for a partner, due at once."""
    return OutboxRecord(
        outbox_id=uuid7(now, agency.random),
        kind=kind,
        partner=partner,
        originator=originator,
        package_id=package_id,
        subject=subject,
        state=OutboxState.PENDING,
        created_at=now,
        due_at=now,
        deadline_at=now + agency.limits.delivery_deadline,
        lease_until=now,
    )


def _about(agency: Agency, request: ReleaseRequest) -> ReleaseIds:
    return ReleaseIds(package_id=request.package_id, originator=agency.participant, recipient=request.recipient)


def _rules(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted({rule for part in decision.parts for rule in part.rules}))


def _reasons(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted({reason for part in decision.parts for reason in part.reasons}))
