"""What the gateway remembers of its own log and of itself, as values: see gateway.exchange.kernel.records."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from attache.package.ids import ParticipantId


@dataclass(frozen=True)
class WitnessedLogRecord:
    """A partner's log as we, its witness, cosigned it last. Who shows us a smaller or another tree is told so by this."""

    KEY: ClassVar = ("origin",)
    origin: str
    participant: ParticipantId
    size: int
    note: bytes
    """The checkpoint with the log's lines and our own (attache.translog.note)."""
    cosigned_at: datetime
    alarm: str | None = None
    evidence: bytes | None = None
    """Once the log has shown two histories: what happened, and the checkpoint that contradicts `note`."""


@dataclass(frozen=True)
class WitnessRecord:
    """A partner as a witness of our log: what it cosigned last, and the alarm that it raised, until somebody clears it."""

    KEY: ClassVar = ("participant",)
    participant: ParticipantId
    size: int
    cosigned_at: datetime | None = None
    alarm: str | None = None
    alarmed_at: datetime | None = None


@dataclass(frozen=True)
class SubmittedCheckpointRecord:
    """A checkpoint of ours on its way to a witness, kept before it is sent: a receipt may cosign it before the answer comes."""

    KEY: ClassVar = ("participant", "size")
    participant: ParticipantId
    size: int
    note: bytes
    """Our own lines, and the witness's once it has cosigned."""
    submitted_at: datetime
    cosigned_at: datetime | None = None


@dataclass(frozen=True)
class SignInRecord:
    """An access token that this gateway has met, until it has expired: so that its sign-in is logged once."""

    KEY: ClassVar = ("session_sha256",)
    session_sha256: str
    expires_at: datetime


@dataclass(frozen=True)
class SettingRecord:
    """A setting as the gateway last started with it; its value as a keyed digest."""

    KEY: ClassVar = ("name",)
    name: str
    digest: str
