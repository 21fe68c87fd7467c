"""Upkeep: work that is due because time has passed.

Unanswered approvals and purge orders lapse, overdue reviews are logged, packages expire and are purged.
"""

import asyncio
from functools import partial

from gateway.background import Pause, every
from gateway.exchange.ending.purge_order import let_purge_lapse
from gateway.exchange.ending.retention import keep_retention
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ApprovalRecord, PurgeRecord, ReviewRecord
from gateway.exchange.kernel.state import ReviewState
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange.outgoing.approve import let_lapse
from gateway.exchange.outgoing.review import note_overdue

EVERY_SECONDS = 60.0
AT_ONCE = 100


async def keep_up(agency: Agency) -> None:
    """Do everything that is due now, by the same state transitions that requests of callers use."""
    while await agency.store.read(lambda reader: _is_due(agency, reader)):
        await agency.commit(SYSTEM, lambda work: _turn(agency, work))
    await keep_retention(agency)


async def run_upkeep(agency: Agency, *, pause: Pause = asyncio.sleep) -> None:
    """`keep_up` every minute until cancelled, by the rules of `every`."""
    await every(EVERY_SECONDS, partial(keep_up, agency), name="upkeep", pause=pause)


def _is_due(agency: Agency, reader: Reader) -> bool:
    now = agency.clock()
    if bool(reader.find(ApprovalRecord.lapsed(now, 1))) or bool(reader.find(PurgeRecord.lapsed(now, 1))):
        return True
    return any(review.due_at <= now for review in reader.find(ReviewRecord.in_state(ReviewState.BOOKED)))


def _turn(agency: Agency, work: Work) -> None:
    for approval in work.find(ApprovalRecord.lapsed(work.at, AT_ONCE)):
        let_lapse(agency, work, approval)
    for order in work.find(PurgeRecord.lapsed(work.at, AT_ONCE)):
        let_purge_lapse(work, order)
    note_overdue(agency, work)
