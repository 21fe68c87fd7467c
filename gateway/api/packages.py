"""Packages that this agency releases: create, submit and follow them."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response, status
from fastapi.responses import StreamingResponse

from attache.package import MEDIA_TYPE
from attache.wire.packages import PackageFilter, PackagePage, PackageView, ReceiptList, Submission
from gateway.admission import LargeUnparsedJson, PageSize, Stream, ThisAgency, api_router
from gateway.api.callers import Cursor, IdempotencyKey, Lister, PackageId, ParticipantId, Submitter
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.exchange.kernel.submission import parse_submission
from gateway.exchange.outgoing.created import Created
from gateway.exchange.outgoing.follow import Milestone, package_when
from gateway.exchange.outgoing.mailbox import export_sealed, package_bytes
from gateway.exchange.outgoing.packages import created_view, package_view, receipts_of
from gateway.exchange.outgoing.packages import list_packages as packages_seen
from gateway.exchange.outgoing.submit import create_package, submit_package, upload_part
from gateway.exchange.oversight.inspection import note_inspection

router = api_router("packages", "/packages")


@router.post("", status_code=status.HTTP_201_CREATED)
async def create(
    response: Response,
    agency: ThisAgency,
    caller: Submitter,
    idempotency_key: IdempotencyKey,
    body: LargeUnparsedJson[Submission],
) -> PackageView:
    """Create a package: a draft (201), or, with `submit` and all content inline, submitted at once (202)."""
    async with submission_refusal_logged(agency, caller, Attempt.SUBMIT):
        submission = await body.parse(parse_submission)
        created = await create_package(
            agency, caller, submission, idempotency_key=idempotency_key, request_sha256=body.sha256
        )
    if isinstance(created, Created):
        view = created_view(created, caller)
    else:
        view = await package_view(agency, caller, created)
    response.headers["Location"] = f"/api/v1/packages/{view.package_id}"
    if view.state == "submitted":
        response.status_code = status.HTTP_202_ACCEPTED
    return view


@router.put("/{package_id}/parts/{name}", status_code=status.HTTP_204_NO_CONTENT)
async def upload(
    agency: ThisAgency,
    caller: Submitter,
    package_id: PackageId,
    name: Annotated[str, Path(max_length=255)],
    content: Stream,
) -> None:
    """Upload the content of a declared part. A second upload replaces the first."""
    await upload_part(agency, caller, package_id, name, content)


@router.post("/{package_id}/submit", status_code=status.HTTP_202_ACCEPTED)
async def submit(agency: ThisAgency, caller: Submitter, package_id: PackageId) -> PackageView:
    """Submit a complete draft. Policy decides for each recipient; what it permits is released."""
    async with submission_refusal_logged(agency, caller, Attempt.SUBMIT, package_id):
        await submit_package(agency, caller, package_id)
    return await package_view(agency, caller, package_id)


@router.get("")
async def list_packages(
    agency: ThisAgency,
    caller: Lister,
    wanted: Annotated[PackageFilter, Depends(PackageFilter)],
    after: Cursor = "",
    limit: PageSize = 50,
) -> PackagePage:
    """Packages, newest first. A submitter sees its own packages; an auditor sees all."""
    page = await packages_seen(agency, caller, wanted, after, limit)
    await note_inspection(agency, caller, "list", len(page.items))
    return PackagePage.of(page, packages=page.items)


@router.get("/{package_id}")
async def show(
    agency: ThisAgency,
    caller: Lister,
    package_id: PackageId,
    wait_for: Milestone | None = None,
    timeout_seconds: Annotated[int, Query(ge=0, le=120)] = 30,
) -> PackageView:
    """One package.

    With `wait_for`, the answer comes when no recipient is before that milestone, or after the timeout.
    """
    if wait_for is None:
        found = await package_view(agency, caller, package_id)
    else:
        found = await package_when(agency, caller, package_id, wait_for, timeout_seconds)
    await note_inspection(agency, caller, "show", package_id=package_id)
    return found


@router.get("/{package_id}/receipts")
async def receipts(agency: ThisAgency, caller: Lister, package_id: PackageId) -> ReceiptList:
    """The signed receipts of the recipients."""
    found = await receipts_of(agency, caller, package_id)
    await note_inspection(agency, caller, "receipts", package_id=package_id)
    return ReceiptList.of(receipts=found)


@router.get("/{package_id}/sealed/{recipient}", response_class=StreamingResponse)
async def sealed(
    agency: ThisAgency, caller: Submitter, package_id: PackageId, recipient: ParticipantId
) -> StreamingResponse:
    """The sealed package for one recipient, as a file for transport without a network. The export is logged."""
    package = await export_sealed(agency, caller, recipient, package_id)
    headers = {"Content-Length": str(package.total_bytes)}
    return StreamingResponse(package_bytes(agency, package), media_type=MEDIA_TYPE, headers=headers)
