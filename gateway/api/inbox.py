"""The inbox: packages that came to us, opened by readers here."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from attache.vocabulary import Purpose
from attache.wire.arrivals import ArrivalPage, ArrivalView
from gateway.admission import requires
from gateway.admission.contract import PROBLEM
from gateway.api.callers import Cursor, Limit, Opener, Own, PackageId, ParticipantId
from gateway.exchange.arriving.read import arrival_of, arrival_view, list_arrivals, open_arrival, read_part
from gateway.exchange.arriving.use import Intent
from gateway.exchange.consents.asked import note_request
from gateway.identity import Action
from gateway.policy import Use

READERS = [requires(Action.OPEN_CONTENT)]

router = APIRouter(prefix="/inbox", tags=["inbox"], responses=PROBLEM)


@router.get("", dependencies=READERS)
async def list_inbox(own: Own, after: Cursor = "", limit: Limit = 50) -> ArrivalPage:
    """What has arrived as a whole, newest first."""
    page = (await list_arrivals(own, after, limit)).map(arrival_view)
    return ArrivalPage.of(page, packages=page.items)


@router.get("/{originator}/{package_id}", dependencies=READERS)
async def show(own: Own, originator: ParticipantId, package_id: PackageId) -> ArrivalView:
    """One package that came to us."""
    return arrival_view(await arrival_of(own, originator, package_id))


@router.post("/{originator}/{package_id}/open")
async def open_package(
    own: Own, caller: Opener, originator: ParticipantId, package_id: PackageId, purpose: Purpose | None = None
) -> ArrivalView:
    """Open it: verified anew and logged; the first opening is acknowledged to the originator with a signed receipt."""
    return arrival_view(await open_arrival(own, caller, originator, package_id, Intent(purpose=purpose), note_request))


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
