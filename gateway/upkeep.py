"""Upkeep: what falls due by time alone. Approvals and orders that nobody gave lapse, overdue reviews alarm, packages expire and are purged."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from attache.errors import IntegrityLost
from gateway.exchange.ending.purge_order import let_purge_lapse
from gateway.exchange.ending.retention import keep_retention
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import ReviewRecord, ReviewState
from gateway.exchange.outgoing.approve import let_lapse
from gateway.exchange.outgoing.review import note_overdue

EVERY_SECONDS = 60.0
AT_ONCE = 100

log = structlog.get_logger("gateway.upkeep")


async def keep_up(agency: Agency) -> None:
    """Do what is due now, as the same transitions that callers cause."""
    while await agency.store.read(lambda reader: _is_due(agency, reader)):
        await agency.store.write(lambda tx: _turn(agency, tx))
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
    if reader.approvals_lapsed(now, 1) or reader.purges_lapsed(now, 1):
        return True
    return any(review.due_at <= now for review in reader.find(ReviewRecord, state=ReviewState.BOOKED))


def _turn(agency: Agency, tx: Transaction) -> None:
    for approval in tx.approvals_lapsed(agency.clock(), AT_ONCE):
        let_lapse(agency, tx, approval)
    for order in tx.purges_lapsed(agency.clock(), AT_ONCE):
        let_purge_lapse(agency, tx, order)
    note_overdue(agency, tx)
