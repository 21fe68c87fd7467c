"""Limits on the rate of requests: one token bucket for each key, in memory."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from attache.errors import TooManyRequests

MAX_BUCKETS = 50_000


@dataclass
class RateLimit:
    """Allows for each key `per_minute` requests on average, and `burst` requests at once.

    Counts in this process only; a restart resets the counts. Keeps the `max_buckets` most recently used buckets; a key
    without a bucket may use its whole burst. `clock` gives seconds and never decreases.
    """

    per_minute: int
    burst: int
    clock: Callable[[], float] = time.monotonic
    max_buckets: int = MAX_BUCKETS
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, init=False, repr=False)

    def spend(self, key: str) -> None:
        """Count one request of `key`. Raises TooManyRequests, with the time to wait, if the limit is reached."""
        now, per_second = self.clock(), self.per_minute / 60
        level, filled_at = self._buckets.get(key, (float(self.burst), now))
        level = min(self.burst, level + (now - filled_at) * per_second)
        if level < 1:
            raise TooManyRequests(retry_after_seconds=math.ceil((1 - level) / per_second))
        self._buckets[key] = (level - 1, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self.max_buckets:
            self._buckets.popitem(last=False)
