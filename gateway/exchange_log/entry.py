"""An event together with when it happened and who did it: what goes into the log as one entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.exchange_log.events import Event, EventCode, Group


@dataclass(frozen=True)
class Entry:
    """One entry to be. `actor` is who did it: a caller's or participant's id, or `system`.

    `objects` holds the ids that the event's class names, by kind; `fields` JSON values, by group.
    """

    code: EventCode
    at: datetime
    actor: str
    objects: Mapping[str, str]
    fields: Mapping[Group, Mapping[str, object]]


def entry_of(
    event: Event, *, at: datetime, actor: str, client: str | None = None, request_id: str | None = None
) -> Entry:
    """The entry of an event. With a `client` the actor is a person, whose id goes into the group `person`; `request_id` is the HTTP request's."""
    stated = {"actor": None if client is None else actor, "client": client, "request_id": request_id}
    person = {name: value for name, value in stated.items() if value is not None}
    return Entry(event.event_code, at, actor, event.ids(), {**event.payloads(), Group.PERSON: person})
