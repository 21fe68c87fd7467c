"""What runs beside the listeners: the one loop of all background tasks, and the block for whose length they run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import structlog

from attache.errors import IntegrityLost

FIRST_RETRY_SECONDS = 1.0

Turn = Callable[[], Awaitable[float | None]]
"""One turn of a loop. Returns how many seconds to rest after it; None is the loop's own."""

Pause = Callable[[float], Awaitable[None]]
"""Waits for as many seconds: `asyncio.sleep`, or what a test puts in its place."""

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
    """Take a turn, rest `seconds` (or what the turn returned), take the next; until cancelled, which breaks off a turn under way.

    The first turn comes at once. `wake` ends a rest early, `after_wake_seconds` later, so that many wakings make one turn;
    it is cleared before each turn, so what sets it during a turn is followed by another turn.
    A turn that raises is one line of the operator's log, with `name` and the type of its error. It is repeated after a second,
    after two, four and so on up to `seconds`, and `wake` does not shorten that. IntegrityLost alone ends the loop.
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
    """Run the loops beside the block, and cancel them at its end. An error of one of them ends the block and the others."""
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
