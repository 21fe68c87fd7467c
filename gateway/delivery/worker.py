"""The delivery worker: claims due rows of the outbox, delivers them, and records the result.
A crash at any point loses nothing.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from attache.clock import Clock
from attache.errors import AttacheError, DeliveryFailed
from gateway.background import Pause, every
from gateway.delivery.lanes import Lanes
from gateway.delivery.link import Carrier
from gateway.delivery.schedule import Backoff
from gateway.delivery.verdict import is_final
from gateway.exchange.kernel.consignment import Consignment, Deliver

SHORTEST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 60.0

log = structlog.get_logger("gateway.delivery")


@dataclass(frozen=True)
class Concurrency:
    """How many deliveries run at once, and how many of them to one partner."""

    at_once: int = 16
    per_partner: int = 2


DEFAULT_CONCURRENCY = Concurrency()
DEFAULT_BACKOFF = Backoff()


class DeliveryWorker:
    """Delivers the rows of the outbox. For use on one event loop.

    Every claimed row is settled, finally refused, or postponed. After a crash its lease expires; then the same bytes
    are sent again, and the partner answers with the same receipt.
    """

    def __init__(
        self,
        outbox: Deliver,
        carrier: Carrier,
        *,
        now: Clock,
        chance: Callable[[], float] = random.SystemRandom().random,  # noqa: B008 -- one source for all
        pause: Pause = asyncio.sleep,
        concurrency: Concurrency = DEFAULT_CONCURRENCY,
        backoff: Backoff = DEFAULT_BACKOFF,
    ) -> None:
        self._outbox = outbox
        self._carrier = carrier
        self._now = now
        self._chance = chance
        self._pause = pause
        self._backoff = backoff
        self._lanes = Lanes(concurrency.at_once, concurrency.per_partner)
        self._deliveries: set[asyncio.Task[None]] = set()
        self._carried: set[str] = set()
        self._wake = asyncio.Event()
        self._listening: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Deliver until cancelled. Cancelling interrupts running deliveries; they are due at once at the next
        start. See `every` for errors.
        """
        try:
            await every(LONGEST_REST_SECONDS, self._turn, name="delivery", wake=self._wake, pause=self._pause)
        finally:
            if self._listening is not None:
                self._listening.cancel()
            for delivery in self._deliveries:
                delivery.cancel()
            await asyncio.gather(*self._deliveries, return_exceptions=True)

    async def _turn(self) -> float:
        """Start due deliveries. Returns the seconds to rest."""
        listening = await self._listen()
        due = await self._outbox.next_due()
        now = self._now()
        if due is not None and due <= now and self._lanes.free > 0:
            if await self._started(now):
                self._wake.set()  # more may be due
                return LONGEST_REST_SECONDS
            # The claim itself was a change: wait for later ones only.
            listening = await self._listen()
        listening.add_done_callback(self._heard)
        return self._rest_seconds(due, now)

    async def _listen(self) -> "asyncio.Future[None]":
        """A future that the next change of the outbox completes.
        It sees every change after this function has returned.
        """
        if self._listening is not None:
            self._listening.cancel()
        self._listening = listening = asyncio.ensure_future(self._outbox.changed())
        await asyncio.sleep(0)
        return listening

    def _heard(self, listening: "asyncio.Future[None]") -> None:
        if not listening.cancelled():
            self._wake.set()

    async def _started(self, now: datetime) -> bool:
        """As `_start`, but cancelling does not interrupt it:
        `run` then also ends the deliveries that it has started.
        """
        starting = asyncio.ensure_future(self._start(now))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            raise

    async def _start(self, now: datetime) -> bool:
        """Claim and start deliveries; False if there was none to claim."""
        claimed = await self._outbox.claim(self._lanes.free, self._lanes.busy(now))
        for consignment in claimed:
            if consignment.outbox.outbox_id in self._carried:
                continue  # it is still running; claiming it has extended its lease
            delivery = asyncio.create_task(self._deliver(consignment))
            self._deliveries.add(delivery)
            self._carried.add(consignment.outbox.outbox_id)
            delivery.add_done_callback(self._ended)
        await asyncio.sleep(0)  # so that each is counted in its lane before the next claim
        return bool(claimed)

    def _ended(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        self._wake.set()

    def _rest_seconds(self, due: datetime | None, now: datetime) -> float:
        """Seconds until a row is due or a breaker closes;
        at least 1 while there are due rows that cannot be claimed.
        """
        instants = [at for at in (due, self._lanes.next_opening(now)) if at is not None and at > now]
        soonest = (min(instants) - now).total_seconds() if instants else LONGEST_REST_SECONDS
        blocked = due is not None and due <= now
        return SHORTEST_REST_SECONDS if blocked else min(max(soonest, 0.0), LONGEST_REST_SECONDS)

    async def _deliver(self, consignment: Consignment) -> None:
        try:
            async with self._lanes.turn(consignment.outbox.partner):
                await self._carry(consignment)
        except asyncio.CancelledError:
            stopped = DeliveryFailed("delivery-failed", "the gateway was stopped")
            await self._outbox.postpone(consignment, stopped, self._now())
            raise
        except Exception as error:  # noqa: BLE001 -- an error of one delivery must not end the others; its lease expires
            log.error("delivery-broke", **_facts(consignment), error=type(error).__name__)  # noqa: TRY400 -- a traceback quotes values
        finally:
            self._carried.discard(consignment.outbox.outbox_id)

    async def _carry(self, consignment: Consignment) -> None:
        """Make one attempt and record its result. An invalid receipt is not a refusal: the delivery is postponed."""
        partner = consignment.outbox.partner
        try:
            receipt = await self._carrier.carry(consignment)
        except AttacheError as error:
            self._lanes.note(partner, error, self._now(), self._chance)
            await self._failed(consignment, error, final=is_final(error))
            return
        self._lanes.note(partner, None, self._now(), self._chance)
        try:
            await self._outbox.settle(consignment, receipt)
        except AttacheError as error:
            # protocol F5: an invalid receipt is not a refusal
            await self._failed(consignment, error, final=False)
            return
        log.info("delivered", **_facts(consignment))

    async def _failed(self, consignment: Consignment, error: AttacheError, *, final: bool) -> None:
        if final:
            await self._outbox.refuse(consignment, error)
            log.warning("refused", **_facts(consignment), code=error.code)
            return
        # A retry is a new claim of the same row: it sends the same bytes, also after a restart of this process.
        due_at = self._backoff.next_attempt(consignment.outbox.attempts + 1, self._now(), self._chance())
        await self._outbox.postpone(consignment, error, due_at)
        log.warning("postponed", **_facts(consignment), code=error.code, due_at=due_at.isoformat())


def _facts(consignment: Consignment) -> dict[str, str | int]:
    outbox = consignment.outbox
    return {
        "partner": outbox.partner,
        "package_id": outbox.package_id,
        "kind": outbox.kind,
        "attempt": outbox.attempts + 1,
    }
