"""The exchange-log entries that the use cases write, in one vocabulary: see docs/exchange-log.md."""

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from attache.package.ids import ParticipantId
from gateway.exchange_log import Event, EventCode, Group
from gateway.identity.caller import Caller

SYSTEM = "system"

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being served; every entry that comes of it names it."""


def event(
    code: EventCode,
    at: datetime,
    by: Caller | str,
    *,
    package: str | None = None,
    partner: ParticipantId | None = None,
    record: Mapping[str, Any] | None = None,
    reason: Mapping[str, Any] | None = None,
) -> Event:
    """An entry about a package, a partner, both or neither. `by` is a caller, a participant's id, or SYSTEM.

    The record of one about a package names its originator: what it says privately is sealed under that package's data key.
    """
    if package is not None and not (record or {}).get("originator"):
        raise ValueError(f"{code} is about a package and does not name its originator")
    named = {"package": package, "partner": partner}
    fields: dict[Group, Mapping[str, Any]] = {Group.RECORD: record or {}}
    if isinstance(by, Caller):
        fields[Group.PERSON] = {"actor": by.subject, "client": by.client_id}
    if request_id := REQUEST_ID.get():
        fields[Group.PERSON] = {**fields.get(Group.PERSON, {}), "request_id": request_id}
    if reason is not None:
        fields[Group.REASON] = reason
    actor = by.subject if isinstance(by, Caller) else by
    return Event(code, at, actor, {name: value for name, value in named.items() if value is not None}, fields)
