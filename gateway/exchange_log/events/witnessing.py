"""Cosigned checkpoints, ours and partners', and alarms about them."""

from dataclasses import dataclass

from gateway.exchange_log.events.base import PARTNERS, AboutPartner, EntryReader, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class WitnessCosigned(AboutPartner):
    """We cosigned a partner's checkpoint."""

    event_code = EventCode.WITNESS_COSIGNED
    readers = PARTNERS | {EntryReader.PARTNER}
    origin: str
    size: int
    root: str


@dataclass(frozen=True, kw_only=True)
class WitnessObtained(AboutPartner):
    """A witness cosigned our checkpoint."""

    event_code = EventCode.WITNESS_OBTAINED
    readers = PARTNERS | {EntryReader.PARTNER}
    witness: str
    size: int
    root: str
    cosigned_at: int
    """In seconds since 1970, as the cosignature states it."""


@dataclass(frozen=True, kw_only=True)
class WitnessRefused(AboutPartner):
    """A checkpoint was refused: we did not cosign a partner's, or a witness did not cosign ours."""

    event_code = EventCode.WITNESS_REFUSED
    readers = PARTNERS
    origin: str
    size: int | None = None
    status: int
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class WitnessAlarm(AboutPartner):
    """A log, ours or a partner's, has shown two histories, or no witness has cosigned our log for too long."""

    event_code = EventCode.WITNESS_ALARM
    readers = PARTNERS
    origin: str | None = None
    our_size: int
    their_size: int | None = None
    our_root: str | None = None
    their_root: str | None = None
    code: str


@dataclass(frozen=True, kw_only=True)
class WitnessCleared(AboutPartner):
    """A security officer cleared the alarms between a witness and us."""

    event_code = EventCode.WITNESS_CLEARED
    readers = PARTNERS
    codes: tuple[str, ...]
    note: Reason[str]
