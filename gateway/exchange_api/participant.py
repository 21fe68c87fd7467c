"""The descriptor of this agency, with which partners check or renew the descriptor that they pinned."""

from fastapi import Response

from gateway.admission import ThisAgency, api_router
from gateway.exchange_api.peers import Peer

router = api_router("participant", "/participant")


@router.get("", response_class=Response)
async def descriptor(agency: ThisAgency, peer: Peer) -> Response:  # noqa: ARG001 -- only authenticated
    """The signed participant descriptor in force."""
    return Response(agency.me.descriptor.raw, media_type="application/jose+json")
