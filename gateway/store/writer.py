"""One writer thread: it owns the write connection and commits waiting units in groups.

    begin -> run each unit in its savepoint -> write the log -> keep new data keys -> COMMIT -> swap the checkpoint lock -> answer

Until COMMIT is attempted, a failure undoes the group: every caller gets an error, nothing was written, and writing goes on.
From COMMIT on, a failure leaves open what is on the disk, so the writer stops for good: every caller gets IntegrityLost,
and so does whoever comes later. The next start finds out, by the path that every start takes (gateway.store.recovery):
a group is either wholly there, and its checkpoint is then swapped into the lock, or wholly absent.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from attache.errors import AttacheError, IntegrityLost, TooManyRequests
from gateway.exchange.kernel.ports import Transaction
from gateway.store.group_commit import NOT_RUN, GroupCommit, UnitOfWork, UnitResult

T = TypeVar("T")

MAX_GROUP = 64
MAX_WAITING = 4_096

_log = structlog.get_logger()


Committed = Callable[[Sequence[tuple[str, str | None]], int, float], None]
"""Is told of each commit, on the writer's thread: event and outcome of its entries, its units, and how many seconds it took."""


def unwatched(entries: Sequence[tuple[str, str | None]], units: int, seconds: float) -> None:
    """Nobody watches."""


@dataclass
class _Job:
    unit: UnitOfWork
    future: asyncio.Future[Any]
    result: UnitResult = NOT_RUN


class Writer:
    """The only way to change the database. Start and use it on one event loop."""

    def __init__(self, steps: GroupCommit, *, max_waiting: int = MAX_WAITING, committed: Committed = unwatched) -> None:
        self._steps = steps
        self._committed = committed
        self._max_waiting = max_waiting
        self._waiting: deque[_Job] = deque()
        self._state = threading.Condition()
        self._is_closing = False
        self._failure: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        """See exchange.ports.Store. Raises TooManyRequests when too many wait already, and then `unit` is not run.

        A caller that is cancelled while its unit runs does not learn whether it was committed.
        """
        # What a unit logs names the request that it serves, and the writer's thread serves all.
        context = copy_context()
        job = _Job(lambda tx: context.run(unit, tx), self._loop.create_future())
        with self._state:
            self.require_open()
            if len(self._waiting) >= self._max_waiting:
                raise TooManyRequests(detail="too many writes are waiting", retry_after_seconds=1)
            self._waiting.append(job)
            self._state.notify()
        answer: T = await job.future
        return answer

    def changed(self) -> asyncio.Event:
        """An event that the next commit sets. Take it, look, and wait for it only if what you saw was not enough."""
        return self._changed

    def require_open(self) -> None:
        """Raises IntegrityLost once a failure has stopped the writer, AttacheError once it is closed."""
        if self._failure:
            raise _stopped() from self._failure
        if self._is_closing:
            raise AttacheError(detail="the store is closed")

    def close(self) -> None:
        """Write what waits, then end the thread. Blocking."""
        with self._state:
            self._is_closing = True
            self._state.notify()
        self._thread.join()

    def _work(self) -> None:
        while group := self._next_group():
            try:
                self._write_group(group)
            except Exception as failure:  # noqa: BLE001 -- nothing may end this thread unnoticed
                self._stop(group, failure)

    def _next_group(self) -> list[_Job]:
        """What waits, up to MAX_GROUP, at once; blocks while nothing does. Empty when closed and done."""
        with self._state:
            self._state.wait_for(lambda: self._waiting or self._is_closing)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]

    def _write_group(self, group: list[_Job]) -> None:
        """Raises only where it is open what is on the disk."""
        steps, began = self._steps, time.perf_counter()
        try:
            steps.begin()
            for job in group:
                job.result = steps.run(job.unit)
            steps.write_log()
            steps.keep_keys()
        except Exception as error:  # noqa: BLE001 -- the group is undone, whatever the reason
            steps.rollback()
            _log.error("store-group-undone", units=len(group), error=type(error).__name__)
            self._refuse(group, error, _undone)
            return
        # The commit point. Before this line nothing has happened; after it, everything in the group has.
        # protocol N3
        steps.commit()
        # exchange-log A2
        steps.lock_checkpoint()
        self._committed(steps.entries, len(group), time.perf_counter() - began)
        self._post(group)

    def _stop(self, group: list[_Job], failure: Exception) -> None:
        _log.critical("store-stopped", error=type(failure).__name__)
        with self._state:
            self._failure = failure
            group = [*group, *self._waiting]
            self._waiting.clear()
        self._refuse(group, failure, _stopped)

    def _refuse(self, group: list[_Job], cause: Exception, error: Callable[[], Exception]) -> None:
        for job in group:
            refusal = error()
            refusal.__cause__ = cause
            job.result = UnitResult(error=refusal)
        self._post(group)

    def _post(self, group: list[_Job]) -> None:
        self._loop.call_soon_threadsafe(self._answer, group)

    def _answer(self, group: list[_Job]) -> None:
        """On the event loop: hand out the outcomes, then wake those who wait for a change."""
        for job in group:
            if job.future.cancelled():
                continue
            error = job.result.error
            if isinstance(error, StopIteration):  # which a future cannot hold
                error = RuntimeError("a unit of work raised StopIteration")
            if error:
                job.future.set_exception(error)
            else:
                job.future.set_result(job.result.answer)
        if any(job.result.has_written for job in group):
            self._changed.set()
            self._changed = asyncio.Event()


def _undone() -> AttacheError:
    return AttacheError(detail="the commit failed; nothing was written")


def _stopped() -> IntegrityLost:
    return IntegrityLost(
        detail="a commit failed half-way: the store refuses writes until the gateway is restarted", step="commit"
    )
