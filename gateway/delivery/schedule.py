"""When to try again, as pure functions: `chance` is a random number in [0, 1) that the caller draws."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_TO_BREAK = 3
FIRST_BREAK = timedelta(seconds=5)
LONGEST_BREAK = timedelta(minutes=5)
_MOST_DOUBLINGS = 32


@dataclass(frozen=True)
class Backoff:
    """The pause after a first failed attempt, which doubles with each further one, and the longest pause."""

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=4)

    def next_attempt(self, attempts: int, now: datetime, chance: float) -> datetime:
        """When to try again after the `attempts`-th failed attempt (from 1); half of the pause is chance.

        The jitter keeps what failed together from coming back together.
        """
        # protocol F3
        return now + _doubled(self.first, self.longest, attempts) * (0.5 + chance / 2)


@dataclass(frozen=True)
class Breaker:
    """One partner's circuit breaker: after 3 failures in a row the partner is left alone until `open_until`.

    Then one attempt is made; it closes the breaker, or opens it for twice as long, up to 5 minutes.
    """

    failures: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether the partner is to be left alone."""
        return self.open_until is not None and now < self.open_until

    @property
    def is_on_trial(self) -> bool:
        """Whether one attempt at a time is enough, until one succeeds."""
        return self.failures >= FAILURES_TO_BREAK

    def after_failure(self, now: datetime, chance: float) -> "Breaker":
        """The partner did not answer."""
        failures = self.failures + 1
        # protocol F3
        if failures < FAILURES_TO_BREAK:
            return Breaker(failures)
        pause = _doubled(FIRST_BREAK, LONGEST_BREAK, failures - FAILURES_TO_BREAK + 1)
        return Breaker(failures, now + pause * (0.5 + chance / 2))

    def after_request(self, until: datetime) -> "Breaker":
        """The partner asked to be left alone until then (Retry-After)."""
        return Breaker(self.failures, until)


def _doubled(first: timedelta, longest: timedelta, times: int) -> timedelta:
    doubled: timedelta = first * 2 ** min(max(times, 1) - 1, _MOST_DOUBLINGS)
    return min(longest, doubled)
