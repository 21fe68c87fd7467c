"""Where the blocking and the asyncio clients differ by more than `await`: pauses, and work that blocks, such as on files.

The blocking client does such work at once; the asyncio client does it on a thread, so that its event loop goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Pause = Callable[[float], None]
"""Waits for as many seconds."""
AsyncPause = Callable[[float], Awaitable[None]]


def run_blocking(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, done here and now."""
    return work(*args, **kwargs)


async def run_on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, done on a thread."""
    return await asyncio.to_thread(work, *args, **kwargs)
