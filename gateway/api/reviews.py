"""Reviews of what went at once because of a threat to life."""

from fastapi import APIRouter, Request

from attache.wire.reviews import ReviewFinding, ReviewList, ReviewView
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, Limit, Own, PackageId, ParticipantId, ReviewReader
from gateway.exchange.kernel.state import ReviewEvent
from gateway.exchange.outgoing.review import open_reviews, record_review

router = APIRouter(prefix="/reviews", tags=["reviews"], responses=PROBLEM)


@router.get("")
async def list_open(own: Own, caller: ReviewReader, limit: Limit = 50) -> ReviewList:
    """Reviews still to be done at the caller's posts, the one due first being first; all of them for an auditor."""
    return ReviewList.of(reviews=[ReviewView.of(review) for review in await open_reviews(own, caller, limit)])


@router.post("/{package_id}/{recipient}", openapi_extra=json_body(ReviewFinding))
async def review(
    request: Request, own: Own, caller: Approver, package_id: PackageId, recipient: ParticipantId
) -> ReviewView:
    """Record the review of one release. Nobody reviews their own submission."""
    settings = request.app.state.settings
    given = await read_json(
        request, ReviewFinding, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    finding = ReviewEvent(given.finding)
    return ReviewView.of(await record_review(own, caller, package_id, recipient, finding, given.note))
