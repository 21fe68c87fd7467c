"""Reviews of what went at once because of a threat to life."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from attache.wire.reviews import ReviewList, ReviewView
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, Limit, Own, PackageId, ParticipantId, ReviewReader
from gateway.exchange.kernel.records import ReviewState
from gateway.exchange.outgoing.review import open_reviews, record_review
from gateway.exchange.shown.office import review_view

router = APIRouter(prefix="/reviews", tags=["reviews"], responses=PROBLEM)


class Reviewed(BaseModel):
    """What the second officer found. The note is kept sealed, and its entry is in the exchange log."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    finding: Literal["justified", "not-justified"]
    note: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("")
async def list_open(own: Own, caller: ReviewReader, limit: Limit = 50) -> ReviewList:
    """Reviews still to be done at the caller's posts, the one due first being first; all of them for an auditor."""
    return ReviewList(reviews=[review_view(review) for review in await open_reviews(own, caller, limit)])


@router.post("/{package_id}/{recipient}", openapi_extra=json_body(Reviewed))
async def review(
    request: Request, own: Own, caller: Approver, package_id: PackageId, recipient: ParticipantId
) -> ReviewView:
    """Record the review of one release. Nobody reviews their own submission."""
    settings = request.app.state.settings
    given = await read_json(
        request, Reviewed, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    finding = ReviewState(given.finding)
    return review_view(await record_review(own, caller, package_id, recipient, finding, given.note))
