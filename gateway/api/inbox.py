"""The inbox: packages that came to us, opened by readers here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from attache.crypto import b64u, parse_b64u
from attache.errors import MalformedInput
from attache.package import instant_text, is_uuid7, parse_instant
from attache.vocabulary import Purpose
from attache.wire.arrivals import ArrivalPage, ArrivalView
from gateway.admission import requires
from gateway.admission.contract import PROBLEM
from gateway.api.callers import Cursor, Limit, Opener, Own, PackageId, ParticipantId
from gateway.exchange.arriving.read import arrival_of, list_arrivals, open_arrival, read_part
from gateway.exchange.arriving.use import Intent
from gateway.exchange.shown.packages import arrival_view
from gateway.identity import Action
from gateway.policy import Use

READERS = [requires(Action.OPEN_CONTENT)]

router = APIRouter(prefix="/inbox", tags=["inbox"], responses=PROBLEM)


@router.get("", dependencies=READERS)
async def list_inbox(own: Own, after: Cursor = "", limit: Limit = 50) -> ArrivalPage:
    """What has arrived as a whole, newest first."""
    found = await list_arrivals(own, _parse_cursor(after) if after else None, limit)
    last = found[-1].record if len(found) == limit else None
    following = b64u(f"{instant_text(last.changed_at)} {last.package_id}".encode()) if last else None
    return ArrivalPage(packages=[arrival_view(arrival) for arrival in found], next=following)


@router.get("/{originator}/{package_id}", dependencies=READERS)
async def show(own: Own, originator: ParticipantId, package_id: PackageId) -> ArrivalView:
    """One package that came to us."""
    return arrival_view(await arrival_of(own, originator, package_id))


@router.post("/{originator}/{package_id}/open")
async def open_package(
    own: Own, caller: Opener, originator: ParticipantId, package_id: PackageId, purpose: Purpose | None = None
) -> ArrivalView:
    """Open it: verified anew and logged; the first opening is acknowledged to the originator with a signed receipt."""
    return arrival_view(await open_arrival(own, caller, originator, package_id, Intent(purpose=purpose)))


@router.get("/{originator}/{package_id}/parts/{name}", response_class=StreamingResponse)
async def read(
    own: Own,
    caller: Opener,
    originator: ParticipantId,
    package_id: PackageId,
    name: Annotated[str, Path(max_length=255)],
    use: Use = Use.READ,
    purpose: Purpose | None = None,
) -> StreamingResponse:
    """A part's content for a declared use, in verified pieces; on any fault the connection is cut before the last of them.

    What the originator stated decides whether that use is permitted; a refusal is 403 with its reasons, and logged.
    """
    part = await read_part(own, caller, originator, package_id, name, Intent(use, purpose))
    headers = {"Content-Length": str(part.size_bytes), "Attache-Sha256": part.sha256}
    return StreamingResponse(part.chunks(own), media_type="application/octet-stream", headers=headers)


def _parse_cursor(text: str) -> tuple[datetime, str]:
    try:
        at, _, package_id = parse_b64u(text).decode().partition(" ")
    except UnicodeDecodeError:
        raise MalformedInput(detail="after: not a cursor of this list") from None
    if not is_uuid7(package_id):
        raise MalformedInput(detail="after: not a cursor of this list")
    return parse_instant(at), package_id
