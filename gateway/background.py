"""Background tasks: the loop that each of them runs, and the context in which they run beside the listeners."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import structlog

from attache.errors import IntegrityLost

FIRST_RETRY_SECONDS = 1.0

Turn = Callable[[], Awaitable[float | None]]
"""One turn of a loop. Returns the seconds to rest after it, or None for the loop's own period."""

Pause = Callable[[float], Awaitable[None]]
"""Waits for that many seconds: `asyncio.sleep`, or a replacement in a test."""

log = structlog.get_logger("gateway.background")


async def every(
    seconds: float,
    turn: Turn,
    *,
    name: str,
    wake: asyncio.Event | None = None,
    after_wake_seconds: float = 0.0,
    pause: Pause = asyncio.sleep,
) -> NoReturn:
    """Take a turn, then rest for `seconds` or for the time that the turn returned, and repeat until cancelled.

    The first turn starts at once. Cancelling also interrupts a running turn. Setting `wake` ends a rest early; the next
    turn then starts `after_wake_seconds` later, so that several wake-ups lead to one turn. `wake` is cleared before
    each turn: when it is set during a turn, another turn follows. A turn that raises writes one line to the operator's
    log, with `name` and the type of the error, and is repeated after 1, 2, 4, ... seconds, at most `seconds`; `wake`
    does not shorten this pause. Only IntegrityLost ends the loop.
    """
    wake = wake or asyncio.Event()
    failures = 0
    while True:
        wake.clear()
        try:
            rest = await turn()
        except IntegrityLost:
            raise
        except Exception as error:  # noqa: BLE001 -- the store or the partner may be back in a moment
            log.error("background-turn-failed", task=name, error=type(error).__name__)  # noqa: TRY400 -- a traceback quotes values
            await pause(min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 16), seconds))
            failures += 1
            continue
        failures = 0
        await _rest(seconds if rest is None else rest, wake, pause)
        if wake.is_set() and after_wake_seconds:
            await pause(after_wake_seconds)


@asynccontextmanager
async def background(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the loops until the context is left, then cancel them.
    An error in one of them ends the context and the other loops.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _rest(seconds: float, wake: asyncio.Event, pause: Pause) -> None:
    if wake.is_set():
        return
    waits = asyncio.ensure_future(wake.wait()), asyncio.ensure_future(pause(seconds))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
