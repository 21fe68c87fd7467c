"""The writer thread: it owns the write connection and commits waiting units of work in groups.

    begin -> run each unit in its savepoint -> write the log -> keep new data keys -> COMMIT -> write the checkpoint
    lock -> answer

A failure before COMMIT undoes the group: every caller gets an error, nothing is written, and the writer continues.
After a failure at COMMIT or later, it is unknown what is on the disk, so the writer stops: these callers and all later
ones get IntegrityLost. The next start resolves it (gateway.store.recovery): the group is either complete, and its
checkpoint is then written to the lock, or absent.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
"""Receives each commit, on the writer's thread: event and outcome of its entries, number of units, and duration in
seconds.
"""


def ignore_commits(entries: Sequence[tuple[str, str | None]], units: int, seconds: float) -> None:
    """Ignores commits."""


@dataclass
class _Job:
    unit: UnitOfWork
    future: asyncio.Future[Any]
    result: UnitResult = NOT_RUN


class Writer:
    """All changes of the database go through it. Create and use it on one event loop."""

    def __init__(
        self, steps: GroupCommit, *, max_waiting: int = MAX_WAITING, committed: Committed = ignore_commits
    ) -> None:
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
        """See exchange.kernel.ports.Store. Raises TooManyRequests, without running `unit`, if too many units are
        waiting.

        A caller that is cancelled while its unit runs does not learn whether it was committed.
        """
        job = _Job(unit, self._loop.create_future())
        with self._state:
            self.require_open()
            if len(self._waiting) >= self._max_waiting:
                raise TooManyRequests(detail="too many writes are waiting", retry_after_seconds=1)
            self._waiting.append(job)
            self._state.notify()
        answer: T = await job.future
        return answer

    def changed(self) -> asyncio.Event:
        """An event that the next commit sets. To miss no commit: get the event, read, and only then wait for it."""
        return self._changed

    def require_open(self) -> None:
        """Raises IntegrityLost once a failure has stopped the writer, AttacheError once it is closed."""
        if self._failure:
            raise _stopped() from self._failure
        if self._is_closing:
            raise AttacheError(detail="the store is closed")

    def close(self) -> None:
        """Commit waiting units, then end the thread. Blocking."""
        with self._state:
            self._is_closing = True
            self._state.notify()
        self._thread.join()

    def _work(self) -> None:
        while group := self._next_group():
            try:
                self._write_group(group)
            except Exception as failure:  # noqa: BLE001 -- any error must stop the writer in order
                self._stop(group, failure)

    def _next_group(self) -> list[_Job]:
        """The next waiting jobs, at most MAX_GROUP; waits until there is one. Empty once the writer is closed and all
        jobs are done.
        """
        with self._state:
            self._state.wait_for(lambda: self._waiting or self._is_closing)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]

    def _write_group(self, group: list[_Job]) -> None:
        """Commit a group. Raises only if it is unknown whether the group is on the disk."""
        steps, began = self._steps, time.perf_counter()
        try:
            steps.begin()
            for job in group:
                job.result = steps.run(job.unit)
            steps.write_log()
            steps.keep_keys()
        except Exception as error:  # noqa: BLE001 -- after any error the group is undone
            steps.rollback()
            _log.error("store-group-undone", units=len(group), error=type(error).__name__)
            self._refuse(group, error, _undone)
            return
        # The commit point: before this line nothing of the group is durable; after it, everything is.
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
        """On the event loop: give each caller its result, then wake those who wait for a change."""
        for job in group:
            if job.future.cancelled():
                continue
            error = job.result.error
            if isinstance(error, StopIteration):  # a future cannot hold it
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
        detail="a commit failed, and its state is unknown: the store refuses writes until the gateway is restarted",
        step="commit",
    )
