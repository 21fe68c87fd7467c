"""Evidence about a package, as one file."""

from typing import Annotated

from fastapi import Query, Response

from attache.evidence.bundle import MEDIA_TYPE, SUFFIX
from attache.package import PARTICIPANT_PATTERN
from attache.package.ids import ParticipantId
from gateway.admission import ThisAgency, api_router
from gateway.api.callers import EvidenceReader, PackageId
from gateway.exchange.oversight.evidence import export_evidence

router = api_router("evidence", "/packages")


@router.get("/{package_id}/evidence", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def evidence(
    agency: ThisAgency,
    caller: EvidenceReader,
    package_id: PackageId,
    recipient: Annotated[ParticipantId | None, Query(pattern=PARTICIPANT_PATTERN)] = None,
) -> Response:
    """The evidence about the release of a package to one recipient, in one signed file. The export is logged."""
    bundle = await export_evidence(agency, caller, package_id, recipient)
    name = f"{bundle.package_id}-{bundle.recipient}{SUFFIX}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(bundle.raw, media_type=MEDIA_TYPE, headers=headers)
