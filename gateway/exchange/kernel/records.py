"""What the gateway remembers, as values. The store keeps each class in one table, by the fields that `KEY` names.

Everything that says what a package is about is sealed at rest (`*_sealed`, gateway.exchange.kernel.at_rest): titles, names,
digests, legal bases, reasons. In the clear are ids, states, sizes and instants, which routing and search need.
What of a package is destroyed at its purge is listed in gateway.exchange.ending.purge; a record of one that was purged stays, blank.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.consent_records import ConsentRequestRecord
from gateway.exchange.kernel.own_records import (
    SettingRecord,
    SignInRecord,
    SubmittedCheckpointRecord,
    WitnessedLogRecord,
    WitnessRecord,
)
from gateway.exchange.kernel.purge_records import HoldRecord, PurgedRecord, PurgeRecord
from gateway.exchange.kernel.state import ArrivalState, ReleaseState
from gateway.partners import ParticipantStatus

NO_PACKAGE = PackageId("")


class PackageState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"


class OutboxState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class OutboxKind(StrEnum):
    PACKAGE = "package"
    RECEIPT = "receipt"
    CONSENT = "consent"
    CONSENT_REFUSAL = "consent-refusal"


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    VOID = "void"


class PolicySetState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    RETIRED = "retired"


class ReviewState(StrEnum):
    BOOKED = "booked"
    OVERDUE = "overdue"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


@dataclass(frozen=True)
class PackageRecord:
    """A package at its originator, whoever it goes to."""

    KEY: ClassVar = ("package_id",)
    package_id: PackageId
    state: PackageState
    kind: str
    submitter: str
    created_at: datetime
    submitted_at: datetime | None
    facts_sealed: bytes
    """The submitted facts as canonical JSON."""
    purge_at: datetime | None = None
    """When upkeep looks whether its retention has ended: never later than it does. None once purged."""
    purged_at: datetime | None = None


@dataclass(frozen=True)
class PartRecord:
    """A part at its originator that has arrived, is encrypted and durable. What it is stands in the package's facts."""

    KEY: ClassVar = ("package_id", "number")
    package_id: PackageId
    number: int
    blob_id: str
    ciphertext_bytes: int
    sealed_part_sealed: bytes
    """The part's attache.package.SealedPart (key, digests, block hashes) as canonical JSON."""


@dataclass(frozen=True)
class RedactedPartRecord:
    """What one recipient gets instead of a part: the redacted copy, sealed as a part of its own."""

    KEY: ClassVar = ("package_id", "recipient", "number")
    package_id: PackageId
    recipient: ParticipantId
    number: int
    blob_id: str
    ciphertext_bytes: int
    sealed_part_sealed: bytes
    """The copy's attache.package.SealedPart (key, digests, block hashes) as canonical JSON."""


@dataclass(frozen=True)
class ReleaseRecord:
    """One recipient's life of one package."""

    KEY: ClassVar = ("package_id", "recipient")
    package_id: PackageId
    recipient: ParticipantId
    """The participant's id; the desk is in the facts."""
    state: ReleaseState
    post: str
    changed_at: datetime
    decision_id: str
    expires_at: datetime | None = None
    frame: bytes | None = None
    """The sealed package without its parts: line 1 and the envelope."""
    manifest_sha256: str | None = None
    part_numbers: str = ""
    """The released parts' numbers at the originator, in manifest order, comma-separated; `r` after one: its redacted copy."""
    problem: str | None = None
    manifest_sealed: bytes | None = None
    """The signed manifest, for evidence. It holds the keys of the parts, and goes at the purge."""
    envelope_sha256: str | None = None
    """The digest of what was sealed; like the manifest's, it is of something that holds fresh keys, and confirms no guess."""


@dataclass(frozen=True)
class DecisionRecord:
    """Policy's answer for one recipient, with all it takes to replay it."""

    KEY: ClassVar = ("decision_id",)
    decision_id: str
    package_id: PackageId
    recipient: ParticipantId
    decided_at: datetime
    outcome: str
    policy_set_hash: str
    shard_hash: str
    record_sealed: bytes


@dataclass(frozen=True)
class ApprovalRecord:
    """A release that waits for an officer of `post`, or that one has decided."""

    KEY: ClassVar = ("approval_id",)
    approval_id: str
    package_id: PackageId
    recipient: ParticipantId
    post: str
    state: ApprovalState
    digest_sealed: bytes
    """gateway.policy.release_digest: the approval covers exactly this content, recipient, purpose, basis and channel."""
    submitter: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason_sealed: bytes | None = None


@dataclass(frozen=True)
class OfficerRecord:
    """An officer from whom approving was withdrawn, whatever an access token says. None on record: nothing withdrawn."""

    KEY: ClassVar = ("officer",)
    officer: str
    withdrawn_posts: str
    """Comma-separated; `*` is all of them, empty is none any more."""
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True)
class ReviewRecord:
    """A release that went at once, because of a threat to life, and is to be reviewed by a second officer."""

    KEY: ClassVar = ("package_id", "recipient")
    package_id: PackageId
    recipient: ParticipantId
    post: str
    state: ReviewState
    submitter: str
    booked_at: datetime
    due_at: datetime
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    note_sealed: bytes | None = None


@dataclass(frozen=True)
class OutboxRecord:
    """Something that a partner has yet to get. `lease_until` is in the past unless somebody is at it."""

    KEY: ClassVar = ("outbox_id",)
    outbox_id: str
    kind: OutboxKind
    partner: ParticipantId
    originator: ParticipantId
    package_id: PackageId
    subject: str
    """For a receipt, which one: delivered, opened or refused; a consent's id; the id of a refused request. Empty for a package."""
    state: OutboxState
    created_at: datetime
    due_at: datetime
    deadline_at: datetime
    lease_until: datetime
    attempts: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class ReceiptRecord:
    """A receipt, ours or a partner's: the signed bytes, for ever the same."""

    KEY: ClassVar = ("originator", "package_id", "recipient", "receipt")
    originator: ParticipantId
    package_id: PackageId
    recipient: ParticipantId
    receipt: str
    signed: bytes
    at: datetime


@dataclass(frozen=True)
class ArrivalRecord:
    """A package at its recipient. Kept for ever, so that the same id never means two things."""

    KEY: ClassVar = ("originator", "package_id")
    originator: ParticipantId
    package_id: PackageId
    state: ArrivalState
    frame: bytes
    frame_sha256: str
    manifest_sha256: str
    announced_at: datetime
    changed_at: datetime
    log_index: int
    """Where our exchange log says that it was received; -1 until it is."""
    facts_sealed: bytes
    """The verified manifest's title, kind, thread and part list as canonical JSON; no keys."""
    opened_at: datetime | None = None
    opened_by: str = ""
    opened_index: int = -1
    """The first opening: when, by whom (pseudonymous), and where our exchange log says so."""
    purge_at: datetime | None = None
    """When its retention ends, or, while it is arriving, when it is given up. None once purged."""
    purged_at: datetime | None = None


@dataclass(frozen=True)
class ArrivalPartRecord:
    """A part at its recipient, while it arrives and after."""

    KEY: ClassVar = ("originator", "package_id", "number")
    originator: ParticipantId
    package_id: PackageId
    number: int
    ciphertext_bytes: int
    blob_id: str
    block_hashes: bytes
    """The leaf hashes of its blocks, verified against the signed root; empty until they are known."""
    blocks_missing: str
    """Block numbers still wanted, as ranges: `0-4,7`; empty when complete."""
    content: str
    """What stands for its content's SHA-256 (gateway.exchange.kernel.provenance): so that it is known again when it is sent on."""


@dataclass(frozen=True)
class ConsentRecord:
    """An originator's signed consent, ours or a partner's: evidence, and a fact for policy where we are the holder."""

    KEY: ClassVar = ("consent_id",)
    consent_id: str
    originator: ParticipantId
    holder: ParticipantId
    recipient: ParticipantId
    content: str
    at: datetime
    expires_at: datetime
    signed_sealed: bytes
    package_id: PackageId = NO_PACKAGE
    """The originator's package that it goes with."""


@dataclass(frozen=True)
class ParticipantRecord:
    """Somebody admitted to the exchange, by the descriptor now in force."""

    KEY: ClassVar = ("participant",)
    participant: ParticipantId
    status: ParticipantStatus
    serial: int
    descriptor: bytes
    admitted_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class IdempotencyRecord:
    """What a caller's Idempotency-Key was used for, and which package came of it. `request_sha256` is PackageVault.digest of it."""

    KEY: ClassVar = ("caller", "idempotency_key")
    caller: str
    idempotency_key: str
    request_sha256: str
    package_id: PackageId
    at: datetime


@dataclass(frozen=True)
class PolicyFileRecord:
    """A file of some policy set, for ever. It says nothing of any package, and is kept in the clear."""

    KEY: ClassVar = ("sha256",)
    sha256: str
    content: bytes


@dataclass(frozen=True)
class PolicySetRecord:
    """A policy set that was proposed, and what became of it. At most one is active; none is ever removed."""

    KEY: ClassVar = ("policy_sha256",)
    policy_sha256: str
    state: PolicySetState
    files: str
    """Canonical JSON: the SHA-256 of each file, by its path."""
    cases: int
    """How many cases held when it was proposed."""
    proposed_by: str
    proposed_at: datetime
    activated_by: str = ""
    activated_at: datetime | None = None


Record = (
    PackageRecord
    | PartRecord
    | RedactedPartRecord
    | ReleaseRecord
    | DecisionRecord
    | ApprovalRecord
    | OutboxRecord
    | ReceiptRecord
    | ArrivalRecord
    | ArrivalPartRecord
    | ConsentRecord
    | ConsentRequestRecord
    | PurgedRecord
    | PurgeRecord
    | HoldRecord
    | ParticipantRecord
    | IdempotencyRecord
    | OfficerRecord
    | ReviewRecord
    | PolicyFileRecord
    | PolicySetRecord
    | WitnessedLogRecord
    | WitnessRecord
    | SubmittedCheckpointRecord
    | SignInRecord
    | SettingRecord
)
