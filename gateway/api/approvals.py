"""Approvals: the queue of a post, and an officer's answer."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from attache.wire.approvals import ApprovalAnswer, ApprovalList, ApprovalView
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, Limit, Own, PackageId
from gateway.exchange.outgoing.approve import answer_approval, approval_of, waiting_approvals
from gateway.exchange.outgoing.preview import approval_view, preview_part

router = APIRouter(prefix="/approvals", tags=["approvals"], responses=PROBLEM)


@router.get("")
async def waiting(own: Own, caller: Approver, limit: Limit = 50) -> ApprovalList:
    """What waits for an officer of the caller's posts, oldest first."""
    found = await waiting_approvals(own, caller, limit)
    return ApprovalList.of(approvals=[await approval_view(own, approval, measured=False) for approval in found])


@router.get("/{approval_id}")
async def show(own: Own, caller: Approver, approval_id: PackageId) -> ApprovalView:
    """One approval: exactly what would leave, to whom, for what."""
    return await approval_view(own, await approval_of(own, caller, approval_id))


@router.get("/{approval_id}/parts/{name}", response_class=StreamingResponse)
async def preview(
    own: Own, caller: Approver, approval_id: PackageId, name: Annotated[str, Path(max_length=255)]
) -> StreamingResponse:
    """The content that would leave of one part: the part, or its redacted copy. Logged; not for the submitter."""
    part = await preview_part(own, caller, approval_id, name)
    headers = {"Content-Length": str(part.size_bytes), "Attache-Sha256": part.sha256}
    return StreamingResponse(part.pieces, media_type="application/octet-stream", headers=headers)


@router.post("/{approval_id}", openapi_extra=json_body(ApprovalAnswer))
async def answer(request: Request, own: Own, caller: Approver, approval_id: PackageId) -> ApprovalView:
    """Approve or reject. Policy decides again with the approval as a fact; nobody approves their own submission."""
    settings = request.app.state.settings
    given = await read_json(
        request, ApprovalAnswer, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return await approval_view(own, await answer_approval(own, caller, approval_id, given.decision, given.reason))
