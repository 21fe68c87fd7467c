"""Our own descriptor, for partners to check or renew what they pinned."""

from fastapi import APIRouter, Response

from gateway.admission.contract import PROBLEM
from gateway.exchange_api.peers import Own, Peer

router = APIRouter(prefix="/participant", tags=["participant"], responses=PROBLEM)


@router.get("", response_class=Response)
async def descriptor(own: Own, peer: Peer) -> Response:  # noqa: ARG001 -- that there is a peer is the check
    """The signed participant descriptor in force."""
    return Response(own.me.descriptor.raw, media_type="application/jose+json")
