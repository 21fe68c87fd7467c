"""The tables: one for each class of record, with the record's fields as its columns."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field

from gateway.exchange.kernel.consent_records import ConsentRequestRecord, ConsentState
from gateway.exchange.kernel.own_records import (
    SettingRecord,
    SignInRecord,
    SubmittedCheckpointRecord,
    WitnessedLogRecord,
    WitnessRecord,
)
from gateway.exchange.kernel.purge_records import HoldRecord, PurgedRecord, PurgeRecord
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ApprovalState,
    ArrivalPartRecord,
    ArrivalRecord,
    ConsentRecord,
    DecisionRecord,
    IdempotencyRecord,
    OfficerRecord,
    OutboxKind,
    OutboxRecord,
    OutboxState,
    PackageRecord,
    PackageState,
    ParticipantRecord,
    PartRecord,
    PolicyFileRecord,
    PolicySetRecord,
    PolicySetState,
    ReceiptRecord,
    Record,
    RedactedPartRecord,
    ReleaseRecord,
    ReviewRecord,
    ReviewState,
)
from gateway.exchange.kernel.state import ArrivalState, ReleaseState
from gateway.partners import ParticipantStatus
from gateway.store.columns import binary, instant, key, term
from gateway.store.own_tables import (
    HoldRow,
    PurgedRow,
    PurgeRow,
    SettingRow,
    SignInRow,
    SubmittedCheckpointRow,
    WitnessedLogRow,
    WitnessRow,
)
from gateway.store.table import Table


class PackageRow(Table, table=True):
    __tablename__ = "package"
    __table_args__ = (
        Index("package_by_submitter", "submitter", "package_id"),
        Index("package_by_purge", "purge_at"),
    )

    package_id: str = key()
    state: PackageState = term(PackageState)
    kind: str
    submitter: str
    created_at: datetime = instant()
    submitted_at: datetime | None = instant(nullable=True)
    facts_sealed: bytes = binary()
    purge_at: datetime | None = instant(nullable=True)
    purged_at: datetime | None = instant(nullable=True)


class PartRow(Table, table=True):
    __tablename__ = "part"
    __table_args__ = (Index("part_by_blob", "blob_id"),)

    package_id: str = key(foreign_key="package.package_id")
    number: int = Field(primary_key=True)
    blob_id: str
    ciphertext_bytes: int = Field(sa_type=BigInteger)
    sealed_part_sealed: bytes = binary()


class RedactedPartRow(Table, table=True):
    __tablename__ = "redacted_part"
    __table_args__ = (Index("redacted_part_by_blob", "blob_id"),)

    package_id: str = key(foreign_key="package.package_id")
    recipient: str = key()
    number: int = Field(primary_key=True)
    blob_id: str
    ciphertext_bytes: int = Field(sa_type=BigInteger)
    sealed_part_sealed: bytes = binary()


class ReleaseRow(Table, table=True):
    __tablename__ = "release"
    __table_args__ = (
        Index("release_by_recipient", "recipient", "state", "package_id"),
        Index("release_by_expiry", "state", "expires_at"),
    )

    package_id: str = key(foreign_key="package.package_id")
    recipient: str = key()
    state: ReleaseState = term(ReleaseState)
    post: str
    changed_at: datetime = instant()
    decision_id: str
    expires_at: datetime | None = instant(nullable=True)
    frame: bytes | None = binary(nullable=True)
    manifest_sha256: str | None
    part_numbers: str
    problem: str | None
    manifest_sealed: bytes | None = binary(nullable=True)
    envelope_sha256: str | None


class DecisionRow(Table, table=True):
    __tablename__ = "decision"
    __table_args__ = (Index("decision_by_package", "package_id", "recipient"),)

    decision_id: str = key()
    package_id: str
    recipient: str
    decided_at: datetime = instant()
    outcome: str
    policy_set_hash: str
    shard_hash: str
    record_sealed: bytes = binary()


class ApprovalRow(Table, table=True):
    __tablename__ = "approval"
    __table_args__ = (
        Index("approval_by_post", "state", "post", "requested_at"),
        Index("approval_by_package", "package_id", "recipient"),
    )

    approval_id: str = key()
    package_id: str
    recipient: str
    post: str
    state: ApprovalState = term(ApprovalState)
    digest_sealed: bytes = binary()
    submitter: str
    requested_at: datetime = instant()
    expires_at: datetime = instant()
    decided_by: str | None
    decided_at: datetime | None = instant(nullable=True)
    reason_sealed: bytes | None = binary(nullable=True)


class OutboxRow(Table, table=True):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_by_due", "state", "due_at", "lease_until"),
        Index("outbox_by_package", "package_id", "partner"),
    )

    outbox_id: str = key()
    kind: OutboxKind = term(OutboxKind)
    partner: str
    originator: str
    package_id: str
    subject: str
    state: OutboxState = term(OutboxState)
    created_at: datetime = instant()
    due_at: datetime = instant()
    deadline_at: datetime = instant()
    lease_until: datetime = instant()
    attempts: int
    problem: str | None


class ReceiptRow(Table, table=True):
    __tablename__ = "receipt"
    __table_args__ = (Index("receipt_by_package", "package_id", "recipient"),)

    originator: str = key()
    package_id: str = key()
    recipient: str = key()
    receipt: str = key()
    signed: bytes = binary()
    at: datetime = instant()


class ArrivalRow(Table, table=True):
    __tablename__ = "arrival"
    __table_args__ = (
        Index("arrival_by_change", "changed_at", "package_id"),
        Index("arrival_by_purge", "purge_at"),
    )

    originator: str = key()
    package_id: str = key()
    state: ArrivalState = term(ArrivalState)
    frame: bytes = binary()
    frame_sha256: str
    manifest_sha256: str
    announced_at: datetime = instant()
    changed_at: datetime = instant()
    log_index: int = Field(sa_type=BigInteger)
    facts_sealed: bytes = binary()
    opened_at: datetime | None = instant(nullable=True)
    opened_by: str
    opened_index: int = Field(sa_type=BigInteger)
    purge_at: datetime | None = instant(nullable=True)
    purged_at: datetime | None = instant(nullable=True)


class ArrivalPartRow(Table, table=True):
    __tablename__ = "arrival_part"
    __table_args__ = (
        ForeignKeyConstraint(["originator", "package_id"], ["arrival.originator", "arrival.package_id"]),
        Index("arrival_part_by_blob", "blob_id"),
        Index("arrival_part_by_content", "content"),
    )

    originator: str = key()
    package_id: str = key()
    number: int = Field(primary_key=True)
    ciphertext_bytes: int = Field(sa_type=BigInteger)
    blob_id: str
    block_hashes: bytes = binary()
    blocks_missing: str
    content: str


class ConsentRow(Table, table=True):
    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_by_content", "content", "holder"),
        Index("consent_by_holder", "holder", "consent_id"),
        Index("consent_by_package", "originator", "package_id"),
    )

    consent_id: str = key()
    originator: str
    holder: str
    recipient: str
    content: str
    at: datetime = instant()
    expires_at: datetime = instant()
    signed_sealed: bytes = binary()
    package_id: str


class ConsentRequestRow(Table, table=True):
    __tablename__ = "consent_request"
    __table_args__ = (Index("consent_request_by_id", "request_id"),)

    holder: str = key()
    request_id: str = key()
    originator: str
    package_id: str
    recipient: str
    state: ConsentState = term(ConsentState)
    asked_by: str
    asked_at: datetime = instant()
    changed_at: datetime = instant()
    facts_sealed: bytes = binary()
    consent_id: str
    refusal_sealed: bytes | None = binary(nullable=True)


class ParticipantRow(Table, table=True):
    __tablename__ = "participant"

    participant: str = key()
    status: ParticipantStatus = term(ParticipantStatus)
    serial: int
    descriptor: bytes = binary()
    admitted_at: datetime = instant()
    changed_at: datetime = instant()


class IdempotencyRow(Table, table=True):
    __tablename__ = "idempotency"

    caller: str = key()
    idempotency_key: str = key()
    request_sha256: str
    package_id: str
    at: datetime = instant()


class OfficerRow(Table, table=True):
    __tablename__ = "officer"

    officer: str = key()
    withdrawn_posts: str
    changed_by: str
    changed_at: datetime = instant()


class ReviewRow(Table, table=True):
    __tablename__ = "review"
    __table_args__ = (Index("review_by_state", "state", "due_at"),)

    package_id: str = key()
    recipient: str = key()
    post: str
    state: ReviewState = term(ReviewState)
    submitter: str
    booked_at: datetime = instant()
    due_at: datetime = instant()
    reviewed_by: str
    reviewed_at: datetime | None = instant(nullable=True)
    note_sealed: bytes | None = binary(nullable=True)


class PolicyFileRow(Table, table=True):
    __tablename__ = "policy_file"

    sha256: str = key()
    content: bytes = binary()


class PolicySetRow(Table, table=True):
    __tablename__ = "policy_set"
    __table_args__ = (Index("policy_set_by_state", "state"),)

    policy_sha256: str = key()
    state: PolicySetState = term(PolicySetState)
    files: str
    cases: int
    proposed_by: str
    proposed_at: datetime = instant()
    activated_by: str
    activated_at: datetime | None = instant(nullable=True)


TABLES: Mapping[type[Record], type[Table]] = {
    PackageRecord: PackageRow,
    PartRecord: PartRow,
    RedactedPartRecord: RedactedPartRow,
    ReleaseRecord: ReleaseRow,
    DecisionRecord: DecisionRow,
    ApprovalRecord: ApprovalRow,
    OutboxRecord: OutboxRow,
    ReceiptRecord: ReceiptRow,
    ArrivalRecord: ArrivalRow,
    ArrivalPartRecord: ArrivalPartRow,
    ConsentRecord: ConsentRow,
    ConsentRequestRecord: ConsentRequestRow,
    PurgedRecord: PurgedRow,
    PurgeRecord: PurgeRow,
    HoldRecord: HoldRow,
    ParticipantRecord: ParticipantRow,
    IdempotencyRecord: IdempotencyRow,
    OfficerRecord: OfficerRow,
    ReviewRecord: ReviewRow,
    PolicyFileRecord: PolicyFileRow,
    PolicySetRecord: PolicySetRow,
    WitnessedLogRecord: WitnessedLogRow,
    WitnessRecord: WitnessRow,
    SubmittedCheckpointRecord: SubmittedCheckpointRow,
    SignInRecord: SignInRow,
    SettingRecord: SettingRow,
}
