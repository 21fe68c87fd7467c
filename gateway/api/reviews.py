"""Reviews of releases that were made without an approval because of a threat to life."""

from attache.wire.reviews import ReviewFinding, ReviewList, ReviewView
from gateway.admission import Json, PageSize, ThisAgency, api_router
from gateway.api.callers import Approver, PackageId, ParticipantId, ReviewReader
from gateway.exchange.kernel.state import ReviewEvent
from gateway.exchange.outgoing.review import open_reviews, record_review

router = api_router("reviews", "/reviews")


@router.get("")
async def list_open(agency: ThisAgency, caller: ReviewReader, limit: PageSize = 50) -> ReviewList:
    """Open reviews at the caller's posts, the earliest due first. An auditor sees the open reviews of all posts."""
    return ReviewList.of(reviews=[ReviewView.of(review) for review in await open_reviews(agency, caller, limit)])


@router.post("/{package_id}/{recipient}")
async def review(
    agency: ThisAgency, caller: Approver, package_id: PackageId, recipient: ParticipantId, body: Json[ReviewFinding]
) -> ReviewView:
    """Record the review of one release. The submitter may not review it."""
    finding = ReviewEvent(body.finding)
    return ReviewView.of(await record_review(agency, caller, package_id, recipient, finding, body.note))
