"""Evidence about a package, as one file."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from attache.evidence.bundle import MEDIA_TYPE, SUFFIX
from attache.package import PARTICIPANT_PATTERN
from attache.package.ids import ParticipantId
from gateway.admission.contract import PROBLEM
from gateway.api.callers import EvidenceReader, Own, PackageId
from gateway.exchange.oversight.evidence import export_evidence

router = APIRouter(prefix="/packages", tags=["evidence"], responses=PROBLEM)


@router.get("/{package_id}/evidence", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def evidence(
    own: Own,
    caller: EvidenceReader,
    package_id: PackageId,
    recipient: Annotated[ParticipantId | None, Query(pattern=PARTICIPANT_PATTERN)] = None,
) -> Response:
    """Everything that can be proven about a package to one recipient, in one signed file. The export is logged."""
    made = await export_evidence(own, caller, package_id, recipient)
    name = f"{made.package_id}-{made.recipient}{SUFFIX}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made.raw, media_type=MEDIA_TYPE, headers=headers)
