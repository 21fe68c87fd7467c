"""The mailbox of a participant without a gateway: what waits for it, and the sealed packages themselves."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from attache.errors import MalformedInput
from attache.package import MEDIA_TYPE
from attache.wire.mailbox import MailboxPage
from gateway.admission.contract import PROBLEM
from gateway.exchange.outgoing.mailbox import log_collected, mailbox_of, package_bytes, sealed_package
from gateway.exchange_api.peers import Own, PackageId, Peer

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?", re.ASCII)

router = APIRouter(tags=["mailbox"], responses=PROBLEM)


@router.get("/mailbox")
async def waiting(
    own: Own,
    peer: Peer,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MailboxPage:
    """Packages sealed to the caller that it has not signed for, by id."""
    page = await mailbox_of(own, peer, after, limit)
    return MailboxPage.of(page, packages=page.items)


@router.get("/packages/{package_id}", response_class=StreamingResponse)
async def fetch(request: Request, own: Own, peer: Peer, package_id: PackageId) -> StreamingResponse:
    """A sealed package for the caller, whole or from an offset (`Range: bytes=n-`). The fetching is logged."""
    package = await sealed_package(own, peer.participant, package_id)
    total = package.total_bytes
    start, end = _parse_range(request.headers.get("range"), total)
    # protocol B2
    await log_collected(own, peer, package)
    headers = {"Content-Length": str(end - start), "Accept-Ranges": "bytes"}
    if (start, end) == (0, total):
        return StreamingResponse(package_bytes(own, package), media_type=MEDIA_TYPE, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    return StreamingResponse(package_bytes(own, package, start, end), 206, headers, MEDIA_TYPE)


def _parse_range(text: str | None, total: int) -> tuple[int, int]:
    """Start and end (exclusive) of the one range asked for (RFC 9110, 14.2); everything where none is."""
    if text is None:
        return 0, total
    found = _RANGE.fullmatch(text)
    start, end = (int(found[1]), min(int(found[2] or total - 1) + 1, total)) if found else (0, 0)
    # protocol B1
    if not start < end:
        raise MalformedInput(detail="Range: expected one range within the package")
    return start, end
