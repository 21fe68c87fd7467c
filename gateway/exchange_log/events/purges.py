"""Purges, their orders, and legal holds."""

from dataclasses import dataclass

from gateway.exchange_log.events.base import OWN, SECURITY, AboutPackage, Event, PackageIds, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class PackagePurged(AboutPackage):
    """Content, keys and salts of a package were destroyed."""

    event_code = EventCode.PACKAGE_PURGED
    readers = OWN
    blobs: int
    purge_id: str
    legal_basis: Reason[str | None]
    rule: Reason[str | None]


@dataclass(frozen=True, kw_only=True)
class PurgeDone(Event):
    """Payloads and salts of log entries were destroyed. Their leaves remain."""

    event_code = EventCode.PURGE_DONE
    readers = SECURITY
    purge_id: str
    indexes: str
    groups: tuple[str, ...]
    legal_basis: Reason[str | None]
    rule: Reason[str | None]


@dataclass(frozen=True, kw_only=True)
class PurgeOrdered(Event):
    """A security officer ordered to purge packages before their retention ends."""

    event_code = EventCode.PURGE_ORDERED
    readers = SECURITY
    purge_id: str
    packages: tuple[PackageIds, ...]
    legal_basis: Reason[str]
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PurgeApproved(Event):
    """A second officer approved a purge order."""

    event_code = EventCode.PURGE_APPROVED
    readers = SECURITY
    purge_id: str
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PurgeRejected(Event):
    """A second officer rejected a purge order."""

    event_code = EventCode.PURGE_REJECTED
    readers = SECURITY
    purge_id: str
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PurgeLapsed(Event):
    """No second officer answered a purge order in time."""

    event_code = EventCode.PURGE_LAPSED
    readers = SECURITY
    purge_id: str


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event):
    """A legal hold was placed; it prevents the purge of packages."""

    event_code = EventCode.HOLD_PLACED
    readers = SECURITY
    hold_id: str
    packages: tuple[PackageIds, ...]
    legal_basis: Reason[str]
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class HoldLifted(Event):
    """A legal hold was lifted."""

    event_code = EventCode.HOLD_LIFTED
    readers = SECURITY
    hold_id: str
    note: Reason[str]
