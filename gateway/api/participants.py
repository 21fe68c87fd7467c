"""Participants: the list of those admitted to the exchange, their descriptors, and suspension."""

from typing import Annotated

from attache.wire.participants import ParticipantList, ParticipantView
from gateway.admission import BytesBody, ThisAgency, api_router, requires
from gateway.admission.declared import max_json_bytes
from gateway.api.callers import ParticipantId, PartnerAdmin, Suspender
from gateway.exchange.oversight.participants import accept_successor, participant_view, set_status
from gateway.identity import Action
from gateway.partners import ParticipantStatus

router = api_router("participants", "/participants")

SignedDescriptor = Annotated[bytes, BytesBody(("application/jose+json",), max_json_bytes)]


@router.get("", dependencies=[requires(Action.READ_PARTNERS)])
async def list_participants(agency: ThisAgency) -> ParticipantList:
    """The participants admitted to the exchange, each as its descriptor in force describes it."""
    partners = sorted(agency.directory.partners.values(), key=lambda partner: partner.participant)
    return ParticipantList.of(participants=[participant_view(partner) for partner in partners])


@router.put("/{participant}/descriptor")
async def rotate(
    agency: ThisAgency, caller: PartnerAdmin, participant: ParticipantId, descriptor: SignedDescriptor
) -> ParticipantView:
    """Accept the next descriptor of a participant, with its new keys and endpoints.

    It is signed with keys of the descriptor in force.
    """
    return participant_view(await accept_successor(agency, caller, participant, descriptor))


@router.post("/{participant}/suspend")
async def suspend(agency: ThisAgency, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Stop all exchange with a participant, from the next request on."""
    return participant_view(await set_status(agency, caller, participant, ParticipantStatus.SUSPENDED))


@router.post("/{participant}/resume")
async def resume(agency: ThisAgency, caller: Suspender, participant: ParticipantId) -> ParticipantView:
    """Resume exchange with a participant."""
    return participant_view(await set_status(agency, caller, participant, ParticipantStatus.ACTIVE))
