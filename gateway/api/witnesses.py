"""Who witnesses our exchange log, what they raised, and the security officer's word that release may go on."""

from fastapi import APIRouter, Request, status

from attache.wire.witnesses import AlarmClearance, WitnessList
from gateway.admission import read_json, requires
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Own, ParticipantId, Resolver
from gateway.exchange.witnessing.be_cosigned import clear_alarms, witness_records
from gateway.identity import Action

router = APIRouter(prefix="/witnesses", tags=["witnesses"], responses=PROBLEM)


@router.get("", dependencies=[requires(Action.READ_LOG)])
async def witnesses(own: Own) -> WitnessList:
    """Every witness that our checkpoints were submitted to."""
    return WitnessList.of(witnesses=await witness_records(own))


@router.post("/{participant}/clear", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=json_body(AlarmClearance))
async def clear(request: Request, own: Own, caller: Resolver, participant: ParticipantId) -> None:
    """End the alarms between a partner and us; release goes on. Logged with the reason."""
    settings = request.app.state.settings
    given = await read_json(
        request, AlarmClearance, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    await clear_alarms(own, caller, participant, given.reason)
