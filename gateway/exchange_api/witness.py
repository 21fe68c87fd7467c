"""The witness endpoint (C2SP tlog-witness): partners submit the checkpoints of their logs, and this agency cosigns
them.
"""

from typing import Annotated

from fastapi import Response

from attache.translog.witness import MAX_REQUEST_BYTES
from gateway.admission import BytesBody, ThisAgency, api_router
from gateway.exchange.witnessing.cosign import add_checkpoint
from gateway.exchange_api.peers import Peer

MEDIA_TYPE = "text/plain"

router = api_router("witness")

# tlog-witness names no media type for the request.
Checkpoint = Annotated[bytes, BytesBody((MEDIA_TYPE,), lambda _: MAX_REQUEST_BYTES, is_checked=False)]


@router.post(
    "/add-checkpoint",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}},
)
async def add(agency: ThisAgency, peer: Peer, checkpoint: Checkpoint) -> Response:
    """Cosign the newest checkpoint of the caller's log.

    Errors are those of tlog-witness, in plain text: 400, 403, 404, 409 with the size, 422.
    """
    answer = await add_checkpoint(agency, peer, checkpoint)
    return Response(answer.body, answer.status, {"Content-Type": answer.content_type})
