"""Review: what went at once because of a threat to life is looked at by a second officer, within the time booked for it."""

from dataclasses import replace
from datetime import timedelta

from attache.errors import AttacheError, IllegalTransition, NotFound, NotPermitted
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Post
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_LISTED
from gateway.exchange.kernel.logged import SYSTEM, entry
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import ReviewRecord, ReviewState
from gateway.exchange_log.events.approvals import ReviewBooked, ReviewDone, ReviewOverdue
from gateway.exchange_log.events.base import ReleaseIds
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all
from gateway.policy import ReleaseRequest

OPEN = (ReviewState.OVERDUE, ReviewState.BOOKED)


async def open_reviews(agency: Agency, caller: Caller, limit: int) -> list[ReviewRecord]:
    """Reviews still to be done at the caller's posts, all of them for a caller that sees all, the one due first being first."""

    def query(reader: Reader) -> list[ReviewRecord]:
        posts = None if sees_all(caller) else officers_posts(agency, reader, caller)
        found = [record for state in OPEN for record in reader.find(ReviewRecord.in_state(state))]
        return [record for record in found if posts is None or record.post in posts]

    found = await agency.store.read(query)
    return sorted(found, key=lambda record: (record.due_at, record.package_id))[: min(limit, MAX_LISTED)]


async def record_review(
    agency: Agency, caller: Caller, package_id: PackageId, recipient: ParticipantId, finding: ReviewState, note: str
) -> ReviewRecord:
    """What a second officer of the post found: that it was justified, or not. Late is better than never.

    Raises NotFound, NotPermitted("own-submission"), IllegalTransition for a review that is done.
    """
    officer, now = agency.officer(caller), agency.clock()

    def unit(tx: Transaction) -> ReviewRecord:
        review = tx.get(ReviewRecord.key(package_id, recipient))
        if review is None or review.post not in officers_posts(agency, tx, caller):
            raise NotFound
        if review.submitter == officer:
            raise NotPermitted("own-submission", "another officer reviews what one has submitted")
        if review.state not in OPEN:
            raise IllegalTransition(detail="the review is done")
        done = ReviewDone(
            about=_about(agency, review), post=Post(review.post), due_at=review.due_at, finding=finding, note=note
        )
        tx.log(entry(done, at=agency.clock(), by=caller))
        sealed = agency.vault_of(package_id).seal(note, "review", package_id, recipient)
        return tx.put(review, replace(review, state=finding, reviewed_by=officer, reviewed_at=now, note_sealed=sealed))

    return await agency.store.write(unit)


def book_review(
    agency: Agency, tx: Transaction, request: ReleaseRequest, post: str, about: ReleaseIds, decision_id: str
) -> None:
    """What goes at once on the promise of a review is due for one."""
    due_at = request.now + timedelta(hours=request.review_within_hours)
    tx.add(
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
    tx.log(entry(booked, at=agency.clock(), by=SYSTEM))


def note_overdue(agency: Agency, tx: Transaction) -> None:
    """Each review whose time is over is said to be so in the log, once."""
    now = agency.clock()
    for review in tx.find(ReviewRecord.in_state(ReviewState.BOOKED)):
        if review.due_at <= now:
            overdue = ReviewOverdue(about=_about(agency, review), post=Post(review.post), due_at=review.due_at)
            tx.log(entry(overdue, at=now, by=SYSTEM))
            tx.put(review, replace(review, state=ReviewState.OVERDUE))


async def require_reviewed(agency: Agency) -> None:
    """For a readiness check: raises AttacheError("review-overdue") while a review is."""
    now = agency.clock()
    found = await agency.store.read(lambda reader: [r for s in OPEN for r in reader.find(ReviewRecord.in_state(s))])
    overdue = [review for review in found if review.due_at <= now]
    if overdue:
        raise AttacheError("review-overdue", f"{len(overdue)} reviews")


def _about(agency: Agency, review: ReviewRecord) -> ReleaseIds:
    return ReleaseIds(package_id=review.package_id, originator=agency.participant, recipient=review.recipient)
