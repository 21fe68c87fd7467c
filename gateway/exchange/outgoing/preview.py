"""Preview: an approver sees, and may read, exactly what would leave once the approval is given.

The decision on record is asked again as if it were approved, and the content is redacted as the release would redact
it: same facts, same bytes. Reading it is logged before the first byte is given.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from attache import strict_json
from attache.crypto import sha256_hex
from attache.errors import IllegalTransition, NotFound, NotPermitted
from attache.package import BLOCK_BYTES
from attache.wire.approvals import ApprovalView, LeavingPartView
from attache.wire.packages import Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    DecisionRecord,
    PackageRecord,
    PartRecord,
    RedactedPartRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.sealed import DECISION, REDACTED_PART
from gateway.exchange.kernel.state import ApprovalState
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.outgoing.approve import approval_of, approved_digest
from gateway.exchange.outgoing.decided import part_decision_view
from gateway.exchange.outgoing.fields import Content
from gateway.exchange.outgoing.manifest import LEAVES
from gateway.exchange.outgoing.proposal import addressee_of
from gateway.exchange.outgoing.redact import redacted_content, redacted_numbers
from gateway.exchange.outgoing.release import decide_as_if_approved
from gateway.exchange.outgoing.submit import content_of
from gateway.exchange_log.events.approvals import ApprovalRead
from gateway.exchange_log.events.base import ReleaseIds
from gateway.identity.caller import Caller
from gateway.policy import Decision, ReleaseRequest, UnitOutcome, without_hidden
from gateway.policy.record import parse_decision, parse_request


@dataclass(frozen=True)
class Awaiting:
    """A release that waits, or waited, for an approval, as it is on record. `copies`: what left redacted, by number."""

    approval: ApprovalRecord
    submission: Submission
    request: ReleaseRequest
    decision: Decision
    content: Content
    copies: dict[int, RedactedPartRecord]

    @property
    def is_pending(self) -> bool:
        return self.approval.state is ApprovalState.PENDING


@dataclass(frozen=True)
class Leaving:
    """What would leave of one part, or has left; `bytes` and `sha256` are None where they are no longer known."""

    number: int
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True)
class PreviewedPart:
    """The content that would leave of one part."""

    size_bytes: int
    sha256: str
    pieces: Iterator[bytes]


def awaiting(agency: Agency, reader: Reader, approval: ApprovalRecord) -> Awaiting:
    """Everything on record about what an approval is asked for."""
    package = reader.get(PackageRecord.key(approval.package_id))
    release = reader.get(ReleaseRecord.key(approval.package_id, approval.recipient))
    decided = reader.get(DecisionRecord.key(release.decision_id)) if release else None
    if package is None or decided is None:
        raise NotFound
    record = agency.open(DECISION, decided)
    submission = submission_of(agency, package)
    parts = reader.find(PartRecord.of_package(approval.package_id))
    copies = reader.find(RedactedPartRecord.of_release(approval.package_id, approval.recipient))
    return Awaiting(
        approval,
        submission,
        parse_request(strict_json.parse_object(record)["request"]),
        parse_decision(record),
        content_of(agency, submission, parts),
        {copy.number: copy for copy in copies},
    )


def what_would_leave(agency: Agency, case: Awaiting) -> Decision:
    """Policy's answer once it is approved. Where policy has changed since,
    and for what is answered, the one on record.
    """
    if not case.is_pending or case.decision.approvals_needed is None:
        return case.decision
    approved = decide_as_if_approved(agency, case.request, case.decision)
    return approved if approved.release_digest == approved_digest(agency, case.approval) else case.decision


def leaving(agency: Agency, case: Awaiting, decision: Decision) -> Iterator[Leaving]:
    """The parts that would leave, or have left. Blocking: what is redacted is made to be measured."""
    redacted = redacted_numbers(decision)
    for number, part in enumerate(decision.parts):
        if part.outcome not in LEAVES | {UnitOutcome.AWAIT_APPROVAL}:
            continue
        if number in case.copies:
            sealed = agency.open(REDACTED_PART, case.copies[number])
            yield Leaving(number, sealed.bytes, sealed.sha256)
        elif number not in redacted:
            yield Leaving(number, case.content.parts[number].bytes, case.content.parts[number].sha256)
        elif not case.is_pending or decision.approvals_needed is not None:
            yield Leaving(number, None, None)
        elif (left := _left(agency, case, decision, number)) is not None:
            yield Leaving(number, len(left), sha256_hex(left))


def unmeasured(case: Awaiting, decision: Decision) -> Iterator[Leaving]:
    """The same without a look into any content: what has fields is not measured."""
    for number, part in enumerate(decision.parts):
        if part.outcome in LEAVES | {UnitOutcome.AWAIT_APPROVAL}:
            whole = case.content.parts[number]
            yield Leaving(number, None, None) if part.fields else Leaving(number, whole.bytes, whole.sha256)


async def approval_view(agency: Agency, approval: ApprovalRecord, *, measured: bool = True) -> ApprovalView:
    """What an approver sees: exactly what would leave; `measured`,
    with size and digest also of what leaves redacted.
    """
    case = await agency.store.read(lambda reader: awaiting(agency, reader, approval))
    return await asyncio.to_thread(_approval_view, agency, case, measured=measured)


async def preview_part(agency: Agency, caller: Caller, approval_id: str, name: str) -> PreviewedPart:
    """The content that would leave of one part, for an approver of the recipient's post. Logged.

    Raises NotPermitted("own-submission"), IllegalTransition once it is answered, NotPermitted("approval-void") where
    policy has changed since it was asked for, and NotFound for what would not leave.
    """
    approval = await approval_of(agency, caller, approval_id)
    if approval.submitter == agency.officer(caller):
        raise NotPermitted("own-submission")
    if approval.state is not ApprovalState.PENDING:
        raise IllegalTransition(detail=f"already {approval.state}")
    case = await agency.store.read(lambda reader: awaiting(agency, reader, approval))
    part = await asyncio.to_thread(_previewed, agency, case, name)
    about = ReleaseIds(package_id=approval.package_id, originator=agency.participant, recipient=approval.recipient)
    read = ApprovalRead(about=about, part=name, bytes=part.size_bytes)
    await agency.commit(caller, lambda work: work.log(read))
    return part


def _previewed(agency: Agency, case: Awaiting, name: str) -> PreviewedPart:
    decision = what_would_leave(agency, case)
    if decision.approvals_needed is not None:
        raise NotPermitted("approval-void", "policy has changed; the answer will have it decide again")
    for number, part in enumerate(decision.parts):
        if part.name != name or part.outcome not in LEAVES:
            continue
        if number not in redacted_numbers(decision):
            whole = case.content.parts[number]
            return PreviewedPart(whole.bytes, whole.sha256, case.content.pieces(agency, number))
        left = _left(agency, case, decision, number)
        if left is not None:
            pieces = (left[start : start + BLOCK_BYTES] for start in range(0, len(left), BLOCK_BYTES))
            return PreviewedPart(len(left), sha256_hex(left), pieces)
    raise NotFound(detail="no such part would leave")


def _left(agency: Agency, case: Awaiting, decision: Decision, number: int) -> bytes | None:
    return redacted_content(agency, case.submission, case.content, case.request, decision, number)


def _approval_view(agency: Agency, case: Awaiting, *, measured: bool) -> ApprovalView:
    decision = what_would_leave(agency, case)
    shown = {part.name: part_decision_view(part) for part in without_hidden(decision).parts}
    parts = leaving(agency, case, decision) if measured else unmeasured(case, decision)
    declared = case.submission.parts
    return ApprovalView.of(
        case.approval,
        case.submission,
        addressee_of(case.submission, case.approval.recipient),
        parts=[
            LeavingPartView.of(left, shown[declared[left.number].name], declared[left.number], uploaded=True)
            for left in parts
        ],
    )
