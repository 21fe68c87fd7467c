"""Consents that originators bring for what they gave us."""

from fastapi import APIRouter, Request, status

from gateway.admission import read_body
from gateway.admission.contract import PROBLEM, raw_body
from gateway.exchange.consent import accept_consent
from gateway.exchange_api.peers import Own, Peer

CONSENT_TYPE = "application/jose+json"
MAX_CONSENT_BYTES = 64 << 10

router = APIRouter(prefix="/consents", tags=["consents"], responses=PROBLEM)


@router.post("", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=raw_body(CONSENT_TYPE))
async def bring(request: Request, own: Own, peer: Peer) -> None:
    """The originator's signed consent to pass on a part that it gave us. The same one again changes nothing."""
    seconds = request.app.state.settings.body_timeout_seconds
    signed = await read_body(request, (CONSENT_TYPE,), limit_bytes=MAX_CONSENT_BYTES, seconds=seconds)
    await accept_consent(own, peer, signed)
