"""The gateway itself: starts, stops, settings, backups, bookkeeping."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.exchange_log.events.base import OPERATIONS, Event
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class SettingsChanged(Event):
    """The gateway started with other settings than at its last start."""

    event_code = EventCode.SETTINGS_CHANGED
    readers = OPERATIONS
    names: tuple[str, ...]
    settings_sha256: str


@dataclass(frozen=True, kw_only=True)
class RecordsChanged(Event):
    """Bookkeeping: records changed, and the change has no event of its own."""

    event_code = EventCode.RECORDS_CHANGED
    readers = OPERATIONS
    tables: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class BackupTaken(Event):
    """A backup of the database was taken."""

    event_code = EventCode.BACKUP_TAKEN
    readers = OPERATIONS
    size: int
    root: str


@dataclass(frozen=True, kw_only=True)
class GatewayStarted(Event):
    """A gateway process started."""

    event_code = EventCode.GATEWAY_STARTED
    readers = OPERATIONS
    version: str
    size: int
    root: str
    settings_sha256: str
    policy_sha256: str
    leases_ended: int


@dataclass(frozen=True, kw_only=True)
class GatewayStopped(Event):
    """A gateway process stopped in order."""

    event_code = EventCode.GATEWAY_STOPPED
    readers = OPERATIONS
    version: str
    size: int
