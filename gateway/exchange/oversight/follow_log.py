"""The log as it grows. To follow it is itself an entry."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from attache.wire.log import EntryView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import LogFilter, LogReader
from gateway.exchange.oversight.audit import entry_view
from gateway.exchange.oversight.export_log import filter_text
from gateway.exchange_log.events.oversight import LogSearched
from gateway.identity.caller import Caller

AT_ONCE = 500
KEEP_ALIVE_SECONDS = 15.0


async def follow_log(
    agency: Agency, caller: Caller, after: int | None, wanted: LogFilter
) -> AsyncIterator[EntryView | None]:
    """Entries above `after` (from now on where None) as they come, without end;
    None whenever nothing came for 15 seconds.

    Ends when the caller's token does. To follow is itself an entry.
    """
    start = await agency.store.read_log(lambda log: log.size - 1) if after is None else after
    followed = LogSearched(filter={**filter_text(wanted), "follow": True, "after": start})
    await agency.commit(caller, lambda work: work.log(followed))
    return _entries(agency, caller, start, wanted)


async def _entries(agency: Agency, caller: Caller, after: int, wanted: LogFilter) -> AsyncIterator[EntryView | None]:
    while agency.clock() < caller.expires_at:
        changed = agency.store.changed()
        found = await agency.store.read_log(partial(_views, after, wanted))
        for each in found:
            after = each.index
            yield each
        if not found:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield None


def _views(after: int, wanted: LogFilter, log: LogReader) -> list[EntryView]:
    return [entry_view(entry) for entry in log.entries_after(after, AT_ONCE, wanted)]
