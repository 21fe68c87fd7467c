"""Standing of officers: a withdrawn officer may not approve, from the next request on."""

from attache.wire.officers import OfficerList, OfficerReinstatement, OfficerView, OfficerWithdrawal
from gateway.admission import Json, ThisAgency, api_router, requires
from gateway.api.callers import Withdrawer
from gateway.exchange.kernel.officers import list_officers, officer_view, reinstate_officer, withdraw_officer
from gateway.identity import Action

router = api_router("officers", "/officers")


@router.get("", dependencies=[requires(Action.READ_LOG)])
async def list_all(agency: ThisAgency) -> OfficerList:
    """Officers whose standing was changed, by pseudonymous id, the latest change first."""
    return OfficerList.of(officers=[officer_view(record) for record in await list_officers(agency)])


@router.post("/withdrawal")
async def withdraw(agency: ThisAgency, caller: Withdrawer, withdrawal: Json[OfficerWithdrawal]) -> OfficerView:
    """Withdraw the right to approve from an officer.

    The officer's approvals no longer count for packages that are not released yet.
    """
    record = await withdraw_officer(agency, caller, withdrawal.officer, withdrawal.posts, withdrawal.note)
    return officer_view(record)


@router.post("/reinstatement")
async def reinstate(agency: ThisAgency, caller: Withdrawer, reinstatement: Json[OfficerReinstatement]) -> OfficerView:
    """Permit an officer to approve again, within the roles and posts of the access token."""
    return officer_view(await reinstate_officer(agency, caller, reinstatement.officer, reinstatement.note))
