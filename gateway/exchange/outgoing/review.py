"""Review: what went at once because of a threat to life is looked at by a second officer,
within the time booked for it.
"""

from dataclasses import replace
from datetime import timedelta

from attache.errors import AttacheError, NotFound, NotPermitted
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Post
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_LISTED
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ReviewRecord
from gateway.exchange.kernel.sealed import REVIEW_NOTE
from gateway.exchange.kernel.state import REVIEW, ReviewEvent, ReviewState, advance
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange_log.events.approvals import ReviewBooked, ReviewDone, ReviewOverdue
from gateway.exchange_log.events.base import ReleaseIds
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all
from gateway.policy import ReleaseRequest

OPEN = (ReviewState.OVERDUE, ReviewState.BOOKED)


async def open_reviews(agency: Agency, caller: Caller, limit: int) -> list[ReviewRecord]:
    """Reviews still to be done at the caller's posts, all of them for a caller that sees all,
    the one due first being first.
    """

    def query(reader: Reader) -> list[ReviewRecord]:
        posts = None if sees_all(caller) else officers_posts(agency, reader, caller)
        found = [record for state in OPEN for record in reader.find(ReviewRecord.in_state(state))]
        return [record for record in found if posts is None or record.post in posts]

    found = await agency.store.read(query)
    return sorted(found, key=lambda record: (record.due_at, record.package_id))[: min(limit, MAX_LISTED)]


async def record_review(
    agency: Agency, caller: Caller, package_id: PackageId, recipient: ParticipantId, finding: ReviewEvent, note: str
) -> ReviewRecord:
    """What a second officer of the post found: that it was justified, or not. Late is better than never.

    Raises NotFound, NotPermitted("own-submission"), IllegalTransition for a review that is done.
    """
    officer = agency.officer(caller)

    def unit(work: Work) -> ReviewRecord:
        review = work.get(ReviewRecord.key(package_id, recipient))
        if review is None or review.post not in officers_posts(agency, work, caller):
            raise NotFound
        if review.submitter == officer:
            raise NotPermitted("own-submission", "another officer reviews what one has submitted")
        state = advance(REVIEW, review.state, finding)
        done = ReviewDone(
            about=_about(agency, review), post=Post(review.post), due_at=review.due_at, finding=state, note=note
        )
        work.log(done)
        reviewed = replace(review, state=state, reviewed_by=officer, reviewed_at=work.at)
        return work.put(review, agency.seal(REVIEW_NOTE, reviewed, note))

    return await agency.commit(caller, unit)


def book_review(work: Work, request: ReleaseRequest, post: str, about: ReleaseIds, decision_id: str) -> None:
    """What goes at once on the promise of a review is due for one."""
    due_at = request.now + timedelta(hours=request.review_within_hours)
    work.add(
        ReviewRecord(
            request.package_id, request.recipient, post, ReviewState.BOOKED, request.requester, request.now, due_at
        )
    )
    booked = ReviewBooked(
        about=about,
        recipient_desk=request.recipient_desk,
        decision_id=decision_id,
        post=Post(post),
        due_at=due_at,
    )
    work.log(booked, by=SYSTEM)


def note_overdue(agency: Agency, work: Work) -> None:
    """Each review whose time is over is said to be so in the log, once."""
    now = work.at
    for review in work.find(ReviewRecord.in_state(ReviewState.BOOKED)):
        if review.due_at <= now:
            overdue = ReviewOverdue(about=_about(agency, review), post=Post(review.post), due_at=review.due_at)
            work.log(overdue)
            work.put(review, replace(review, state=advance(REVIEW, review.state, ReviewEvent.MISS)))


async def require_reviewed(agency: Agency) -> None:
    """For a readiness check: raises AttacheError("review-overdue") while a review is."""
    now = agency.clock()
    found = await agency.store.read(lambda reader: [r for s in OPEN for r in reader.find(ReviewRecord.in_state(s))])
    overdue = [review for review in found if review.due_at <= now]
    if overdue:
        raise AttacheError("review-overdue", f"{len(overdue)} reviews")


def _about(agency: Agency, review: ReviewRecord) -> ReleaseIds:
    return ReleaseIds(package_id=review.package_id, originator=agency.participant, recipient=review.recipient)
