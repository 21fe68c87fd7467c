"""Submitting packages and following what becomes of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from attache.crypto import sha256_hex
from attache.errors import MalformedInput
from attache.package import MEDIA_TYPE
from attache.wire.packages import PackageFilter, PackagePage, PackageView, ReceiptList, Submission
from gateway.admission import body_stream, read_body
from gateway.admission.bodies import JSON
from gateway.admission.contract import PROBLEM, json_body, raw_body
from gateway.api.callers import Cursor, Limit, Lister, Own, PackageId, ParticipantId, Submitter
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.exchange.kernel.submission import parse_submission
from gateway.exchange.outgoing.created import Created
from gateway.exchange.outgoing.follow import Milestone, package_when
from gateway.exchange.outgoing.mailbox import export_sealed, package_bytes
from gateway.exchange.outgoing.packages import created_view, package_view, receipts_of
from gateway.exchange.outgoing.packages import list_packages as packages_seen
from gateway.exchange.outgoing.submit import create_package, submit_package, upload_part
from gateway.exchange.oversight.inspection import note_inspection

router = APIRouter(prefix="/packages", tags=["packages"], responses=PROBLEM)

IdempotencyKey = Annotated[str | None, Header(max_length=255)]


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Submission))
async def create(
    request: Request, response: Response, own: Own, caller: Submitter, idempotency_key: IdempotencyKey = None
) -> PackageView:
    """Create a package: a draft (201), or, with `submit` and all content inline, submitted at once (202)."""
    # protocol N5
    if not idempotency_key:
        raise MalformedInput("idempotency-key-required")
    settings = request.app.state.settings
    raw = await read_body(request, JSON, limit_bytes=settings.max_body_bytes, seconds=settings.body_timeout_seconds)
    async with submission_refusal_logged(own, caller, Attempt.SUBMIT):
        created = await create_package(
            own, caller, parse_submission(raw), idempotency_key=idempotency_key, request_sha256=sha256_hex(raw)
        )
    if isinstance(created, Created):
        view = created_view(created, caller)
    else:
        view = await package_view(own, caller, created)
    response.headers["Location"] = f"/api/v1/packages/{view.package_id}"
    if view.state == "submitted":
        response.status_code = status.HTTP_202_ACCEPTED
    return view


@router.put(
    "/{package_id}/parts/{name}",
    status_code=status.HTTP_204_NO_CONTENT,
    openapi_extra=raw_body("application/octet-stream"),
)
async def upload(
    request: Request, own: Own, caller: Submitter, package_id: PackageId, name: Annotated[str, Path(max_length=255)]
) -> None:
    """Upload the content of a declared part; a second upload replaces the first."""
    settings = request.app.state.settings
    chunks = body_stream(request, limit_bytes=settings.max_part_bytes, idle_seconds=settings.part_idle_seconds)
    await upload_part(own, caller, package_id, name, chunks)


@router.post("/{package_id}/submit", status_code=status.HTTP_202_ACCEPTED)
async def submit(own: Own, caller: Submitter, package_id: PackageId) -> PackageView:
    """Submit a complete draft: policy decides for each recipient, and what is permitted is released."""
    async with submission_refusal_logged(own, caller, Attempt.SUBMIT, package_id):
        await submit_package(own, caller, package_id)
    return await package_view(own, caller, package_id)


@router.get("")
async def list_packages(
    own: Own,
    caller: Lister,
    wanted: Annotated[PackageFilter, Depends(PackageFilter)],
    after: Cursor = "",
    limit: Limit = 50,
) -> PackagePage:
    """Packages, newest first: the caller's own; all of them for an auditor."""
    page = await packages_seen(own, caller, wanted, after, limit)
    await note_inspection(own, caller, "list", len(page.items))
    return PackagePage.of(page, packages=page.items)


@router.get("/{package_id}")
async def show(
    own: Own,
    caller: Lister,
    package_id: PackageId,
    wait_for: Milestone | None = None,
    timeout_seconds: Annotated[int, Query(ge=0, le=120)] = 30,
) -> PackageView:
    """One package. With `wait_for`, answers when every recipient is past that milestone, or after the timeout as it is."""
    if wait_for is None:
        found = await package_view(own, caller, package_id)
    else:
        found = await package_when(own, caller, package_id, wait_for, timeout_seconds)
    await note_inspection(own, caller, "show", package_id=package_id)
    return found


@router.get("/{package_id}/receipts")
async def receipts(own: Own, caller: Lister, package_id: PackageId) -> ReceiptList:
    """The recipients' signed receipts."""
    found = await receipts_of(own, caller, package_id)
    await note_inspection(own, caller, "receipts", package_id=package_id)
    return ReceiptList.of(receipts=found)


@router.get("/{package_id}/sealed/{recipient}", response_class=StreamingResponse)
async def sealed(own: Own, caller: Submitter, package_id: PackageId, recipient: ParticipantId) -> StreamingResponse:
    """The sealed package for one recipient, as a file for a post without a line. The export is logged."""
    package = await export_sealed(own, caller, recipient, package_id)
    headers = {"Content-Length": str(package.total_bytes)}
    return StreamingResponse(package_bytes(own, package), media_type=MEDIA_TYPE, headers=headers)
