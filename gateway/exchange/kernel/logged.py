"""The exchange-log entries that the use cases write: see docs/exchange-log.md."""

from contextvars import ContextVar
from datetime import datetime

from gateway.exchange_log import Entry, Event, entry_of
from gateway.identity.caller import Caller

SYSTEM = "system"

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being served; every entry that comes of it names it."""


def entry(event: Event, at: datetime, by: Caller | str) -> Entry:
    """The entry of an event. `by` is a caller, a participant's id, or SYSTEM."""
    request_id = REQUEST_ID.get()
    if isinstance(by, Caller):
        return entry_of(event, at=at, actor=by.subject, client=by.client_id, request_id=request_id)
    return entry_of(event, at=at, actor=by, request_id=request_id)
