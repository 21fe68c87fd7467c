"""Approve: a second officer, at the recipient's post, approves exactly one release, or rejects it.

The approval is a fact that policy checks, not an order: the decision is made again with it, and only a permit releases.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attache.errors import Conflict, IllegalTransition, IntegrityLost, NotFound, NotPermitted
from attache.vocabulary import Post
from attache.wire.approvals import Answer
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_LISTED
from gateway.exchange.kernel.officers import officers_posts, posts_in_standing
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import Provenance, provenance_of
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import ApprovalRecord, Key, PackageRecord, PartRecord, ReleaseRecord
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange.kernel.refused_requests import approval_refusal_logged
from gateway.exchange.kernel.sealed import APPROVAL_REASON, APPROVED_DIGEST, PART
from gateway.exchange.kernel.state import (
    APPROVAL,
    RELEASE,
    ApprovalEvent,
    ApprovalState,
    ReleaseEvent,
    ReleaseState,
    advance,
)
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import Work
from gateway.exchange.outgoing.engine_failures import engine_failure_logged
from gateway.exchange.outgoing.fields import fields_of
from gateway.exchange.outgoing.proposal import release_requests, with_approvals
from gateway.exchange.outgoing.release import Verdict, carry_out, decide_and_seal
from gateway.exchange.outgoing.submit import content_of
from gateway.exchange_log.events.approvals import ApprovalLapsed, ApprovalVoided, PackageApproved, PackageRejected
from gateway.exchange_log.events.base import ReleaseIds
from gateway.identity.caller import Caller
from gateway.policy import ApprovalFacts


@dataclass(frozen=True)
class _Case:
    """Everything on record about one approval."""

    approval: ApprovalRecord
    digest: str
    """What the approval covers; those of `earlier` cover the same."""
    package: PackageRecord
    parts: list[PartRecord]
    release: ReleaseRecord
    earlier: tuple[ApprovalRecord, ...]
    standing: Mapping[str, frozenset[Post]]
    """By officer, the posts that each one who has approved, or now answers, may approve for today."""
    provenance: Provenance


async def waiting_approvals(agency: Agency, caller: Caller, limit: int) -> list[ApprovalRecord]:
    """What waits for an officer of the caller's posts, oldest first."""
    return await agency.store.read(
        lambda reader: reader.find(
            ApprovalRecord.pending_at(sorted(officers_posts(agency, reader, caller)), min(limit, MAX_LISTED))
        )
    )


async def approval_of(agency: Agency, caller: Caller, approval_id: str) -> ApprovalRecord:
    """One approval of the caller's posts; raises NotFound for any other."""
    return await agency.store.read(lambda reader: _visible(agency, reader, caller, approval_id))


async def answer_approval(
    agency: Agency, caller: Caller, approval_id: str, answer: Answer, reason: str
) -> ApprovalRecord:
    """Approve or reject. The caller is an approver of the recipient's post and not the submitter.

    Raises NotPermitted("own-submission"), IllegalTransition where it has been answered already, and
    NotPermitted("approval-void") where what was to be approved is no longer what would leave: policy has changed. Then
    policy has decided again, and what still waits does so under a new approval.
    """
    async with approval_refusal_logged(agency, caller, approval_id):
        case = await agency.store.read(lambda reader: _case(agency, reader, caller, approval_id))
        _require_answerable(agency, case, caller)
    if answer is Answer.REJECT:
        return await agency.commit(caller, lambda work: _reject(agency, work, case, reason))
    async with engine_failure_logged(agency, caller, case.package.package_id):
        # Copies made for this answer go again unless it is committed: policy may have changed, or another officer been
        # quicker.
        async with ProvisionalBlobs(agency.blobs) as blobs:
            async with approval_refusal_logged(agency, caller, approval_id):
                # Blocking and long, so outside the transaction; `_require_unchanged` looks again inside it.
                verdict = await asyncio.to_thread(_decide_again, agency, blobs, case, caller)
            # protocol A3
            if verdict.decision.release_digest == case.digest:
                approved = await agency.commit(caller, lambda work: _approve(agency, work, case, verdict, reason))
                blobs.keep()
                return approved
        # A scope of its own: the copies that the void approval would have released are gone before others are made.
        async with ProvisionalBlobs(agency.blobs) as blobs:
            afresh = await asyncio.to_thread(_decide_afresh, agency, blobs, case)
            await agency.commit(caller, lambda work: _void(agency, work, case, afresh))
            blobs.keep()
        raise NotPermitted("approval-void")


def let_lapse(agency: Agency, work: Work, approval: ApprovalRecord) -> None:
    """The time for an approval is over: what waits for it is rejected."""
    work.put(approval, replace(approval, state=advance(APPROVAL, approval.state, ApprovalEvent.VOID)))
    release = work.get(_release_key(approval))
    if release is None or release.state is not ReleaseState.AWAITING_APPROVAL:
        return
    state = advance(RELEASE, release.state, ReleaseEvent.REJECT)
    work.put(release, replace(release, state=state, changed_at=work.at, problem="approval-void"))
    lapsed = ApprovalLapsed(about=_about(agency, approval), decision_id=release.decision_id, post=Post(approval.post))
    work.log(lapsed)


def _require_answerable(agency: Agency, case: _Case, caller: Caller) -> None:
    officer, approval = agency.officer(caller), case.approval
    # protocol A3
    if officer == approval.submitter:
        raise NotPermitted("own-submission")
    if approval.state is not ApprovalState.PENDING:
        raise IllegalTransition(detail=f"already {approval.state}")
    if any(officer == before.decided_by for before in case.earlier):
        raise NotPermitted("own-submission", "one officer approves once; the second approval is another officer's")
    if approval.expires_at <= agency.clock():
        raise NotPermitted("approval-void", "the time for this approval is over")


def _decide_again(agency: Agency, blobs: ProvisionalBlobs, case: _Case, caller: Caller) -> Verdict:
    """Policy's decision with this approval and those before it."""
    officer = agency.officer(caller)
    this = ApprovalFacts(
        officer,
        case.standing[officer],
        may_approve=True,
        digest=case.digest,
        expires_at=case.approval.expires_at,
    )
    others = [_earlier_facts(case, approval) for approval in case.earlier]
    return _decide(agency, blobs, case, [*others, this])


def _decide_afresh(agency: Agency, blobs: ProvisionalBlobs, case: _Case) -> Verdict:
    """Policy's decision as if there were no approval."""
    return _decide(agency, blobs, case, [])


def _decide(agency: Agency, blobs: ProvisionalBlobs, case: _Case, approvals: Sequence[ApprovalFacts]) -> Verdict:
    submission = submission_of(agency, case.package)
    content = content_of(agency, submission, case.parts)
    now = agency.clock()
    requests = release_requests(
        submission,
        content.digests,
        fields_of(agency, submission, content),
        package_id=case.package.package_id,
        own=agency.participant,
        post=agency.post,
        requester=case.package.submitter,
        now=now,
        provenance=case.provenance,
    )
    request = with_approvals(requests[case.release.recipient], approvals, now)
    approvers = [facts.officer for facts in approvals if facts.may_approve and facts.expires_at > now]
    return decide_and_seal(agency, blobs, submission, content, request, approvers=approvers)


def _earlier_facts(case: _Case, approval: ApprovalRecord) -> ApprovalFacts:
    """An approval given before, as the officer stands today."""
    posts = case.standing[approval.decided_by or ""]
    return ApprovalFacts(
        approval.decided_by or "",
        posts,
        may_approve=approval.post in posts,
        digest=case.digest,
        expires_at=approval.expires_at,
    )


def _approve(agency: Agency, work: Work, case: _Case, verdict: Verdict, reason: str) -> ApprovalRecord:
    _require_unchanged(work, case)
    approved = _answered(agency, work, case.approval, ApprovalEvent.APPROVE, reason)
    event = PackageApproved(
        about=_about(agency, case.approval),
        decision_id=verdict.decision_id,
        release_sha256=case.digest,
        post=Post(case.approval.post),
        note=reason,
    )
    # The approval comes before the release in the log: evidence counts only the approvals before it.
    work.log(event)
    carry_out(agency, work, case.release, verdict)
    return approved


def _reject(agency: Agency, work: Work, case: _Case, reason: str) -> ApprovalRecord:
    _require_unchanged(work, case)
    rejected = _answered(agency, work, case.approval, ApprovalEvent.REJECT, reason)
    state = advance(RELEASE, case.release.state, ReleaseEvent.REJECT)
    work.put(case.release, replace(case.release, state=state, changed_at=work.at))
    event = PackageRejected(
        about=_about(agency, case.approval),
        decision_id=case.release.decision_id,
        post=Post(case.approval.post),
        note=reason,
    )
    work.log(event)
    return rejected


def _require_unchanged(work: Work, case: _Case) -> None:
    """What was read before the decision is still so; two officers who answer at once do not both count."""
    now = work.get(ApprovalRecord.key(case.approval.approval_id)), work.get(_release_key(case.approval))
    if now != (case.approval, case.release):
        raise Conflict(detail="answered or changed by another officer meanwhile")
    for officer, posts in case.standing.items():
        if posts_in_standing(work, officer, posts) != posts:
            raise Conflict(detail="an officer's standing was withdrawn meanwhile")


def _void(agency: Agency, work: Work, case: _Case, afresh: Verdict) -> None:
    _require_unchanged(work, case)
    work.put(case.approval, replace(case.approval, state=advance(APPROVAL, case.approval.state, ApprovalEvent.VOID)))
    voided = ApprovalVoided(
        about=_about(agency, case.approval), decision_id=case.release.decision_id, post=Post(case.approval.post)
    )
    work.log(voided)
    carry_out(agency, work, case.release, afresh)


def _answered(
    agency: Agency,
    work: Work,
    approval: ApprovalRecord,
    decision: ApprovalEvent,
    reason: str,
) -> ApprovalRecord:
    answered = replace(
        approval,
        state=advance(APPROVAL, approval.state, decision),
        decided_by=agency.officer(work.caller),
        decided_at=work.at,
    )
    return work.put(approval, agency.seal(APPROVAL_REASON, answered, reason))


def _about(agency: Agency, approval: ApprovalRecord) -> ReleaseIds:
    return ReleaseIds(package_id=approval.package_id, originator=agency.participant, recipient=approval.recipient)


def _visible(agency: Agency, reader: Reader, caller: Caller, approval_id: str) -> ApprovalRecord:
    approval = reader.get(ApprovalRecord.key(approval_id))
    if approval is None:
        raise NotFound
    # protocol A3
    if approval.post not in officers_posts(agency, reader, caller):
        raise NotForCaller
    return approval


def _case(agency: Agency, reader: Reader, caller: Caller, approval_id: str) -> _Case:
    approval = _visible(agency, reader, caller, approval_id)
    package = reader.get(PackageRecord.key(approval.package_id))
    release = reader.get(_release_key(approval))
    if package is None or release is None:
        raise IntegrityLost(detail="an approval without its package", step="approval")
    siblings = reader.find(ApprovalRecord.of_release(approval.package_id, approval.recipient))
    given = [sibling for sibling in siblings if sibling.state is ApprovalState.APPROVED]
    digest = approved_digest(agency, approval)
    earlier = tuple(sibling for sibling in given if approved_digest(agency, sibling) == digest)
    claimed = {before.decided_by or "": frozenset({Post(before.post)}) for before in earlier}
    claimed[agency.officer(caller)] = caller.posts
    standing = {officer: posts_in_standing(reader, officer, posts) for officer, posts in claimed.items()}
    parts = reader.find(PartRecord.of_package(approval.package_id))
    digests = [agency.open(PART, part).sha256 for part in parts]
    provenance = provenance_of(agency, reader, digests)
    return _Case(approval, digest, package, parts, release, earlier, standing, provenance)


def approved_digest(agency: Agency, approval: ApprovalRecord) -> str:
    """What the approval is bound to: gateway.policy's release digest."""
    return agency.open(APPROVED_DIGEST, approval)


def _release_key(approval: ApprovalRecord) -> Key[ReleaseRecord]:
    return ReleaseRecord.key(approval.package_id, approval.recipient)
