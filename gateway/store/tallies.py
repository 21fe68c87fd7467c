"""Counts of waiting deliveries, approvals and reviews."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from gateway.exchange.kernel.ports import Queue, Tallies
from gateway.exchange.kernel.records import ApprovalRecord, OutboxRecord, ReviewRecord
from gateway.exchange.kernel.state import ApprovalState, OutboxState, ReviewState
from gateway.store.columns import Instant
from gateway.store.statements import SQL

_OUTBOX, _APPROVAL, _REVIEW = (SQL[kind].table.c for kind in (OutboxRecord, ApprovalRecord, ReviewRecord))

_WAITING = (
    select(_OUTBOX.partner, func.count(), func.min(_OUTBOX.due_at))
    .where(_OUTBOX.state == OutboxState.PENDING)
    .group_by(_OUTBOX.partner)
)
_APPROVALS = (
    select(_APPROVAL.post, func.count().label("waiting"))
    .where(_APPROVAL.state == ApprovalState.PENDING)
    .group_by(_APPROVAL.post)
)
_REVIEWS = select(func.count(), func.sum(case((_REVIEW.due_at <= bindparam("now", type_=Instant), 1), else_=0))).where(
    _REVIEW.state.in_((ReviewState.BOOKED, ReviewState.OVERDUE))
)


def tallies(connection: Connection, now: datetime) -> Tallies:
    """See exchange.kernel.ports.Reader."""
    waiting = {partner: Queue(count, due_at) for partner, count, due_at in connection.execute(_WAITING)}
    approvals = {row.post: row.waiting for row in connection.execute(_APPROVALS)}
    reviews, overdue = connection.execute(_REVIEWS, {"now": now}).one()
    return Tallies(waiting, approvals, reviews, overdue or 0)
