"""Packages that partners send: a small one in one request, a large one as an envelope and then block by block."""

import re
from typing import Annotated

from fastapi import Request, Response, status

from attache.errors import MalformedInput
from attache.package import MEDIA_TYPE
from attache.package.envelope import split_frame
from attache.wire.mailbox import Wanted, WantedPart
from gateway.admission import BytesBody, Content, ContentBody, Stream, ThisAgency, api_router
from gateway.admission.declared import OCTETS, max_body_bytes
from gateway.exchange.arriving.blocks import Place, take_blocks, take_hashes
from gateway.exchange.arriving.receive import announce_package, complete_package, receive_package
from gateway.exchange_api.peers import PackageId, PartNumber, Peer
from gateway.settings import Settings

ENVELOPE_TYPE = "application/vnd.attache.envelope"
RECEIPT_TYPE = "application/jose+json"
MAX_FRAME_BYTES = (1 << 20) + 22

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)

router = api_router("packages", "/packages")


def max_offer_bytes(settings: Settings) -> int:
    """The limit on a package in one request: the parts, and the envelope."""
    # protocol V3
    return settings.inline_package_bytes + MAX_FRAME_BYTES


Offer = Annotated[Content, ContentBody((MEDIA_TYPE, ENVELOPE_TYPE), max_offer_bytes)]
Hashes = Annotated[bytes, BytesBody(OCTETS, max_body_bytes)]


@router.post(
    "",
    responses={200: {"content": {RECEIPT_TYPE: {}}}, 201: {"model": Wanted}},
    response_class=Response,
)
async def offer(agency: ThisAgency, peer: Peer, package: Offer) -> Response:
    """Offer a package.

    For a complete package the answer is the signed delivered receipt (200); for an envelope it is the receipt, or the
    list of missing hashes and blocks (201).
    """
    if package.media_type == MEDIA_TYPE:
        frame, parts = split_frame(package.raw)
        return _receipt(await receive_package(agency, peer, frame, parts))
    answer = await announce_package(agency, peer, package.raw)
    if isinstance(answer, bytes):
        return _receipt(answer)
    missing = Wanted.of(wanted=[WantedPart.of(part) for part in answer])
    return Response(missing.model_dump_json(), status.HTTP_201_CREATED, media_type="application/json")


@router.put("/{package_id}/parts/{number}/hashes", status_code=status.HTTP_204_NO_CONTENT)
async def put_hashes(agency: ThisAgency, peer: Peer, package_id: PackageId, number: PartNumber, hashes: Hashes) -> None:
    """Send the leaf hashes of a part's 1 MiB blocks, 32 bytes each. They are verified against the signed root."""
    await take_hashes(agency, peer, package_id, number, hashes)


@router.put("/{package_id}/parts/{number}", status_code=status.HTTP_204_NO_CONTENT)
async def put_blocks(
    request: Request, agency: ThisAgency, peer: Peer, package_id: PackageId, number: PartNumber, blocks: Stream
) -> None:
    """Send whole blocks of a part's ciphertext, at the range in `Content-Range`.

    Each block is verified before it is written.
    """
    place = _parse_content_range(request.headers.get("content-range", ""))
    await take_blocks(agency, peer, package_id, number, place, blocks)


@router.post("/{package_id}/complete", responses={200: {"content": {RECEIPT_TYPE: {}}}}, response_class=Response)
async def complete(agency: ThisAgency, peer: Peer, package_id: PackageId) -> Response:
    """Complete a package whose parts have all been sent.

    The answer is the signed delivered receipt, or a conflict that lists what is missing.
    """
    return _receipt(await complete_package(agency, peer, package_id))


def _receipt(signed: bytes) -> Response:
    return Response(signed, media_type=RECEIPT_TYPE)


def _parse_content_range(text: str) -> Place:
    """The range in the header, and the total length (RFC 9110, 14.4)."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise MalformedInput(detail="Content-Range: send `bytes first-last/total`")
    return Place(int(found[1]), int(found[2]) + 1, int(found[3]))
