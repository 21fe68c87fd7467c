"""Oversight: who looked at packages of other officers and at the log, and the gateway's self-check."""

from collections.abc import Mapping
from dataclasses import dataclass

from attache.package.ids import PackageId
from gateway.exchange_log.events.base import OPERATIONS, SECURITY, AboutPackage, Event, Group
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class PackagesInspected(Event):
    """A caller whose role may see all packages looked at packages of other officers. The caller saw no content."""

    event_code = EventCode.PACKAGES_INSPECTED
    readers = SECURITY
    operation: str
    package_id: PackageId | None
    packages: int


@dataclass(frozen=True, kw_only=True)
class LogSearched(Event):
    """An auditor searched the log, or started to follow it."""

    event_code = EventCode.LOG_SEARCHED
    readers = SECURITY
    once_committed = frozenset({Group.REASON})
    filter: Mapping[str, str | int]
    entries: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogExported(Event):
    """An auditor exported selected entries of the log."""

    event_code = EventCode.LOG_EXPORTED
    readers = SECURITY
    once_committed = frozenset({Group.REASON})
    filter: Mapping[str, str]
    entries: int
    export_sha256: str
    format: str


@dataclass(frozen=True, kw_only=True)
class EvidenceExported(AboutPackage):
    """An evidence bundle was exported."""

    event_code = EventCode.EVIDENCE_EXPORTED
    readers = SECURITY
    once_committed = frozenset({Group.REASON})
    bundle_sha256: str
    indexes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LogChecked(Event):
    """The gateway re-hashed its own log."""

    event_code = EventCode.LOG_CHECKED
    readers = OPERATIONS
    size: int
    root: str
    findings: int


@dataclass(frozen=True, kw_only=True)
class LogAlarm(Event):
    """The self-check found that the gateway's own log or records are inconsistent."""

    event_code = EventCode.LOG_ALARM
    readers = OPERATIONS
    size: int
    code: str
    step: str | None
