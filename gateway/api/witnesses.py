"""Who witnesses our exchange log, what they raised, and the security officer's word that release may go on."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from gateway.admission import read_json, requires
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Own, ParticipantId, Resolver
from gateway.exchange.witnessing.be_cosigned import clear_alarms, witness_records
from gateway.identity import Action

router = APIRouter(prefix="/witnesses", tags=["witnesses"], responses=PROBLEM)


class Cleared(BaseModel):
    """Why an alarm may end. The reason is kept in the exchange log."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class WitnessView(BaseModel):
    """A partner as a witness of our log: the size that it cosigned last, and its alarm; `suspect`: its own log showed two histories."""

    model_config = ConfigDict(from_attributes=True)

    participant: ParticipantId
    size: int
    cosigned_at: datetime | None
    alarm: str | None
    suspect: bool


class WitnessList(BaseModel):
    witnesses: list[WitnessView]


@router.get("", dependencies=[requires(Action.READ_LOG)])
async def witnesses(own: Own) -> WitnessList:
    """Every witness that our checkpoints were submitted to."""
    return WitnessList(witnesses=[WitnessView.model_validate(each) for each in await witness_records(own)])


@router.post("/{participant}/clear", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=json_body(Cleared))
async def clear(request: Request, own: Own, caller: Resolver, participant: ParticipantId) -> None:
    """End the alarms between a partner and us; release goes on. Logged with the reason."""
    settings = request.app.state.settings
    given = await read_json(
        request, Cleared, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    await clear_alarms(own, caller, participant, given.reason)
