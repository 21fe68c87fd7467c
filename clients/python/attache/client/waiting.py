"""The differences between the blocking and the asyncio client beyond `await`: pauses, and work that blocks, such as file access.

The blocking client does such work directly; the asyncio client does it on a thread, so that it does not block the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Pause = Callable[[float], None]
"""Waits for the given number of seconds."""
AsyncPause = Callable[[float], Awaitable[None]]


def run_blocking(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work`, called directly."""
    return work(*args, **kwargs)


async def run_on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work`, called on a thread."""
    return await asyncio.to_thread(work, *args, **kwargs)
