"""What every class of events is made of.

An event is a frozen value. Its class states its code, its meaning (the docstring, as the documentation prints it), who may read it
besides the auditor, and its fields. A field is of the group `record`; one that is annotated `Reason[...]` is of the group `reason`.
Each group is committed to under a salt of its own, so it can be opened to those who may see it and to nobody else, and purged alone.
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
    """Which fields are opened, and purged, together."""

    RECORD = "record"
    """What happened: identifiers, digests, sizes, states, keys. May be shown to the partner concerned."""
    PERSON = "person"
    """Who did it, and from where."""
    REASON = "reason"
    """Why: legal basis, purpose, rules, words of an officer."""
    ROWS = "rows"
    """Digests of the database rows that the same transaction left, in its last entry. For the gateway's own check; shown to nobody."""


class Reader(StrEnum):
    """Who may be shown a group of an event. Roles of callers, and the two sides of an exchange."""

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
"""Of every event: who did it, as which client of the identity provider, in which HTTP request."""
EVENT_VERSION = "event_version"
"""The record's member that says which version of the event it is, from version 2 on."""

OWN = frozenset({Reader.SUBMITTER, Reader.APPROVER, Reader.SECURITY_OFFICER})
SHARED = OWN | {Reader.PARTNER}
PARTNERS = frozenset({Reader.PARTNER_ADMIN, Reader.SECURITY_OFFICER})
SECURITY = frozenset({Reader.SECURITY_OFFICER})
OPERATIONS = frozenset({Reader.OPERATOR, Reader.SECURITY_OFFICER})


@dataclass(frozen=True, kw_only=True)
class PackageIds:
    """Which package. As the field `about` of an event, its members are fields of the record."""

    package_id: PackageId
    originator: ParticipantId


@dataclass(frozen=True, kw_only=True)
class ExchangeIds(PackageIds):
    """Which package, to whom; the partner is the other side of the exchange."""

    recipient: ParticipantId

    @property
    @abstractmethod
    def partner(self) -> ParticipantId:
        """The partner's id in the leaf."""


@dataclass(frozen=True, kw_only=True)
class ReleaseIds(ExchangeIds):
    """A package that we send: the partner in the leaf is the recipient."""

    @property
    def partner(self) -> ParticipantId:
        return self.recipient


@dataclass(frozen=True, kw_only=True)
class ArrivalIds(ExchangeIds):
    """A package that comes to us: the partner in the leaf is the originator."""

    @property
    def partner(self) -> ParticipantId:
        return self.originator


def exchange_ids(
    own: ParticipantId, *, package_id: PackageId, originator: ParticipantId, recipient: ParticipantId
) -> ExchangeIds:
    """Those of a package between us, `own`, and a partner, whichever side sent it."""
    side = ReleaseIds if originator == own else ArrivalIds
    return side(package_id=package_id, originator=originator, recipient=recipient)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something to log. A subclass with an `event_code` is one kind of event; its docstring is its meaning."""

    event_code: ClassVar[EventCode]
    readers: ClassVar[frozenset[Reader]]
    """Who may be shown the record besides the auditor. The other groups: see `readers_of`."""
    event_version: ClassVar[int] = 1
    """Rises when a field is renamed. The record states it from 2 on."""
    id_names: ClassVar[tuple[str, ...]] = ()
    """The pseudonymous ids in its leaf besides the actor's."""
    once_committed: ClassVar[frozenset[Group]] = frozenset()
    """Groups that leaves of earlier releases commit to, and that have no field any more."""

    def ids(self) -> Mapping[str, str]:
        """The ids behind the pseudonyms, by name."""
        return {}

    def payloads(self) -> Mapping[Group, Mapping[str, object]]:
        """The fields as JSON values, by group: terms by their value, instants as text. An absent value is left out, never null."""
        found: dict[Group, dict[str, object]] = {group: {} for group in groups_of(type(self)) if group != Group.PERSON}
        for name, group in _placed(type(self)).items():
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
    """About a package, whoever is its recipient. What it says privately is sealed under that package's data key."""

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
    """About a package of ours to one recipient."""

    about: ReleaseIds


@dataclass(frozen=True, kw_only=True)
class AboutArrival(AboutExchange):
    """About a package that comes, or came, to us."""

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
    """A refusal that is written at most once a minute for each kind, with how many there were since."""

    code: str | None = None
    """The problem's code."""
    count: int = 0

    def of_no_kind(self) -> Self:
        """The same without what tells kinds of refusals apart, for those that are too many."""
        names = {field.name for field in fields(self)} - {"count", "participant"}
        blank: dict[str, Any] = dict.fromkeys(names)
        return replace(self, **blank)


E = TypeVar("E", bound=Event)


def with_facts(event: E, facts: object) -> E:
    """The event with each of its fields that is absent taken from the member of `facts` that has the same name, if there is one."""
    absent = [field.name for field in fields(event) if getattr(event, field.name) is None]
    return replace(event, **{name: getattr(facts, name) for name in absent if hasattr(facts, name)})


_FIELDS: dict[type[Event], Mapping[Group, tuple[str, ...]]] = {}
_PLACED: dict[type[Event], Mapping[str, Group]] = {}


def fields_of(kind: type[Event]) -> Mapping[Group, tuple[str, ...]]:
    """The names of the fields by group, as payloads have them. Every field may be absent from a payload."""
    if kind not in _FIELDS:
        _FIELDS[kind] = _named(kind)
    return _FIELDS[kind]


def groups_of(kind: type[Event]) -> frozenset[Group]:
    """The groups that every new leaf commits to."""
    return frozenset(fields_of(kind))


def _named(kind: type[Event]) -> Mapping[Group, tuple[str, ...]]:
    found: dict[Group, list[str]] = {Group.RECORD: [], Group.PERSON: [*PERSON_FIELDS]}
    hints = get_type_hints(kind)
    for name, group in _placed(kind).items():
        is_ids = isinstance(hints[name], type) and issubclass(hints[name], PackageIds)
        names = [field.name for field in fields(hints[name])] if is_ids else [name]
        found.setdefault(group, []).extend(names)
    if kind.event_version > 1:
        found[Group.RECORD].append(EVENT_VERSION)
    return {group: tuple(names) for group, names in found.items()}


def _placed(kind: type[Event]) -> Mapping[str, Group]:
    """The group of each of the class's fields, in their order."""
    if kind not in _PLACED:
        hints = get_type_hints(kind, include_extras=True)
        is_reason = {name: get_origin(hint) is Annotated for name, hint in hints.items()}
        _PLACED[kind] = {field.name: Group.REASON if is_reason[field.name] else Group.RECORD for field in fields(kind)}
    return _PLACED[kind]


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
