"""Upkeep: what falls due by time alone. Approvals and orders that nobody gave lapse, overdue reviews alarm, packages expire and are purged."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from attache.errors import IntegrityLost
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

log = structlog.get_logger("gateway.upkeep")


async def keep_up(agency: Agency) -> None:
    """Do what is due now, as the same transitions that callers cause."""
    while await agency.store.read(lambda reader: _is_due(agency, reader)):
        await agency.commit(SYSTEM, lambda work: _turn(agency, work))
    await keep_retention(agency)


class Upkeep:
    """Calls `keep_up` every minute until it is stopped. `pause` is for tests."""

    def __init__(self, agency: Agency, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._agency = agency
        self._pause = pause
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until stopped. Of its errors only IntegrityLost ends it."""
        self._running = asyncio.create_task(self._turns())
        try:
            await self._running
        except asyncio.CancelledError:
            if not self._running.cancelled():
                self._running.cancel()
                raise

    def stop(self) -> None:
        """End `run`."""
        if self._running is not None:
            self._running.cancel()

    async def _turns(self) -> None:
        while True:
            try:
                await keep_up(self._agency)
            except IntegrityLost:
                raise
            except Exception as error:  # noqa: BLE001 -- the store may be back in a minute
                log.error("upkeep-broke", error=type(error).__name__)  # noqa: TRY400 -- a traceback quotes values
            await self._pause(EVERY_SECONDS)


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
