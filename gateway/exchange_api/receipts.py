"""Receipts that partners send: for packages that their readers opened, or that they collected from the mailbox."""

from typing import Annotated

from fastapi import status

from gateway.admission import BytesBody, ThisAgency, api_router
from gateway.exchange.receipts.accept import accept_receipt
from gateway.exchange_api.peers import Peer

MAX_RECEIPT_BYTES = 256 << 10

router = api_router("receipts", "/receipts")

SignedReceipt = Annotated[bytes, BytesBody(("application/jose+json",), lambda _: MAX_RECEIPT_BYTES)]


@router.post("", status_code=status.HTTP_204_NO_CONTENT)
async def bring(agency: ThisAgency, peer: Peer, receipt: SignedReceipt) -> None:
    """Send a signed receipt for a package of this agency. Sending it again changes nothing."""
    await accept_receipt(agency, peer, receipt)
