"""Taking a partner's package: at once when it is small, otherwise announced and then block by block."""

import re

from fastapi import APIRouter, Request, Response, status

from attache.errors import MalformedInput
from attache.package import MEDIA_TYPE
from attache.package.envelope import split_frame
from attache.wire.mailbox import Wanted, WantedPart
from gateway.admission import body_stream, read_body
from gateway.admission.bodies import verify_media_type
from gateway.admission.contract import PROBLEM, raw_body
from gateway.exchange.arriving.blocks import Place, take_blocks, take_hashes
from gateway.exchange.arriving.receive import announce_package, complete_package, receive_package
from gateway.exchange_api.peers import Own, PackageId, PartNumber, Peer

ENVELOPE_TYPE = "application/vnd.attache.envelope"
RECEIPT_TYPE = "application/jose+json"
OCTETS = "application/octet-stream"
MAX_FRAME_BYTES = (1 << 20) + 22

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)

router = APIRouter(prefix="/packages", tags=["packages"], responses=PROBLEM)


@router.post(
    "",
    responses={200: {"content": {RECEIPT_TYPE: {}}}, 201: {"model": Wanted}},
    openapi_extra=raw_body(MEDIA_TYPE, ENVELOPE_TYPE),
    response_class=Response,
)
async def offer(request: Request, own: Own, peer: Peer) -> Response:
    """Offer a package. Whole: the signed delivered receipt (200). Envelope only: the receipt, or what is wanted (201)."""
    settings = request.app.state.settings
    raw = await read_body(
        request,
        (MEDIA_TYPE, ENVELOPE_TYPE),
        # protocol V3
        limit_bytes=settings.inline_package_bytes + MAX_FRAME_BYTES,
        seconds=settings.body_timeout_seconds,
    )
    if verify_media_type(request, (MEDIA_TYPE, ENVELOPE_TYPE)) == MEDIA_TYPE:
        frame, parts = split_frame(raw)
        return _receipt(await receive_package(own, peer, frame, parts))
    answer = await announce_package(own, peer, raw)
    if isinstance(answer, bytes):
        return _receipt(answer)
    wanted = Wanted.of(wanted=[WantedPart.of(part) for part in answer])
    return Response(wanted.model_dump_json(), status.HTTP_201_CREATED, media_type="application/json")


@router.put(
    "/{package_id}/parts/{number}/hashes",
    status_code=status.HTTP_204_NO_CONTENT,
    openapi_extra=raw_body(OCTETS),
)
async def put_hashes(request: Request, own: Own, peer: Peer, package_id: PackageId, number: PartNumber) -> None:
    """The leaf hashes of a part's 1 MiB blocks, 32 bytes each; checked against the signed root."""
    settings = request.app.state.settings
    hashes = await read_body(
        request, (OCTETS,), limit_bytes=settings.max_body_bytes, seconds=settings.body_timeout_seconds
    )
    await take_hashes(own, peer, package_id, number, hashes)


@router.put("/{package_id}/parts/{number}", status_code=status.HTTP_204_NO_CONTENT, openapi_extra=raw_body(OCTETS))
async def put_blocks(request: Request, own: Own, peer: Peer, package_id: PackageId, number: PartNumber) -> None:
    """Whole blocks of a part's ciphertext, as `Content-Range` says; each is verified before it is written."""
    settings = request.app.state.settings
    place = _parse_content_range(request.headers.get("content-range", ""))
    chunks = body_stream(request, limit_bytes=settings.max_part_bytes, idle_seconds=settings.part_idle_seconds)
    await take_blocks(own, peer, package_id, number, place, chunks)


@router.post("/{package_id}/complete", responses={200: {"content": {RECEIPT_TYPE: {}}}}, response_class=Response)
async def complete(own: Own, peer: Peer, package_id: PackageId) -> Response:
    """All parts are there: the signed delivered receipt. A conflict lists what is missing."""
    return _receipt(await complete_package(own, peer, package_id))


def _receipt(signed: bytes) -> Response:
    return Response(signed, media_type=RECEIPT_TYPE)


def _parse_content_range(text: str) -> Place:
    """The range and the whole length that it says (RFC 9110, 14.4)."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise MalformedInput(detail="Content-Range: expected `bytes first-last/total`")
    return Place(int(found[1]), int(found[2]) + 1, int(found[3]))
