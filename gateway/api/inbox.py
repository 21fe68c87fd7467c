"""The inbox: packages that this agency received, and their content for its readers."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import StreamingResponse

from attache.vocabulary import Purpose
from attache.wire.arrivals import ArrivalPage, ArrivalView
from gateway.admission import PageSize, ThisAgency, api_router, requires
from gateway.api.callers import Cursor, Opener, PackageId, ParticipantId
from gateway.exchange.arriving.read import arrival_of, arrival_view, list_arrivals, open_arrival, read_part
from gateway.exchange.arriving.use import Intent
from gateway.exchange.consents.asked import note_request
from gateway.identity import Action
from gateway.policy import Use

READERS = [requires(Action.OPEN_CONTENT)]

router = api_router("inbox", "/inbox")


@router.get("", dependencies=READERS)
async def list_inbox(agency: ThisAgency, after: Cursor = "", limit: PageSize = 50) -> ArrivalPage:
    """Packages that were received completely, newest first."""
    page = (await list_arrivals(agency, after, limit)).map(arrival_view)
    return ArrivalPage.of(page, packages=page.items)


@router.get("/{originator}/{package_id}", dependencies=READERS)
async def show(agency: ThisAgency, originator: ParticipantId, package_id: PackageId) -> ArrivalView:
    """One received package."""
    return arrival_view(await arrival_of(agency, originator, package_id))


@router.post("/{originator}/{package_id}/open")
async def open_package(
    agency: ThisAgency, caller: Opener, originator: ParticipantId, package_id: PackageId, purpose: Purpose | None = None
) -> ArrivalView:
    """Open a package: it is verified again, and the opening is logged.

    The originator gets a signed receipt of the first opening.
    """
    return arrival_view(
        await open_arrival(agency, caller, originator, package_id, Intent(purpose=purpose), note_request)
    )


@router.get("/{originator}/{package_id}/parts/{name}", response_class=StreamingResponse)
async def read(
    agency: ThisAgency,
    caller: Opener,
    originator: ParticipantId,
    package_id: PackageId,
    name: Annotated[str, Path(max_length=255)],
    use: Use = Use.READ,
    purpose: Purpose | None = None,
) -> StreamingResponse:
    """The content of a part for a declared use, in verified chunks. If a chunk cannot be verified, the connection is
    closed before the content is complete.

    The originator's conditions decide whether the use is permitted. A refusal is 403 with its reasons, and is logged.
    """
    part = await read_part(agency, caller, originator, package_id, name, Intent(use, purpose))
    headers = {"Content-Length": str(part.size_bytes), "Attache-Sha256": part.sha256}
    return StreamingResponse(part.chunks(agency), media_type="application/octet-stream", headers=headers)
