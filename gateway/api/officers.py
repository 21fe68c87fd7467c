"""Officers' standing: who may approve no more, from this moment on."""

from fastapi import APIRouter, Request

from attache.wire.officers import OfficerList, OfficerReinstatement, OfficerView, OfficerWithdrawal
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Auditor, Own, Withdrawer
from gateway.exchange.kernel.officers import list_officers, officer_view, reinstate_officer, withdraw_officer

router = APIRouter(prefix="/officers", tags=["officers"], responses=PROBLEM)


@router.get("")
async def list_all(own: Own, caller: Auditor) -> OfficerList:  # noqa: ARG001 -- who asks only has to be one who may
    """Officers whose standing was changed, by pseudonymous id, the latest change first."""
    return OfficerList.of(officers=[officer_view(record) for record in await list_officers(own)])


@router.post("/withdrawal", openapi_extra=json_body(OfficerWithdrawal))
async def withdraw(request: Request, own: Own, caller: Withdrawer) -> OfficerView:
    """Withdraw approving from an officer. Their approvals no longer count for what has not been released."""
    settings = request.app.state.settings
    given = await read_json(
        request, OfficerWithdrawal, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return officer_view(await withdraw_officer(own, caller, given.officer, given.posts, given.note))


@router.post("/reinstatement", openapi_extra=json_body(OfficerReinstatement))
async def reinstate(request: Request, own: Own, caller: Withdrawer) -> OfficerView:
    """Let an officer approve again, as far as the access token says."""
    settings = request.app.state.settings
    given = await read_json(
        request, OfficerReinstatement, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return officer_view(await reinstate_officer(own, caller, given.officer, given.note))
