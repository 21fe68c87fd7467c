"""The mailbox of a participant without a gateway: the list of its packages, and the sealed packages."""

import re

from fastapi import Request
from fastapi.responses import StreamingResponse

from attache.errors import MalformedInput
from attache.package import MEDIA_TYPE
from attache.wire.mailbox import MailboxPage
from gateway.admission import PageSize, ThisAgency, api_router
from gateway.exchange.outgoing.mailbox import log_collected, mailbox_of, package_bytes, sealed_package
from gateway.exchange_api.peers import Cursor, PackageId, Peer

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?", re.ASCII)

router = api_router("mailbox")


@router.get("/mailbox")
async def waiting(agency: ThisAgency, peer: Peer, after: Cursor = "", limit: PageSize = 50) -> MailboxPage:
    """Packages sealed to the caller for which it has not sent a receipt, by id."""
    page = await mailbox_of(agency, peer, after, limit)
    return MailboxPage.of(page, packages=page.items)


@router.get("/packages/{package_id}", response_class=StreamingResponse)
async def fetch(request: Request, agency: ThisAgency, peer: Peer, package_id: PackageId) -> StreamingResponse:
    """A sealed package for the caller: all of it, or from an offset (`Range: bytes=n-`). The access is logged."""
    package = await sealed_package(agency, peer.participant, package_id)
    total = package.total_bytes
    start, end = _parse_range(request.headers.get("range"), total)
    # protocol B2
    await log_collected(agency, peer, package)
    headers = {"Content-Length": str(end - start), "Accept-Ranges": "bytes"}
    if (start, end) == (0, total):
        return StreamingResponse(package_bytes(agency, package), media_type=MEDIA_TYPE, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    return StreamingResponse(package_bytes(agency, package, start, end), 206, headers, MEDIA_TYPE)


def _parse_range(text: str | None, total: int) -> tuple[int, int]:
    """Start and end (exclusive) of the requested range (RFC 9110, 14.2); the whole package without a header."""
    if text is None:
        return 0, total
    found = _RANGE.fullmatch(text)
    start, end = (int(found[1]), min(int(found[2] or total - 1) + 1, total)) if found else (0, 0)
    # protocol B1
    if not start < end:
        raise MalformedInput(detail="Range: send one range within the package")
    return start, end
