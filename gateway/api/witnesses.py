"""Witnesses of the exchange log: their records, their alarms, and how a security officer clears an alarm."""

from fastapi import status

from attache.wire.witnesses import AlarmClearance, WitnessList
from gateway.admission import Json, ThisAgency, api_router, requires
from gateway.api.callers import ParticipantId, Resolver
from gateway.exchange.witnessing.be_cosigned import clear_alarms, witness_records
from gateway.identity import Action

router = api_router("witnesses", "/witnesses")


@router.get("", dependencies=[requires(Action.READ_LOG)])
async def witnesses(agency: ThisAgency) -> WitnessList:
    """The witnesses to which this gateway has submitted checkpoints."""
    return WitnessList.of(witnesses=await witness_records(agency))


@router.post("/{participant}/clear", status_code=status.HTTP_204_NO_CONTENT)
async def clear(
    agency: ThisAgency, caller: Resolver, participant: ParticipantId, clearance: Json[AlarmClearance]
) -> None:
    """Clear the alarms between a partner and this agency. Release continues. The reason is logged."""
    await clear_alarms(agency, caller, participant, clearance.reason)
