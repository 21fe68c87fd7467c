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
    """A gateway's agency API. Close it, or use it as a context manager.

    `Client` blocks and is safe to share between threads; `AsyncClient` is for one event loop.

    Arguments that are left out are taken from the environment (`Access.of`). Failed connections, 429 and 502-504 are tried again
    twice, with growing pauses, or as Retry-After says up to 120 s; a POST is repeated under its first Idempotency-Key.
    Whatever the server answers, only AttacheError is raised. `transport`, `pause`, `chance` and `now` are for tests.
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
        """What policy would decide, per recipient and part. A dry run: nothing is submitted."""
        return self._driver.exchange(calls.decide(submission))

    def explain(
        self, submission: Submission, recipient: str, *, part: str | None = None, field: str | None = None
    ) -> ExplanationView:
        """Why what would stay would stay, for one recipient, and what could be obtained or chosen to let it go.

        Without `part`, of everything that would stay. It shows what the rules accept, not whether a legal basis applies.
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
