"""Approvals: the queue of a post, and the answers of its officers."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import StreamingResponse

from attache.wire.approvals import ApprovalAnswer, ApprovalList, ApprovalView
from gateway.admission import Json, PageSize, ThisAgency, api_router
from gateway.api.callers import Approver, PackageId
from gateway.exchange.outgoing.approve import answer_approval, approval_of, waiting_approvals
from gateway.exchange.outgoing.preview import approval_view, preview_part

router = api_router("approvals", "/approvals")


@router.get("")
async def waiting(agency: ThisAgency, caller: Approver, limit: PageSize = 50) -> ApprovalList:
    """Releases that wait for an officer of the caller's posts, oldest first."""
    found = await waiting_approvals(agency, caller, limit)
    return ApprovalList.of(approvals=[await approval_view(agency, approval, measured=False) for approval in found])


@router.get("/{approval_id}")
async def show(agency: ThisAgency, caller: Approver, approval_id: PackageId) -> ApprovalView:
    """One approval: exactly what would be released, to which recipient and for which purpose."""
    return await approval_view(agency, await approval_of(agency, caller, approval_id))


@router.get("/{approval_id}/parts/{name}", response_class=StreamingResponse)
async def preview(
    agency: ThisAgency, caller: Approver, approval_id: PackageId, name: Annotated[str, Path(max_length=255)]
) -> StreamingResponse:
    """The content of one part as it would be released: the part, or its redacted copy.

    The access is logged. The submitter may not use this.
    """
    part = await preview_part(agency, caller, approval_id, name)
    headers = {"Content-Length": str(part.size_bytes), "Attache-Sha256": part.sha256}
    return StreamingResponse(part.pieces, media_type="application/octet-stream", headers=headers)


@router.post("/{approval_id}")
async def answer(
    agency: ThisAgency, caller: Approver, approval_id: PackageId, body: Json[ApprovalAnswer]
) -> ApprovalView:
    """Approve or reject a release.

    Policy then decides again and takes the approval into account. The submitter may not approve.
    """
    answered = await answer_approval(agency, caller, approval_id, body.decision, body.reason)
    return await approval_view(agency, answered)
