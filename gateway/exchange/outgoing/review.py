"""Review: what went at once because of a threat to life is looked at by a second officer, within the time booked for it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attache.errors import AttacheError, IllegalTransition, NotFound, NotPermitted
from attache.package import instant_text
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_LISTED
from gateway.exchange.kernel.logged import SYSTEM, event
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import ReviewRecord, ReviewState
from gateway.exchange_log import Event, EventCode
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all
from gateway.policy import ReleaseRequest

OPEN = (ReviewState.OVERDUE, ReviewState.BOOKED)


async def open_reviews(agency: Agency, caller: Caller, limit: int) -> list[ReviewRecord]:
    """Reviews still to be done at the caller's posts, all of them for a caller that sees all, the one due first being first."""

    def query(reader: Reader) -> list[ReviewRecord]:
        posts = None if sees_all(caller) else officers_posts(agency, reader, caller)
        found = [record for state in OPEN for record in reader.find(ReviewRecord, state=state)]
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
        review = tx.get(ReviewRecord, package_id, recipient)
        if review is None or review.post not in officers_posts(agency, tx, caller):
            raise NotFound
        if review.submitter == officer:
            raise NotPermitted("own-submission", "another officer reviews what one has submitted")
        if review.state not in OPEN:
            raise IllegalTransition(detail="the review is done")
        tx.log(_entry(agency, EventCode.REVIEW_DONE, review, caller, note, finding=finding.value))
        sealed = agency.vault_of(package_id).seal(note, "review", package_id, recipient)
        return tx.change(review, state=finding, reviewed_by=officer, reviewed_at=now, note_sealed=sealed)

    return await agency.store.write(unit)


def book_review(agency: Agency, tx: Transaction, request: ReleaseRequest, post: str, about: Mapping[str, Any]) -> None:
    """What goes at once on the promise of a review is due for one. `about` is what every entry about the release says."""
    due_at = request.now + timedelta(hours=request.review_within_hours)
    tx.add(
        ReviewRecord(
            request.package_id, request.recipient, post, ReviewState.BOOKED, request.requester, request.now, due_at
        )
    )
    record = {**about["record"], "post": post, "due_at": instant_text(due_at)}
    tx.log(event(EventCode.REVIEW_BOOKED, agency.clock(), SYSTEM, **{**about, "record": record}))


def note_overdue(agency: Agency, tx: Transaction) -> None:
    """Each review whose time is over is said to be so in the log, once."""
    now = agency.clock()
    for review in tx.find(ReviewRecord, state=ReviewState.BOOKED):
        if review.due_at <= now:
            tx.log(_entry(agency, EventCode.REVIEW_OVERDUE, review, SYSTEM, None))
            tx.change(review, state=ReviewState.OVERDUE)


async def require_reviewed(agency: Agency) -> None:
    """For a readiness check: raises AttacheError("review-overdue") while a review is."""
    now = agency.clock()
    found = await agency.store.read(lambda reader: [r for s in OPEN for r in reader.find(ReviewRecord, state=s)])
    overdue = [review for review in found if review.due_at <= now]
    if overdue:
        raise AttacheError("review-overdue", f"{len(overdue)} reviews")


def _entry(
    agency: Agency, code: EventCode, review: ReviewRecord, by: Caller | str, note: str | None, **more: str
) -> Event:
    record = {
        "package_id": review.package_id,
        "originator": agency.participant,
        "recipient": review.recipient,
        "post": review.post,
        "due_at": instant_text(review.due_at),
        **more,
    }
    return event(
        code,
        agency.clock(),
        by,
        package=review.package_id,
        partner=review.recipient,
        record=record,
        reason=None if note is None else {"note": note},
    )
