"""Approve: a second officer, at the recipient's post, approves exactly one release, or rejects it.

The approval is a fact that policy checks, not an order: the decision is made again with it, and only a permit releases.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from attache.errors import Conflict, IllegalTransition, IntegrityLost, NotFound, NotPermitted
from attache.vocabulary import Post
from gateway.exchange.agency import Agency
from gateway.exchange.logged import event
from gateway.exchange.ports import Reader, Transaction
from gateway.exchange.proposal import release_requests, with_approvals
from gateway.exchange.records import ApprovalRecord, ApprovalState, PackageRecord, PartRecord, ReleaseRecord
from gateway.exchange.release import Verdict, carry_out, decide_and_seal, engine_failure_logged
from gateway.exchange.state import RELEASE, ReleaseEvent, advance
from gateway.exchange.submit import content_of, submission_of
from gateway.exchange_log import Event, EventCode
from gateway.identity.caller import Caller
from gateway.policy import ApprovalFacts

MAX_LISTED = 200


class Answer(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class _Case:
    """Everything on record about one approval."""

    approval: ApprovalRecord
    package: PackageRecord
    parts: list[PartRecord]
    life: ReleaseRecord
    earlier: tuple[ApprovalRecord, ...]


async def waiting_approvals(agency: Agency, caller: Caller, limit: int) -> list[ApprovalRecord]:
    """What waits for an officer of the caller's posts, oldest first."""
    posts = sorted(caller.posts)
    return await agency.store.read(lambda reader: reader.approvals_at(posts, min(limit, MAX_LISTED)))


async def approval_of(agency: Agency, caller: Caller, approval_id: str) -> ApprovalRecord:
    """One approval of the caller's posts; raises NotFound for any other."""
    return await agency.store.read(lambda reader: _visible(reader, caller, approval_id))


async def answer_approval(
    agency: Agency, caller: Caller, approval_id: str, answer: Answer, reason: str
) -> ApprovalRecord:
    """Approve or reject. The caller is an approver of the recipient's post and not the submitter.

    Raises NotPermitted("own-submission"), NotPermitted("approval-void") where what was to be approved is no longer
    what would leave, IllegalTransition where it has been answered already.
    """
    case = await agency.store.read(lambda reader: _case(reader, caller, approval_id))
    _require_answerable(agency, case, caller)
    if answer is Answer.REJECT:
        return await agency.store.write(lambda tx: _reject(agency, tx, case, caller, reason))
    async with engine_failure_logged(agency, caller, case.package.package_id):
        verdict = await asyncio.to_thread(_decide_again, agency, case, caller)
        return await agency.store.write(lambda tx: _approve(agency, tx, case, verdict, caller, reason))


def _require_answerable(agency: Agency, case: _Case, caller: Caller) -> None:
    officer, approval = agency.officer(caller), case.approval
    if officer == approval.submitter:
        raise NotPermitted("own-submission")
    if approval.state is not ApprovalState.PENDING:
        raise IllegalTransition(detail=f"already {approval.state}")
    if any(officer == before.decided_by for before in case.earlier):
        raise NotPermitted("own-submission", "one officer approves once; the second approval is another officer's")
    if approval.expires_at <= agency.clock():
        raise NotPermitted("approval-void", "the time for this approval is over")


def _decide_again(agency: Agency, case: _Case, caller: Caller) -> Verdict:
    """Policy's decision with this approval and those before it."""
    submission = submission_of(agency, case.package)
    content = content_of(agency, submission, case.parts)
    now = agency.clock()
    requests = release_requests(
        submission,
        content.digests,
        package_id=case.package.package_id,
        own=agency.participant,
        post=agency.post,
        requester=case.package.submitter,
        now=now,
    )
    officer = agency.officer(caller)
    this = ApprovalFacts(
        officer, caller.posts, may_approve=True, digest=case.approval.digest, expires_at=case.approval.expires_at
    )
    others = [_earlier_facts(approval) for approval in case.earlier]
    request = with_approvals(requests[case.life.recipient], [*others, this], now)
    approvers = [*(facts.officer for facts in others), officer]
    verdict = decide_and_seal(agency, submission, content, request, approvers=approvers)
    if verdict.decision.release_digest != case.approval.digest:
        raise NotPermitted("approval-void")
    return verdict


def _earlier_facts(approval: ApprovalRecord) -> ApprovalFacts:
    if approval.decided_by is None:
        raise IntegrityLost(detail="an approval without an officer", step="approval")
    return ApprovalFacts(
        approval.decided_by,
        frozenset({Post(approval.post)}),
        may_approve=True,
        digest=approval.digest,
        expires_at=approval.expires_at,
    )


def _approve(
    agency: Agency, tx: Transaction, case: _Case, verdict: Verdict, caller: Caller, reason: str
) -> ApprovalRecord:
    _require_unchanged(tx, case)
    approved = _answered(agency, tx, case.approval, ApprovalState.APPROVED, caller, reason)
    tx.log(_entry(agency, EventCode.PACKAGE_APPROVED, case, caller, reason, verdict.decision_id))
    carry_out(agency, tx, case.life, verdict, caller)
    return approved


def _reject(agency: Agency, tx: Transaction, case: _Case, caller: Caller, reason: str) -> ApprovalRecord:
    _require_unchanged(tx, case)
    rejected = _answered(agency, tx, case.approval, ApprovalState.REJECTED, caller, reason)
    state = advance(RELEASE, case.life.state, ReleaseEvent.REJECT)
    tx.change(case.life, state=state, changed_at=agency.clock())
    tx.log(_entry(agency, EventCode.PACKAGE_REJECTED, case, caller, reason, case.life.decision_id))
    return rejected


def _require_unchanged(tx: Transaction, case: _Case) -> None:
    """What was read before the decision is still so; two officers who answer at once do not both count."""
    now = tx.get(ApprovalRecord, case.approval.approval_id), tx.get(ReleaseRecord, *_life_key(case.approval))
    if now != (case.approval, case.life):
        raise Conflict(detail="answered or changed by somebody else meanwhile")


def _answered(
    agency: Agency,
    tx: Transaction,
    approval: ApprovalRecord,
    state: ApprovalState,
    caller: Caller,
    reason: str,
) -> ApprovalRecord:
    return tx.change(
        approval,
        state=state,
        decided_by=agency.officer(caller),
        decided_at=agency.clock(),
        reason_sealed=agency.vault.seal(reason, "approval", approval.approval_id),
    )


def _entry(agency: Agency, code: EventCode, case: _Case, caller: Caller, reason: str, decision_id: str) -> Event:
    record = {
        "package_id": case.package.package_id,
        "originator": agency.participant,
        "recipient": case.life.recipient,
        "decision_id": decision_id,
        "post": case.approval.post,
    }
    if code is EventCode.PACKAGE_APPROVED:
        record["release_sha256"] = case.approval.digest
    return event(
        code,
        agency.clock(),
        caller,
        package=case.package.package_id,
        partner=case.life.recipient,
        record=record,
        reason={"note": reason},
    )


def _visible(reader: Reader, caller: Caller, approval_id: str) -> ApprovalRecord:
    approval = reader.get(ApprovalRecord, approval_id)
    if approval is None or approval.post not in caller.posts:
        raise NotFound
    return approval


def _case(reader: Reader, caller: Caller, approval_id: str) -> _Case:
    approval = _visible(reader, caller, approval_id)
    package = reader.get(PackageRecord, approval.package_id)
    life = reader.get(ReleaseRecord, *_life_key(approval))
    if package is None or life is None:
        raise IntegrityLost(detail="an approval without its package", step="approval")
    siblings = reader.find(ApprovalRecord, package_id=approval.package_id, recipient=approval.recipient)
    earlier = tuple(s for s in siblings if s.state is ApprovalState.APPROVED and s.digest == approval.digest)
    return _Case(approval, package, reader.find(PartRecord, package_id=approval.package_id), life, earlier)


def _life_key(approval: ApprovalRecord) -> tuple[str, str]:
    return approval.package_id, approval.recipient
