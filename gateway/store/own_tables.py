"""The tables of what is about the gateway itself: witnesses, sign-ins, settings, purges and holds."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from gateway.exchange.kernel.purge_records import PurgeState
from gateway.store.columns import binary, instant, key, term
from gateway.store.table import Table


class WitnessedLogRow(Table, table=True):
    __tablename__ = "witnessed_log"

    origin: str = key()
    participant: str
    size: int = Field(sa_type=BigInteger)
    note: bytes = binary()
    cosigned_at: datetime = instant()
    alarm: str | None
    evidence: bytes | None = binary(nullable=True)


class WitnessRow(Table, table=True):
    __tablename__ = "witness"

    participant: str = key()
    size: int = Field(sa_type=BigInteger)
    cosigned_at: datetime | None = instant(nullable=True)
    alarm: str | None
    alarmed_at: datetime | None = instant(nullable=True)


class SubmittedCheckpointRow(Table, table=True):
    __tablename__ = "submitted_checkpoint"

    participant: str = key()
    size: int = Field(primary_key=True, sa_type=BigInteger)
    note: bytes = binary()
    submitted_at: datetime = instant()
    cosigned_at: datetime | None = instant(nullable=True)


class SignInRow(Table, table=True):
    __tablename__ = "sign_in"
    __table_args__ = (Index("sign_in_by_expiry", "expires_at"),)

    session_sha256: str = key()
    expires_at: datetime = instant()


class SettingRow(Table, table=True):
    __tablename__ = "setting"

    name: str = key()
    digest: str


class PurgedRow(Table, table=True):
    __tablename__ = "purged"
    __table_args__ = (Index("purged_by_end", "destroyed_at"),)

    originator: str = key()
    package_id: str = key()
    purged_at: datetime = instant()
    purge_id: str
    blob_ids: str
    destroyed_at: datetime | None = instant(nullable=True)


class PurgeRow(Table, table=True):
    __tablename__ = "purge"
    __table_args__ = (Index("purge_by_state", "state", "expires_at"),)

    purge_id: str = key()
    state: PurgeState = term(PurgeState)
    packages: str
    ordered_by: str
    ordered_at: datetime = instant()
    expires_at: datetime = instant()
    reasons_sealed: bytes = binary()
    decided_by: str
    decided_at: datetime | None = instant(nullable=True)
    decision_sealed: bytes | None = binary(nullable=True)


class HoldRow(Table, table=True):
    __tablename__ = "hold"
    __table_args__ = (Index("hold_by_package", "originator", "package_id", "lifted_at"),)

    hold_id: str = key()
    originator: str = key()
    package_id: str = key()
    placed_by: str
    placed_at: datetime = instant()
    reasons_sealed: bytes = binary()
    lifted_by: str
    lifted_at: datetime | None = instant(nullable=True)
    lifting_sealed: bytes | None = binary(nullable=True)
