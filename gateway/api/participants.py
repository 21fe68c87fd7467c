"""Participants: who is admitted, and suspending exchange with one."""

from fastapi import APIRouter, Request

from attache.wire.participants import ParticipantList, ParticipantView
from gateway.admission import read_body, requires
from gateway.admission.contract import PROBLEM, raw_body
from gateway.api.callers import Own, ParticipantId, PartnerAdmin, Suspender
from gateway.exchange.oversight.participants import accept_successor, participant_view, set_status
from gateway.identity import Action
from gateway.partners import ParticipantStatus

DESCRIPTOR = ("application/jose+json",)

router = APIRouter(prefix="/participants", tags=["participants"], responses=PROBLEM)


@router.get("", dependencies=[requires(Action.READ_PARTNERS)])
async def list_participants(own: Own) -> ParticipantList:
    """Everybody admitted to the exchange, by the descriptor in force."""
    partners = sorted(own.directory.partners.values(), key=lambda partner: partner.participant)
    return ParticipantList.of(participants=[participant_view(partner) for partner in partners])


@router.put("/{participant}/descriptor", openapi_extra=raw_body(*DESCRIPTOR))
async def rotate(request: Request, own: Own, caller: PartnerAdmin, participant: ParticipantId) -> ParticipantView:
    """Accept the successor of a participant's descriptor, signed with keys of the one in force: its new keys and endpoints."""
    settings = request.app.state.settings
    raw = await read_body(
        request, DESCRIPTOR, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return participant_view(await accept_successor(own, caller, participant, raw))


@router.post("/{participant}/suspend")
async def suspend(own: Own, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Stop all exchange with a participant, from the next request on."""
    return participant_view(await set_status(own, caller, participant, ParticipantStatus.SUSPENDED))


@router.post("/{participant}/resume")
async def resume(own: Own, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Resume exchange with a participant."""
    return participant_view(await set_status(own, caller, participant, ParticipantStatus.ACTIVE))
