"""What the gateway remembers of the exchange's participants, of logs and their witnesses, and of itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import ParticipantId
from gateway.exchange.kernel.records.record import BIG, KEY, Index, Key, Query, Record
from gateway.partners import ParticipantStatus


@dataclass(frozen=True)
class ParticipantRecord(Record):
    """Somebody admitted to the exchange, by the descriptor now in force."""

    TABLE: ClassVar = "participant"

    participant: Annotated[ParticipantId, KEY]
    status: ParticipantStatus
    serial: int
    descriptor: bytes
    admitted_at: datetime
    changed_at: datetime

    @classmethod
    def key(cls, participant: ParticipantId) -> Key[Self]:
        return Key(cls, (participant,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)


@dataclass(frozen=True)
class WitnessedLogRecord(Record):
    """A partner's log as we, its witness, cosigned it last. By it we recognize a log that has become smaller or has
    been changed.
    """

    TABLE: ClassVar = "witnessed_log"

    origin: Annotated[str, KEY]
    participant: ParticipantId
    size: Annotated[int, BIG]
    note: bytes
    """The checkpoint with the log's lines and our own (attache.translog.note)."""
    cosigned_at: datetime
    alarm: str | None = None
    evidence: bytes | None = None
    """Once the log has shown two histories: what happened, and the checkpoint that contradicts `note`."""

    @classmethod
    def key(cls, origin: str) -> Key[Self]:
        return Key(cls, (origin,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)

    @classmethod
    def of_participant(cls, participant: ParticipantId) -> Query[Self]:
        return Query(cls, equal={"participant": participant})


@dataclass(frozen=True)
class WitnessRecord(Record):
    """A partner as a witness of our log: what it cosigned last, and the alarm that it raised, until a security officer
    clears it.
    """

    TABLE: ClassVar = "witness"

    participant: Annotated[ParticipantId, KEY]
    size: Annotated[int, BIG]
    cosigned_at: datetime | None = None
    alarm: str | None = None
    alarmed_at: datetime | None = None

    @classmethod
    def key(cls, participant: ParticipantId) -> Key[Self]:
        return Key(cls, (participant,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)


@dataclass(frozen=True)
class SubmittedCheckpointRecord(Record):
    """A checkpoint of ours on its way to a witness, kept before it is sent:
    a receipt may cosign it before the answer comes.
    """

    TABLE: ClassVar = "submitted_checkpoint"

    participant: Annotated[ParticipantId, KEY]
    size: Annotated[int, KEY, BIG]
    note: bytes
    """Our own lines, and the witness's once it has cosigned."""
    submitted_at: datetime
    cosigned_at: datetime | None = None

    @classmethod
    def key(cls, participant: ParticipantId, size: int) -> Key[Self]:
        return Key(cls, (participant, size))

    @classmethod
    def latest(cls, participant: ParticipantId, limit: int) -> Query[Self]:
        """What was submitted to one witness, the largest first."""
        return Query(cls, equal={"participant": participant}, order=("size",), descending=True, limit=limit)


@dataclass(frozen=True)
class SignInRecord(Record):
    """An access token that this gateway has met, until it has expired: so that its sign-in is logged once."""

    TABLE: ClassVar = "sign_in"
    INDEXES: ClassVar = (Index("sign_in_by_expiry", ("expires_at",)),)

    session_sha256: Annotated[str, KEY]
    expires_at: datetime

    @classmethod
    def key(cls, session_sha256: str) -> Key[Self]:
        return Key(cls, (session_sha256,))

    @classmethod
    def expired(cls, now: datetime, limit: int) -> Query[Self]:
        """What expired first comes first."""
        return Query(cls, until={"expires_at": now}, order=("expires_at",), limit=limit)


@dataclass(frozen=True)
class SettingRecord(Record):
    """A setting as the gateway last started with it; its value as a keyed digest."""

    TABLE: ClassVar = "setting"

    name: Annotated[str, KEY]
    digest: str

    @classmethod
    def key(cls, name: str) -> Key[Self]:
        return Key(cls, (name,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)
