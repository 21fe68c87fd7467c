"""Approvals: the queue of a post, and an officer's answer."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, Limit, Own, PackageId
from gateway.exchange.approve import Answer, answer_approval, approval_of, waiting_approvals
from gateway.exchange.present import approval_view
from gateway.exchange.views import ApprovalList, ApprovalView

router = APIRouter(prefix="/approvals", tags=["approvals"], responses=PROBLEM)


class Answered(BaseModel):
    """An officer's answer. The reason is kept sealed, and its entry is in the exchange log."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    decision: Answer
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("")
async def waiting(own: Own, caller: Approver, limit: Limit = 50) -> ApprovalList:
    """What waits for an officer of the caller's posts, oldest first."""
    found = await waiting_approvals(own, caller, limit)
    return ApprovalList(approvals=[await approval_view(own, approval) for approval in found])


@router.get("/{approval_id}")
async def show(own: Own, caller: Approver, approval_id: PackageId) -> ApprovalView:
    """One approval: exactly what would leave, to whom, for what."""
    return await approval_view(own, await approval_of(own, caller, approval_id))


@router.post("/{approval_id}", openapi_extra=json_body(Answered))
async def answer(request: Request, own: Own, caller: Approver, approval_id: PackageId) -> ApprovalView:
    """Approve or reject. Policy decides again with the approval as a fact; nobody approves their own submission."""
    settings = request.app.state.settings
    given = await read_json(
        request, Answered, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return await approval_view(own, await answer_approval(own, caller, approval_id, given.decision, given.reason))
