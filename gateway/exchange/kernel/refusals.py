"""Refused attempts that go to the exchange log: tokens, certificates, and callers who ask for packages of other
callers.

A flood must not grow the log. Of each kind of refusal (code, whose, from what kind of network) there is at most one
entry a minute, with how many there were; the first is written at once.
At an end out of order the counts of the last minute are lost.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from attache.clock import Clock
from attache.errors import NotFound
from gateway.background import Pause, every
from gateway.exchange.kernel.ports import Store, Transaction
from gateway.exchange.kernel.work import REQUEST_ID, SYSTEM, entry
from gateway.exchange_log import Entry
from gateway.exchange_log.events.base import Counted
from gateway.identity.caller import Caller

EVERY = timedelta(minutes=1)
MAX_KINDS = 512
ANYBODY = "anybody"
"""The actor of an attempt whose caller is not authenticated."""

_Key = tuple[Counted, str]
"""Of what kind, and who."""


class NotForCaller(NotFound):
    """There is such a thing, and it is not this caller's to know of: answered as if there were none, and noted."""


@dataclass
class _Kind:
    """One kind of refusal: its first that is not logged yet, and how many there are of those."""

    event: Counted
    first: Entry
    count: int = 0
    logged_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        # exchange-log N4
        return self.count > 0 and (self.logged_at is None or now - self.logged_at >= EVERY)


class Refusals:
    """Counts refusals and writes them. Used on one event loop. `pause` is for tests."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        counted: Callable[[str, str], None] = lambda event, code: None,  # noqa: ARG005 -- not counted
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counted = counted
        self._pause = pause
        self._kinds: dict[_Key, _Kind] = {}

    def note(self, event: Counted, by: Caller | str = ANYBODY) -> None:
        """Count one refusal. The event's fields say of what kind it is, in few and bounded words."""
        self._counted(event.event_code.value, event.code or "none")
        key = event, by.subject if isinstance(by, Caller) else by
        if key not in self._kinds and len(self._kinds) >= MAX_KINDS:
            self._forget_idle()
        # exchange-log N4
        if key not in self._kinds and len(self._kinds) >= MAX_KINDS:
            event, by = event.of_no_kind(), SYSTEM
            key = event, by
        first = entry(event, self._clock(), by, REQUEST_ID.get())
        kind = self._kinds.setdefault(key, _Kind(event, first))
        if kind.count == 0:
            kind.first = first
        kind.count += 1

    async def flush(self, *, is_last: bool = False) -> None:
        """Write what is due, in one unit; everything where it is the last time."""
        now = self._clock()
        due = [kind for kind in self._kinds.values() if kind.is_due(now) or (is_last and kind.count)]
        if not due:
            return
        entries = [_counted(kind) for kind in due]
        for kind in due:  # what comes while this is being written is counted anew
            kind.count, kind.logged_at = 0, now
        await self._store.write(lambda tx: _write(tx, entries))

    async def run(self) -> None:
        """Write every second what is due, until cancelled, by the rules of `every`."""
        await every(1.0, self.flush, name="refusals", pause=self._pause)

    def _forget_idle(self) -> None:
        now = self._clock()
        idle = [
            key
            for key, kind in self._kinds.items()
            if kind.count == 0 and kind.logged_at is not None and now - kind.logged_at >= EVERY
        ]
        for key in idle:
            del self._kinds[key]


def client_network(host: str | None) -> str:
    """What kind of network an address is of, in one of five words: no address goes to the log."""
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    kinds = {"loopback": address.is_loopback, "link-local": address.is_link_local, "private": address.is_private}
    return next((kind for kind, applies in kinds.items() if applies), "public")


def _counted(kind: _Kind) -> Entry:
    counted = replace(kind.event, count=kind.count)
    return replace(kind.first, fields={**kind.first.fields, **counted.payloads()})


def _write(tx: Transaction, entries: list[Entry]) -> None:
    for each in entries:
        tx.log(each)
