"""From records to what callers are shown."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attache.errors import NotFound
from attache.package import SealedPart
from attache.wire.approvals import ApprovalView, LeavingPartView
from attache.wire.arrivals import ArrivalView
from attache.wire.decisions import DecisionView, FieldDecisionView, HandlingView, PartDecisionView
from attache.wire.packages import PackageView, PartFacts, PartView, ReceiptView, ReleaseView, Submission
from attache.wire.participants import ParticipantView
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.arriving.read import Arrival
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ArrivalRecord,
    DecisionRecord,
    PackageRecord,
    PartRecord,
    ReceiptRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange.outgoing.created import Created, CreatedLife, pending_approval
from gateway.exchange.outgoing.preview import Awaiting, Leaving, awaiting, leaving, unmeasured, what_would_leave
from gateway.exchange.outgoing.proposal import addressee_of
from gateway.exchange.outgoing.submit import submission_of
from gateway.identity.caller import Caller, Role
from gateway.partners import Partner
from gateway.policy import Decision, PartDecision, UnitOutcome, without_hidden
from gateway.policy.record import parse_decision

SEE_ALL = frozenset({Role.AUDITOR, Role.SECURITY_OFFICER})
MAX_LISTED = 100
MAX_FIELDS_SHOWN = 200
PURGED = "purged"


async def packages_page(agency: Agency, caller: Caller, after: str, limit: int) -> tuple[list[PackageView], str | None]:
    """The caller's packages, newest first; all of them for an auditor. The second value continues the list."""
    size = min(limit, MAX_LISTED)
    only = None if caller.roles & SEE_ALL else agency.officer(caller)

    def query(reader: Reader) -> list[PackageView]:
        return [_package_view(agency, reader, record, caller) for record in reader.packages_after(after, size, only)]

    found = await agency.store.read(query)
    return found, found[-1].package_id if len(found) == size else None


async def package_view(agency: Agency, caller: Caller, package_id: PackageId) -> PackageView:
    """One package; raises NotFound for one that the caller may not know of."""
    return await agency.store.read(
        lambda reader: _package_view(agency, reader, visible_package(agency, reader, caller, package_id), caller)
    )


def visible_package(agency: Agency, reader: Reader, caller: Caller, package_id: PackageId) -> PackageRecord:
    """The record of a package that the caller submitted, or that its role may see."""
    record = reader.get(PackageRecord, package_id)
    if record is None:
        raise NotFound
    if not (caller.roles & SEE_ALL or record.submitter == agency.officer(caller)):
        raise NotForCaller
    return record


async def receipts_of(agency: Agency, caller: Caller, package_id: PackageId) -> list[ReceiptView]:
    """Every signed receipt for a package of ours."""

    def query(reader: Reader) -> list[ReceiptRecord]:
        visible_package(agency, reader, caller, package_id)
        return reader.find(ReceiptRecord, originator=agency.participant, package_id=package_id)

    records = await agency.store.read(query)
    return [
        ReceiptView(receipt=r.receipt, recipient=r.recipient, at=r.at, signed=json.loads(r.signed)) for r in records
    ]


async def approval_view(agency: Agency, approval: ApprovalRecord, *, measured: bool = True) -> ApprovalView:
    """What an approver sees: exactly what would leave; `measured`, with size and digest also of what leaves redacted."""
    case = await agency.store.read(lambda reader: awaiting(agency, reader, approval))
    return await asyncio.to_thread(_approval_view, agency, case, measured=measured)


def decision_view(
    decision: Decision, *, recipient: ParticipantId, desk: str | None, decision_id: str | None
) -> DecisionView:
    """Policy's answer as callers are shown it. What must look absent is taken out by whoever calls this."""
    handling = decision.handling
    return DecisionView(
        decision_id=decision_id,
        recipient=recipient,
        desk=desk,
        outcome=decision.outcome,
        parts=[part_decision_view(part) for part in decision.parts],
        handling=None
        if handling is None
        else HandlingView(
            retention_days=handling.retention_days, caveats=sorted(handling.caveats), onward=handling.onward
        ),
        policy_set_hash=decision.policy_set_hash,
        shard_hash=decision.shard_hash,
    )


def part_decision_view(part: PartDecision) -> PartDecisionView:
    """The answer about one part and its fields."""
    ordered = sorted(part.fields, key=lambda unit: unit.outcome is UnitOutcome.DISCLOSE)
    return PartDecisionView(
        name=part.name,
        outcome=part.outcome,
        rules=part.rules,
        reasons=part.reasons,
        fields=[
            FieldDecisionView(path=unit.path, outcome=unit.outcome, rules=unit.rules, reasons=unit.reasons)
            for unit in ordered[:MAX_FIELDS_SHOWN]
        ],
        more_fields=max(0, len(ordered) - MAX_FIELDS_SHOWN),
    )


def arrival_view(arrival: Arrival) -> ArrivalView:
    """A package that came to us, as its originator describes it."""
    facts, record = arrival.facts, arrival.record
    if facts is None:
        return _purged_arrival(record)
    same = (
        "kind",
        "title",
        "purpose",
        "in_reply_to",
        "thread_id",
        "markings",
        "handling_codes",
        "caveats",
        "onward",
        "retain_until",
    )
    return ArrivalView(
        originator=record.originator,
        package_id=record.package_id,
        state=record.state,
        received_at=record.announced_at,
        parts=[
            PartView(
                **{
                    n: part[n]
                    for n in ("name", "media_type", "bytes", "sha256", "markings", "content_class", "evaluation")
                }
            )
            for part in facts["parts"]
        ],
        **{name: facts[name] for name in same},
    )


def _purged_arrival(record: ArrivalRecord) -> ArrivalView:
    nothing: dict[str, Any] = dict.fromkeys(("kind", "title", "purpose", "onward"), "")
    return ArrivalView(
        originator=record.originator,
        package_id=record.package_id,
        state=PURGED,
        received_at=record.announced_at,
        in_reply_to=None,
        thread_id=None,
        markings=(),
        handling_codes=(),
        caveats=(),
        retain_until=None,
        parts=(),
        purged_at=record.purged_at,
        **nothing,
    )


def participant_view(partner: Partner) -> ParticipantView:
    """A participant, by the descriptor in force."""
    stated = partner.descriptor.stated
    return ParticipantView(
        participant=stated.participant,
        name=stated.name,
        jurisdiction=stated.jurisdiction,
        post=stated.post,
        serial=stated.serial,
        status=partner.status,
        suites=stated.suites,
        fingerprint=partner.descriptor.sha256,
    )


def created_view(created: Created, caller: Caller) -> PackageView:
    """A package as it was committed, to its submitter: what `package_view` shows until something else happens to it."""
    lives = [_created_life(created.submission, life, caller) for life in created.lives]
    return _shown_package(created.record, created.submission, created.parts, lives)


def _created_life(submission: Submission, life: CreatedLife, caller: Caller) -> ReleaseView:
    desk = addressee_of(submission, life.record.recipient).desk
    return _shown_life(life.record, desk, _seen_by(caller, life.decision, life.record, desk), life.approval_id, ())


def _package_view(agency: Agency, reader: Reader, record: PackageRecord, caller: Caller) -> PackageView:
    lives = reader.find(ReleaseRecord, package_id=record.package_id)
    if record.purged_at is not None:
        return _purged_package(agency, reader, record, lives)
    submission = submission_of(agency, record)
    submission = submission_of(agency, record)
    arrived = reader.find(PartRecord, package_id=record.package_id)
    parts = {part.number: _opened(agency, part) for part in arrived}
    shown = [_release_view(agency, reader, submission, life, caller) for life in lives]
    return _shown_package(record, submission, parts, shown)


def _shown_package(
    record: PackageRecord, submission: Submission, parts: Mapping[int, SealedPart], lives: Sequence[ReleaseView]
) -> PackageView:
    return PackageView(
        package_id=record.package_id,
        state=record.state,
        kind=record.kind,
        title=submission.title,
        created_at=record.created_at,
        submitted_at=record.submitted_at,
        parts=[_part_view(facts, parts.get(number)) for number, facts in enumerate(submission.parts)],
        recipients=lives,
    )


def _purged_package(
    agency: Agency, reader: Reader, record: PackageRecord, lives: Sequence[ReleaseRecord]
) -> PackageView:
    return PackageView(
        package_id=record.package_id,
        state=PURGED,
        kind=record.kind,
        title="",
        created_at=record.created_at,
        submitted_at=record.submitted_at,
        parts=(),
        recipients=[_shown_life(life, None, None, None, _receipts_on_record(agency, reader, life)) for life in lives],
        purged_at=record.purged_at,
    )


def _opened(agency: Agency, part: PartRecord) -> SealedPart:
    return agency.vault_of(part.package_id).open_part(part.sealed_part_sealed, part.number)


def _part_view(facts: PartFacts, sealed: SealedPart | None) -> PartView:
    return PartView(
        name=facts.name,
        media_type=facts.media_type,
        bytes=sealed.bytes if sealed else facts.bytes,
        sha256=sealed.sha256 if sealed else facts.sha256,
        markings=facts.markings,
        content_class=facts.content_class,
        evaluation=facts.evaluation,
        uploaded=sealed is not None,
    )


def _release_view(
    agency: Agency, reader: Reader, submission: Submission, life: ReleaseRecord, caller: Caller
) -> ReleaseView:
    decision = _stored_decision(agency, reader, life)
    desk = addressee_of(submission, life.recipient).desk
    receipts = _receipts_on_record(agency, reader, life)
    seen = _seen_by(caller, decision, life, desk) if decision else None
    return _shown_life(life, desk, seen, pending_approval(reader, life), receipts)


def _receipts_on_record(agency: Agency, reader: Reader, life: ReleaseRecord) -> Sequence[ReceiptRecord]:
    return reader.find(
        ReceiptRecord, originator=agency.participant, package_id=life.package_id, recipient=life.recipient
    )


def _shown_life(
    life: ReleaseRecord,
    desk: str | None,
    decision: DecisionView | None,
    approval_id: str | None,
    receipts: Sequence[ReceiptRecord],
) -> ReleaseView:
    return ReleaseView(
        recipient=life.recipient,
        desk=desk,
        state=life.state,
        post=life.post,
        changed_at=life.changed_at,
        decision=decision,
        approval_id=approval_id,
        problem=life.problem,
        receipts=[receipt.receipt for receipt in receipts],
    )


def _approval_view(agency: Agency, case: Awaiting, *, measured: bool) -> ApprovalView:
    approval, submission = case.approval, case.submission
    addressee = addressee_of(submission, approval.recipient)
    decision = what_would_leave(agency, case)
    shown = {part.name: part for part in without_hidden(decision).parts}
    parts = leaving(agency, case, decision) if measured else unmeasured(case, decision)
    return ApprovalView(
        approval_id=approval.approval_id,
        package_id=approval.package_id,
        recipient=approval.recipient,
        desk=addressee.desk,
        post=approval.post,
        state=approval.state,
        requested_at=approval.requested_at,
        expires_at=approval.expires_at,
        decided_at=approval.decided_at,
        title=submission.title,
        kind=submission.kind,
        purpose=submission.purpose,
        legal_basis=addressee.legal_basis,
        parts=[_leaving_part_view(submission.parts[left.number], left, shown) for left in parts],
    )


def _leaving_part_view(facts: PartFacts, left: Leaving, shown: Mapping[str, PartDecision]) -> LeavingPartView:
    fields = part_decision_view(shown[facts.name])
    return LeavingPartView(
        name=facts.name,
        media_type=facts.media_type,
        bytes=left.bytes,
        sha256=left.sha256,
        markings=facts.markings,
        content_class=facts.content_class,
        evaluation=facts.evaluation,
        fields=fields.fields,
        more_fields=fields.more_fields,
    )


def _stored_decision(agency: Agency, reader: Reader, life: ReleaseRecord) -> Decision | None:
    record = reader.get(DecisionRecord, life.decision_id)
    if record is None:
        return None
    sealed = agency.vault_of(record.package_id).open(record.record_sealed, "decision", record.decision_id)
    return parse_decision(sealed.encode())


def _seen_by(caller: Caller, decision: Decision, life: ReleaseRecord, desk: str | None) -> DecisionView:
    """The decision; what must look absent is shown only to whoever watches over policy."""
    shown = decision if caller.roles & SEE_ALL else without_hidden(decision)
    return decision_view(shown, recipient=life.recipient, desk=desk, decision_id=life.decision_id)
