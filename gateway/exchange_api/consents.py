"""Consents and refusals: those that originators send to this agency, and those that participants collect from it."""

from typing import Annotated

from fastapi import status

from attache.wire.mailbox import ConsentPage, RefusalPage, SignedStatement
from gateway.admission import BytesBody, PageSize, ThisAgency, api_router
from gateway.exchange.consents.give import accept_consent
from gateway.exchange.consents.mailbox import consents_for, refusals_for
from gateway.exchange.consents.refuse import accept_refusal
from gateway.exchange_api.peers import Cursor, Peer

MAX_CONSENT_BYTES = 64 << 10

router = api_router("consents")

Statement = Annotated[bytes, BytesBody(("application/jose+json",), lambda _: MAX_CONSENT_BYTES)]


@router.post("/consents", status_code=status.HTTP_204_NO_CONTENT)
async def bring(agency: ThisAgency, peer: Peer, consent: Statement) -> None:
    """Send the signed consent of an originator to pass on a part that it released to this agency.

    Sending it again changes nothing.
    """
    await accept_consent(agency, peer, consent)


@router.post("/consents/refusals", status_code=status.HTTP_204_NO_CONTENT)
async def bring_refusal(agency: ThisAgency, peer: Peer, refusal: Statement) -> None:
    """Send the signed refusal of a request for consent that this agency made. Sending it again changes nothing."""
    await accept_refusal(agency, peer, refusal)


@router.get("/mailbox/consents")
async def waiting(agency: ThisAgency, peer: Peer, after: Cursor = "", limit: PageSize = 50) -> ConsentPage:
    """Consents granted to the caller, by id. The caller may collect them until they expire."""
    page = await consents_for(agency, peer, after, limit)
    return ConsentPage.of(page, consents=[SignedStatement.of(signed=signed) for signed in page.items])


@router.get("/mailbox/consents/refusals")
async def waiting_refusals(agency: ThisAgency, peer: Peer, after: Cursor = "", limit: PageSize = 50) -> RefusalPage:
    """Refusals of the caller's requests for consent, by the id of the request."""
    page = await refusals_for(agency, peer, after, limit)
    return RefusalPage.of(page, refusals=[SignedStatement.of(signed=signed) for signed in page.items])
