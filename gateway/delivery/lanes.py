"""Concurrency limits: for all deliveries, and for each partner (its lane).
None starts while the partner's breaker is open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from attache.errors import AttacheError, PartnerUnreachable, TooManyRequests
from attache.package.ids import ParticipantId
from gateway.delivery.schedule import Breaker


class Lanes:
    """Keeps a slow partner from using the capacity of all others. For use on one event loop."""

    def __init__(self, at_once: int, per_partner: int) -> None:
        self._at_once = at_once
        self._per_partner = per_partner
        self._lanes: dict[ParticipantId, asyncio.Semaphore] = {}
        self._queued: dict[ParticipantId, int] = {}
        self._running = 0
        self._breakers: dict[ParticipantId, Breaker] = {}

    @property
    def free(self) -> int:
        """How many more deliveries may start. Those that wait in a full lane do not count."""
        return self._at_once - self._running

    def busy(self, now: datetime) -> frozenset[ParticipantId]:
        """Partners whose lane is full, or whose breaker is open."""
        full = {partner for partner, count in self._queued.items() if count >= self._lane_size(partner)}
        return frozenset(full | {partner for partner, breaker in self._breakers.items() if breaker.is_open(now)})

    def next_opening(self, now: datetime) -> datetime | None:
        """When the first open breaker closes; None if none is open."""
        return min((b.open_until for b in self._breakers.values() if b.open_until and b.open_until > now), default=None)

    @asynccontextmanager
    async def turn(self, partner: ParticipantId) -> AsyncIterator[None]:
        """Wait for a free slot in the partner's lane, and hold it while the context is open."""
        self._queued[partner] = self._queued.get(partner, 0) + 1
        try:
            async with self._lanes.setdefault(partner, asyncio.Semaphore(self._per_partner)):
                self._running += 1
                try:
                    yield
                finally:
                    self._running -= 1
        finally:
            self._queued[partner] -= 1
            if not self._queued[partner]:
                del self._queued[partner], self._lanes[partner]

    def note(
        self, partner: ParticipantId, error: AttacheError | None, now: datetime, chance: Callable[[], float]
    ) -> None:
        """Record an attempt for the partner's breaker. `error` is None for a success;
        any answer of the partner closes the breaker.
        """
        breaker = self._breakers.pop(partner, Breaker())
        if isinstance(error, PartnerUnreachable):
            self._breakers[partner] = breaker.after_failure(now, chance())
        # protocol F3
        elif isinstance(error, TooManyRequests) and error.retry_after_seconds is not None:
            self._breakers[partner] = Breaker().after_request(now + timedelta(seconds=error.retry_after_seconds))

    def _lane_size(self, partner: ParticipantId) -> int:
        breaker = self._breakers.get(partner)
        return 1 if breaker is not None and breaker.is_on_trial else self._per_partner
