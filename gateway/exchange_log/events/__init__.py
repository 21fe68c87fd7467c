"""The closed catalogue of events in the exchange log: one frozen class for each code."""

from collections.abc import Iterator, Mapping

from gateway.exchange_log.events import (
    approvals,
    arrivals,
    consents,
    gateway,
    oversight,
    packages,
    participants,
    policies,
    purges,
    receipts,
    sessions,
    witnessing,
)
from gateway.exchange_log.events.base import EntryReader, Event, Group, fields_of, groups_of
from gateway.exchange_log.events.codes import EventCode

__all__ = [
    "CATALOGUE",
    "EntryReader",
    "Event",
    "EventCode",
    "Group",
    "fields_of",
    "groups_of",
    "readers_of",
    "render_catalogue",
]

_MODULES = (
    packages, arrivals, approvals, receipts, consents, participants,
    policies, sessions, oversight, witnessing, purges, gateway,
)  # fmt: skip


def _classes() -> Iterator[type[Event]]:
    for module in _MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and "event_code" in vars(value):
                yield value


_BY_CODE = {kind.event_code: kind for kind in _classes()}
CATALOGUE: Mapping[EventCode, type[Event]] = {code: _BY_CODE[code] for code in EventCode}


def readers_of(code: EventCode, group: Group) -> frozenset[EntryReader]:
    """The readers that may see this group of such an event. An auditor sees every group but `rows`; a partner
    never sees `person` or `reason`.
    """
    if group is Group.ROWS:
        return frozenset()
    always = {EntryReader.AUDITOR}
    if group is Group.RECORD:
        return frozenset(always | CATALOGUE[code].readers)
    if group is Group.PERSON:
        return frozenset(always | {EntryReader.SECURITY_OFFICER})
    return frozenset(always | (CATALOGUE[code].readers - {EntryReader.PARTNER, EntryReader.OPERATOR}))


def render_catalogue() -> str:
    """The catalogue as the Markdown table in `docs/exchange-log.md`."""
    rows = [
        "| code | what happened | ids in the leaf | record | reason | record and reason also shown to |",
        "|---|---|---|---|---|---|",
    ]
    rows += [_row(kind) for kind in CATALOGUE.values()]
    return "\n".join(rows) + "\n"


def _row(kind: type[Event]) -> str:
    fields = fields_of(kind)
    cells = (
        f"`{kind.event_code}`",
        " ".join((kind.__doc__ or "").split()),
        ", ".join(("actor", *kind.id_names)),
        _names(fields[Group.RECORD]),
        _names(fields.get(Group.REASON, ())),
        ", ".join(sorted(kind.readers)) or "nobody",
    )
    return f"| {' | '.join(cells)} |"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(f"`{field}`" for field in fields) or "none"
