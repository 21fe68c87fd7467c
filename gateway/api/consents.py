"""Consents: what of ours another may pass on, and what of others we may."""

from typing import Annotated

from fastapi import APIRouter, Request, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from attache.package.values import FileName, ParticipantId, Uuid7
from attache.vocabulary import Purpose
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, Cursor, Limit, Own, ReviewReader
from gateway.exchange.consent import Grant, grant_consent, list_consents
from gateway.exchange.present import consent_view
from gateway.exchange.views import ConsentList, ConsentView

router = APIRouter(prefix="/consents", tags=["consents"], responses=PROBLEM)


class Granted(BaseModel):
    """To whom consent is given and for what: `request_id` is the holder's opened package of kind `request`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    holder: ParticipantId
    request_id: Uuid7
    part: FileName
    recipient: ParticipantId
    purpose: Purpose
    expires_at: AwareDatetime
    note: Annotated[str, Field(min_length=1, max_length=2000)]


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Granted))
async def grant(request: Request, own: Own, caller: Approver) -> ConsentView:
    """Let a holder pass one part of ours on, to one recipient, for one purpose. Signed, logged and sent to the holder."""
    settings = request.app.state.settings
    given = await read_json(
        request, Granted, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return consent_view(await grant_consent(own, caller, Grant(**given.model_dump())))


@router.get("")
async def list_all(own: Own, caller: ReviewReader, after: Cursor = "", limit: Limit = 50) -> ConsentList:  # noqa: ARG001 -- who asks only has to be one who may
    """Consents given and received, oldest first, each with its signed statement to be verified offline."""
    found = await list_consents(own, after, limit)
    following = found[-1][0].consent_id if len(found) == limit else None
    return ConsentList(consents=[consent_view(record, signed) for record, signed in found], next=following)
