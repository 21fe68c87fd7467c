"""Participants: who is admitted, and suspending exchange with one."""

from fastapi import APIRouter

from gateway.admission import requires
from gateway.admission.contract import PROBLEM
from gateway.api.callers import Own, ParticipantId, Suspender
from gateway.exchange.participants import set_status
from gateway.exchange.present import participant_view
from gateway.exchange.views import ParticipantList, ParticipantView
from gateway.identity import Action
from gateway.partners import ParticipantStatus

router = APIRouter(prefix="/participants", tags=["participants"], responses=PROBLEM)


@router.get("", dependencies=[requires(Action.READ_PARTNERS)])
async def list_participants(own: Own) -> ParticipantList:
    """Everybody admitted to the exchange, by the descriptor in force."""
    partners = sorted(own.directory.partners.values(), key=lambda partner: partner.participant)
    return ParticipantList(participants=[participant_view(partner) for partner in partners])


@router.post("/{participant}/suspend")
async def suspend(own: Own, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Stop all exchange with a participant, from the next request on."""
    return participant_view(await set_status(own, caller, participant, ParticipantStatus.SUSPENDED))


@router.post("/{participant}/resume")
async def resume(own: Own, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Resume exchange with a participant."""
    return participant_view(await set_status(own, caller, participant, ParticipantStatus.ACTIVE))
