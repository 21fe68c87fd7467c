"""Upkeep: what falls due by time alone. Approvals and orders that nobody gave lapse, overdue reviews alarm, packages expire and are purged."""

import asyncio
from functools import partial

from gateway.background import Pause, every
from gateway.exchange.ending.purge_order import let_purge_lapse
from gateway.exchange.ending.retention import keep_retention
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import ApprovalRecord, PurgeRecord, ReviewRecord, ReviewState
from gateway.exchange.outgoing.approve import let_lapse
from gateway.exchange.outgoing.review import note_overdue

EVERY_SECONDS = 60.0
AT_ONCE = 100


async def keep_up(agency: Agency) -> None:
    """Do what is due now, as the same transitions that callers cause."""
    while await agency.store.read(lambda reader: _is_due(agency, reader)):
        await agency.store.write(lambda tx: _turn(agency, tx))
    await keep_retention(agency)


async def run_upkeep(agency: Agency, *, pause: Pause = asyncio.sleep) -> None:
    """`keep_up` every minute until cancelled, by the rules of `every`."""
    await every(EVERY_SECONDS, partial(keep_up, agency), name="upkeep", pause=pause)


def _is_due(agency: Agency, reader: Reader) -> bool:
    now = agency.clock()
    if bool(reader.find(ApprovalRecord.lapsed(now, 1))) or bool(reader.find(PurgeRecord.lapsed(now, 1))):
        return True
    return any(review.due_at <= now for review in reader.find(ReviewRecord.in_state(ReviewState.BOOKED)))


def _turn(agency: Agency, tx: Transaction) -> None:
    for approval in tx.find(ApprovalRecord.lapsed(agency.clock(), AT_ONCE)):
        let_lapse(agency, tx, approval)
    for order in tx.find(PurgeRecord.lapsed(agency.clock(), AT_ONCE)):
        let_purge_lapse(agency, tx, order)
    note_overdue(agency, tx)
