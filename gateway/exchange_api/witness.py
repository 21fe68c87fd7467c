"""The witness endpoint (C2SP tlog-witness): partners bring their logs' checkpoints to be cosigned."""

from fastapi import APIRouter, Request, Response

from attache.translog.witness import MAX_REQUEST_BYTES
from gateway.admission import body_stream
from gateway.admission.contract import PROBLEM, raw_body
from gateway.exchange.witnessing.cosign import add_checkpoint
from gateway.exchange_api.peers import Own, Peer

MEDIA_TYPE = "text/plain"

router = APIRouter(tags=["witness"], responses=PROBLEM)


@router.post(
    "/add-checkpoint",
    openapi_extra=raw_body(MEDIA_TYPE),
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}},
)
async def add(request: Request, own: Own, peer: Peer) -> Response:
    """Cosign the caller's newest checkpoint. Answers as tlog-witness says, in plain text: 400, 403, 404, 409 with the size, 422."""
    idle = request.app.state.settings.body_timeout_seconds
    raw = b"".join([chunk async for chunk in body_stream(request, limit_bytes=MAX_REQUEST_BYTES, idle_seconds=idle)])
    answer = await add_checkpoint(own, peer, raw)
    return Response(answer.body, answer.status, {"Content-Type": answer.content_type})
