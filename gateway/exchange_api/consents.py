"""Consents that originators bring for what they gave us, their refusals, and what waits here for those who collect."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, status

from attache.wire.mailbox import ConsentPage, RefusalPage, SignedStatement
from gateway.admission import read_body
from gateway.admission.contract import PROBLEM, raw_body
from gateway.exchange.consents.give import accept_consent
from gateway.exchange.consents.mailbox import consents_for, refusals_for
from gateway.exchange.consents.refuse import accept_refusal
from gateway.exchange_api.peers import Own, Peer

CONSENT_TYPE = "application/jose+json"
MAX_CONSENT_BYTES = 64 << 10

router = APIRouter(tags=["consents"], responses=PROBLEM)

After = Annotated[str, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/consents", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=raw_body(CONSENT_TYPE))
async def bring(request: Request, own: Own, peer: Peer) -> None:
    """The originator's signed consent to pass on a part that it gave us. The same one again changes nothing."""
    await accept_consent(own, peer, await _statement(request))


@router.post("/consents/refusals", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=raw_body(CONSENT_TYPE))
async def bring_refusal(request: Request, own: Own, peer: Peer) -> None:
    """The originator's signed refusal of what we asked. The same one again changes nothing."""
    await accept_refusal(own, peer, await _statement(request))


@router.get("/mailbox/consents")
async def waiting(own: Own, peer: Peer, after: After = "", limit: Limit = 50) -> ConsentPage:
    """Our consents to what the caller holds, by id, for a participant that collects them. They stay until they expire."""
    page = await consents_for(own, peer, after, limit)
    return ConsentPage.of(page, consents=[SignedStatement.of(signed=signed) for signed in page.items])


@router.get("/mailbox/consents/refusals")
async def waiting_refusals(own: Own, peer: Peer, after: After = "", limit: Limit = 50) -> RefusalPage:
    """Our refusals of what the caller asked, by the id of its request."""
    page = await refusals_for(own, peer, after, limit)
    return RefusalPage.of(page, refusals=[SignedStatement.of(signed=signed) for signed in page.items])


async def _statement(request: Request) -> bytes:
    seconds = request.app.state.settings.body_timeout_seconds
    return await read_body(request, (CONSENT_TYPE,), limit_bytes=MAX_CONSENT_BYTES, seconds=seconds)
