"""Participants and their keys, including our own."""

from dataclasses import dataclass

from gateway.exchange_log.events.base import PARTNERS, SECURITY, AboutPartner, Event, Group
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class ParticipantAdmitted(AboutPartner):
    """A participant's descriptor was admitted."""

    event_code = EventCode.PARTICIPANT_ADMITTED
    readers = PARTNERS
    once_committed = frozenset({Group.REASON})
    serial: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class ParticipantSuspended(AboutPartner):
    """Exchange with a participant was suspended."""

    event_code = EventCode.PARTICIPANT_SUSPENDED
    readers = PARTNERS
    once_committed = frozenset({Group.REASON})
    serial: int


@dataclass(frozen=True, kw_only=True)
class ParticipantReinstated(AboutPartner):
    """Exchange with a participant was resumed."""

    event_code = EventCode.PARTICIPANT_REINSTATED
    readers = PARTNERS
    once_committed = frozenset({Group.REASON})
    serial: int


@dataclass(frozen=True, kw_only=True)
class ParticipantRotated(AboutPartner):
    """A participant's signed successor descriptor was accepted."""

    event_code = EventCode.PARTICIPANT_ROTATED
    readers = PARTNERS
    serial: int
    fingerprint: str
    previous_sha256: str


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """Our keys were rotated: a successor of our own descriptor lists other keys."""

    event_code = EventCode.KEY_ROTATED
    readers = SECURITY
    serial: int
    descriptor_sha256: str
    key_ids: tuple[str, ...]
