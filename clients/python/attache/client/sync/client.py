"""The client of the agency API."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from attache import clock
from attache.client.agency import packages as calls
from attache.client.connect import DEFAULT_TIMEOUTS, Access, Timeouts
from attache.client.retry import DEFAULT_RETRY, Retry, chance
from attache.client.submission import Submission
from attache.client.sync.approvals import Approvals, Officers, Reviews
from attache.client.sync.consents import Consents
from attache.client.sync.driver import Driver
from attache.client.sync.inbox import Inbox
from attache.client.sync.log import Log
from attache.client.sync.packages import Packages
from attache.client.sync.participants import Participants
from attache.client.sync.policies import Policies
from attache.client.sync.purges import Holds, Purges
from attache.client.waiting import Pause
from attache.wire.decisions import DecisionView, ExplanationView


class Client:
    """The agency API of a gateway. Close the client, or use it as a context manager.

    `Client` blocks and is safe to share between threads; `AsyncClient` is for one event loop.

    Arguments that are left out are taken from the environment (`Access.of`). After a failed connection, 429 or 502-504 the client tries again
    twice, after increasing pauses, or after the time in Retry-After if that is at most 120 s; it repeats a POST with the same Idempotency-Key.
    For every answer of a server that is an error or malformed, it raises an AttacheError. `transport`, `pause`, `chance` and `now` are for tests.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        ca: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        passphrase: bytes | str | None = None,
        retry: Retry = DEFAULT_RETRY,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        transport: httpx.BaseTransport | None = None,
        pause: Pause = time.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        self._access = Access.of(
            url, token=token, token_file=token_file, ca=ca, certificate=certificate, key=key, passphrase=passphrase
        )
        driver = Driver(
            self._access, retry=retry, timeouts=timeouts, transport=transport, pause=pause, chance=chance, now=now
        )
        self._driver = driver
        self.packages = Packages(driver)
        self.inbox = Inbox(driver)
        self.approvals = Approvals(driver)
        self.purges = Purges(driver)
        self.holds = Holds(driver)
        self.participants = Participants(driver)
        self.log = Log(driver)
        self.policies = Policies(driver)
        self.reviews = Reviews(driver)
        self.officers = Officers(driver)
        self.consents = Consents(driver)

    def decide(self, submission: Submission) -> tuple[DecisionView, ...]:
        """The decision that policy would make, for each recipient and part. A dry run: nothing is submitted."""
        return self._driver.exchange(calls.decide(submission))

    def explain(
        self, submission: Submission, recipient: str, *, part: str | None = None, field: str | None = None
    ) -> ExplanationView:
        """Why parts or fields would be withheld from one recipient, and which changes to the submission would release them.

        Without `part`, for every part that would be withheld. The answer shows what the rules accept, not whether a legal basis applies.
        """
        return self._driver.exchange(calls.explain(submission, recipient, part, field))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._access.url!r})"
