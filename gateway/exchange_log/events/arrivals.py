"""Packages that were sent to us: announced, received, refused, read."""

from dataclasses import dataclass
from enum import StrEnum

from attache.vocabulary import Purpose
from gateway.exchange_log.events.base import OWN, SHARED, AboutArrival, Group, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class PackageAnnounced(AboutArrival):
    """A partner announced a package to us."""

    event_code = EventCode.PACKAGE_ANNOUNCED
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str
    suite: str
    parts: int


@dataclass(frozen=True, kw_only=True)
class PackageReceived(AboutArrival):
    """A partner's package was verified and stored."""

    event_code = EventCode.PACKAGE_RECEIVED
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str
    suite: str
    parts: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class PackageRefusedByUs(AboutArrival):
    """We refused a partner's package; nothing of it was stored."""

    event_code = EventCode.PACKAGE_REFUSED_BY_US
    readers = SHARED
    envelope_sha256: str
    suite: str
    receipt_sha256: str
    code: str
    step: str | None


@dataclass(frozen=True, kw_only=True)
class PackageOpened(AboutArrival):
    """A reader here opened a received package for the first time."""

    event_code = EventCode.PACKAGE_OPENED
    readers = SHARED
    once_committed = frozenset({Group.REASON})
    manifest_sha256: str


@dataclass(frozen=True, kw_only=True)
class PackageRead(AboutArrival):
    """A reader here read a package that was opened before, or a part of it."""

    event_code = EventCode.PACKAGE_READ
    readers = OWN
    part: str | None
    use: StrEnum
    purpose: Reason[Purpose | None]


@dataclass(frozen=True, kw_only=True)
class PackageUseDenied(AboutArrival):
    """Policy did not permit a reader here this use of a received package."""

    event_code = EventCode.PACKAGE_USE_DENIED
    readers = OWN
    part: str | None
    use: StrEnum
    purpose: Reason[Purpose]
    reasons: Reason[tuple[str, ...]]
    rules: Reason[tuple[str, ...]]
