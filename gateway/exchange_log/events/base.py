"""The base classes of events.

An event is a frozen value. Its class declares its code, its meaning (the docstring, which the documentation prints),
its readers besides the auditor, and its fields. A field belongs to the group `record`, or to the group `reason` if its
annotation is `Reason[...]`. Each group has a commitment with a salt of its own,
so it can be opened to its readers only, and purged alone.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_origin, get_type_hints

from attache.package.ids import PackageId, ParticipantId
from attache.package.instants import instant_text
from gateway.exchange_log.events.codes import EventCode


class Group(StrEnum):
    """A group of fields: its fields are opened together and purged together."""

    RECORD = "record"
    """What happened: identifiers, digests, sizes, states, keys. The partner concerned may see it."""
    PERSON = "person"
    """Who caused it, and with which client and request."""
    REASON = "reason"
    """Why it happened: legal basis, purpose, rules, an officer's words."""
    ROWS = "rows"
    """Digests of the database rows that the transaction has written, in its last entry.
    Only the gateway's self-check reads it.
    """


class EntryReader(StrEnum):
    """A kind of reader of log entries: a role of a caller, or the partner concerned."""

    AUDITOR = "auditor"
    SECURITY_OFFICER = "security-officer"
    PARTNER_ADMIN = "partner-admin"
    OPERATOR = "operator"
    SUBMITTER = "submitter"
    APPROVER = "approver"
    PARTNER = "partner"


_T = TypeVar("_T")
Reason = Annotated[_T, Group.REASON]
"""A field of the group `reason`."""

PERSON_FIELDS = ("actor", "client", "request_id")
"""The `person` fields of every event: the person, the client of the identity provider, and the HTTP request."""
EVENT_VERSION = "event_version"
"""The member of the record that states the version of the event, from version 2 on."""

OWN = frozenset({EntryReader.SUBMITTER, EntryReader.APPROVER, EntryReader.SECURITY_OFFICER})
SHARED = OWN | {EntryReader.PARTNER}
PARTNERS = frozenset({EntryReader.PARTNER_ADMIN, EntryReader.SECURITY_OFFICER})
SECURITY = frozenset({EntryReader.SECURITY_OFFICER})
OPERATIONS = frozenset({EntryReader.OPERATOR, EntryReader.SECURITY_OFFICER})


@dataclass(frozen=True, kw_only=True)
class PackageIds:
    """The ids of a package. Where an event has it as the field `about`, its members are fields of the record."""

    package_id: PackageId
    originator: ParticipantId


@dataclass(frozen=True, kw_only=True)
class ExchangeIds(PackageIds):
    """The ids of a package and its recipient."""

    recipient: ParticipantId

    @property
    @abstractmethod
    def partner(self) -> ParticipantId:
        """The other side of the exchange: its pseudonym is in the leaf."""


@dataclass(frozen=True, kw_only=True)
class ReleaseIds(ExchangeIds):
    """The ids of a package that we send: the partner is the recipient."""

    @property
    def partner(self) -> ParticipantId:
        return self.recipient


@dataclass(frozen=True, kw_only=True)
class ArrivalIds(ExchangeIds):
    """The ids of a package that was sent to us: the partner is the originator."""

    @property
    def partner(self) -> ParticipantId:
        return self.originator


def exchange_ids(
    own: ParticipantId, *, package_id: PackageId, originator: ParticipantId, recipient: ParticipantId
) -> ExchangeIds:
    """The ids of a package between us (`own`) and a partner, sent by either side."""
    side = ReleaseIds if originator == own else ArrivalIds
    return side(package_id=package_id, originator=originator, recipient=recipient)


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event to log. A subclass with an `event_code` is one kind of event; its docstring is its meaning."""

    event_code: ClassVar[EventCode]
    readers: ClassVar[frozenset[EntryReader]]
    """Readers of the record besides the auditor. For the other groups, see `readers_of`."""
    event_version: ClassVar[int] = 1
    """Increases when a field is renamed. The record states it from version 2 on."""
    id_names: ClassVar[tuple[str, ...]] = ()
    """The kinds of pseudonymous ids in its leaf, besides `actor`."""
    once_committed: ClassVar[frozenset[Group]] = frozenset()
    """Groups that have no field any more, but to which leaves of earlier releases commit."""

    def ids(self) -> Mapping[str, str]:
        """The real ids behind the pseudonyms, by kind."""
        return {}

    def payloads(self) -> Mapping[Group, Mapping[str, object]]:
        """The fields as JSON values, by group: terms as their values, instants as text.
        A field that is None is left out, never null.
        """
        found: dict[Group, dict[str, object]] = {group: {} for group in groups_of(type(self)) if group != Group.PERSON}
        for name, group in _groups_by_field(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, PackageIds):
                found[group] |= _members(value)
            # exchange-log L6
            elif value is not None:
                found[group][name] = _json(value)
        if self.event_version > 1:
            # exchange-log L10
            found[Group.RECORD][EVENT_VERSION] = self.event_version
        return found


@dataclass(frozen=True, kw_only=True)
class AboutPackage(Event):
    """About a package as a whole, for all its recipients. Its private part is sealed under the package's data key."""

    id_names: ClassVar[tuple[str, ...]] = ("package",)
    about: PackageIds

    def ids(self) -> Mapping[str, str]:
        return {"package": self.about.package_id}


@dataclass(frozen=True, kw_only=True)
class AboutExchange(AboutPackage):
    """About a package between us and one partner."""

    id_names = ("package", "partner")
    about: ExchangeIds

    def ids(self) -> Mapping[str, str]:
        return {"package": self.about.package_id, "partner": self.about.partner}


@dataclass(frozen=True, kw_only=True)
class AboutRelease(AboutExchange):
    """About our package to one recipient."""

    about: ReleaseIds


@dataclass(frozen=True, kw_only=True)
class AboutArrival(AboutExchange):
    """About a package that was sent to us."""

    about: ArrivalIds


@dataclass(frozen=True, kw_only=True)
class AboutPartner(Event):
    """About a participant: it is the partner in the leaf."""

    id_names = ("partner",)
    participant: ParticipantId

    def ids(self) -> Mapping[str, str]:
        return {"partner": self.participant}


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """A refusal that is logged at most once a minute for each kind,
    with the number of refusals since the last such entry.
    """

    code: str | None = None
    """The code of the problem."""
    count: int = 0

    def of_no_kind(self) -> Self:
        """The event without the fields that distinguish kinds of refusals.
        It counts refusals of more kinds than are kept apart.
        """
        names = {field.name for field in fields(self)} - {"count", "participant"}
        blank: dict[str, Any] = dict.fromkeys(names)
        return replace(self, **blank)


E = TypeVar("E", bound=Event)


def with_facts(event: E, facts: object) -> E:
    """The event with each of its fields that is absent taken from the member of
    `facts` that has the same name, if there is one.
    """
    absent = [field.name for field in fields(event) if getattr(event, field.name) is None]
    return replace(event, **{name: getattr(facts, name) for name in absent if hasattr(facts, name)})


_FIELDS: dict[type[Event], Mapping[Group, tuple[str, ...]]] = {}
_GROUPS_BY_FIELD: dict[type[Event], Mapping[str, Group]] = {}


def fields_of(kind: type[Event]) -> Mapping[Group, tuple[str, ...]]:
    """The names of the fields by group, as in payloads. Any of them may be absent from a payload."""
    if kind not in _FIELDS:
        _FIELDS[kind] = _names_by_group(kind)
    return _FIELDS[kind]


def groups_of(kind: type[Event]) -> frozenset[Group]:
    """The groups to which every new leaf commits."""
    return frozenset(fields_of(kind))


def _names_by_group(kind: type[Event]) -> Mapping[Group, tuple[str, ...]]:
    found: dict[Group, list[str]] = {Group.RECORD: [], Group.PERSON: [*PERSON_FIELDS]}
    hints = get_type_hints(kind)
    for name, group in _groups_by_field(kind).items():
        is_ids = isinstance(hints[name], type) and issubclass(hints[name], PackageIds)
        names = [field.name for field in fields(hints[name])] if is_ids else [name]
        found.setdefault(group, []).extend(names)
    if kind.event_version > 1:
        found[Group.RECORD].append(EVENT_VERSION)
    return {group: tuple(names) for group, names in found.items()}


def _groups_by_field(kind: type[Event]) -> Mapping[str, Group]:
    """The group of each field of the class, in the order of the fields."""
    if kind not in _GROUPS_BY_FIELD:
        hints = get_type_hints(kind, include_extras=True)
        is_reason = {name: get_origin(hint) is Annotated for name, hint in hints.items()}
        _GROUPS_BY_FIELD[kind] = {
            field.name: Group.REASON if is_reason[field.name] else Group.RECORD for field in fields(kind)
        }
    return _GROUPS_BY_FIELD[kind]


def _members(value: object) -> dict[str, object]:
    return {} if not is_dataclass(value) else {f.name: _json(getattr(value, f.name)) for f in fields(value)}


def _json(value: object) -> object:
    match value:
        case StrEnum():
            return value.value
        case str() | int():
            return value
        case datetime():
            return instant_text(value)
        case tuple():
            return [_json(each) for each in value]
        case Mapping():
            return {str(name): _json(each) for name, each in value.items()}
        case _ if is_dataclass(value):
            return _members(value)
    raise TypeError(f"no field of an event is a {type(value).__name__}")
