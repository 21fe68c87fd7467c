"""An entry of the log: an event, the time at which it happened, and its actor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.exchange_log.events import Event, EventCode, Group


@dataclass(frozen=True)
class Entry:
    """One entry to append. `actor` is the id of the caller or participant that caused it, or `system`.

    `objects` holds the ids that the event's class declares, by kind. `fields` holds JSON values, by group.
    """

    code: EventCode
    at: datetime
    actor: str
    objects: Mapping[str, str]
    fields: Mapping[Group, Mapping[str, object]]


def entry_of(
    event: Event, *, at: datetime, actor: str, client: str | None = None, request_id: str | None = None
) -> Entry:
    """The entry of an event. With a `client`, the actor is a person, and their id goes into the group `person`.
    `request_id` is that of the HTTP request.
    """
    person_fields = {"actor": None if client is None else actor, "client": client, "request_id": request_id}
    person = {name: value for name, value in person_fields.items() if value is not None}
    return Entry(event.event_code, at, actor, event.ids(), {**event.payloads(), Group.PERSON: person})
