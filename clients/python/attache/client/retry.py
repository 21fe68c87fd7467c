"""When a failed request is sent again, as a pure function, and the key that makes the repetition safe."""

import random
import secrets
from dataclasses import dataclass

from attache.client.problem import is_worth_repeating
from attache.errors import AttacheError


@dataclass(frozen=True)
class Retry:
    """How often a request is repeated, and after which pauses. If a server asks to wait longer than `longest_seconds`, the request is not repeated."""

    retries: int = 2
    first_seconds: float = 0.5
    most_seconds: float = 8.0
    longest_seconds: int = 120

    def pause_seconds(self, error: AttacheError, failures: int, chance: float) -> float | None:
        """The pause after failure number `failures` (from 1); None if the request is not to be repeated. `chance`: a random number in [0, 1)."""
        if failures > self.retries or not is_worth_repeating(error):
            return None
        if error.retry_after_seconds is not None:
            return float(error.retry_after_seconds) if error.retry_after_seconds <= self.longest_seconds else None
        doubled = min(self.most_seconds, self.first_seconds * 2.0 ** (failures - 1))
        return doubled * (0.5 + chance / 2)


DEFAULT_RETRY = Retry()
chance = random.SystemRandom().random


def new_idempotency_key() -> str:
    """A fresh Idempotency-Key: 192 random bits. The gateway carries out requests with the same key once."""
    return secrets.token_urlsafe(24)
