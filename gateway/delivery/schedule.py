"""When to try again, as pure functions. `chance` is a random number in [0, 1) that the caller supplies."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_TO_BREAK = 3
FIRST_BREAK = timedelta(seconds=5)
LONGEST_BREAK = timedelta(minutes=5)
_MOST_DOUBLINGS = 32


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff: the pause after the first failed attempt,
    which doubles with each further one, and the longest pause.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=4)

    def next_attempt(self, attempts: int, now: datetime, chance: float) -> datetime:
        """When to try again after the failed attempt number `attempts` (from 1). Half of the pause is random.

        The randomness spreads deliveries that failed at the same time.
        """
        # protocol F3
        return now + _doubled(self.first, self.longest, attempts) * (0.5 + chance / 2)


@dataclass(frozen=True)
class Breaker:
    """The circuit breaker of one partner: after 3 failures in a row, no attempt starts before `open_until`.

    Then one attempt is made. Success closes the breaker; failure opens it for twice as long, at most 5 minutes.
    """

    failures: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether no attempt may start."""
        return self.open_until is not None and now < self.open_until

    @property
    def is_on_trial(self) -> bool:
        """Whether attempts are limited to one at a time, until one succeeds."""
        return self.failures >= FAILURES_TO_BREAK

    def after_failure(self, now: datetime, chance: float) -> "Breaker":
        """The breaker after the partner did not answer."""
        failures = self.failures + 1
        # protocol F3
        if failures < FAILURES_TO_BREAK:
            return Breaker(failures)
        pause = _doubled(FIRST_BREAK, LONGEST_BREAK, failures - FAILURES_TO_BREAK + 1)
        return Breaker(failures, now + pause * (0.5 + chance / 2))

    def after_request(self, until: datetime) -> "Breaker":
        """The breaker after the partner asked for no requests before `until` (Retry-After)."""
        return Breaker(self.failures, until)


def _doubled(first: timedelta, longest: timedelta, times: int) -> timedelta:
    doubled: timedelta = first * 2 ** min(max(times, 1) - 1, _MOST_DOUBLINGS)
    return min(longest, doubled)
