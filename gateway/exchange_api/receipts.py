"""Receipts that partners bring: opened by their readers, or delivered to a mailbox's owner."""

from fastapi import APIRouter, Request, status

from gateway.admission import read_body
from gateway.admission.contract import PROBLEM, raw_body
from gateway.exchange.receipts.accept import accept_receipt
from gateway.exchange_api.peers import Own, Peer

RECEIPT_TYPE = "application/jose+json"
MAX_RECEIPT_BYTES = 256 << 10

router = APIRouter(prefix="/receipts", tags=["receipts"], responses=PROBLEM)


@router.post("", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=raw_body(RECEIPT_TYPE))
async def bring(request: Request, own: Own, peer: Peer) -> None:
    """A signed receipt about a package of ours. The same one again changes nothing."""
    seconds = request.app.state.settings.body_timeout_seconds
    signed = await read_body(request, (RECEIPT_TYPE,), limit_bytes=MAX_RECEIPT_BYTES, seconds=seconds)
    await accept_receipt(own, peer, signed)
