"""What the originator remembers of a package: its facts, its parts, and what became of it for each recipient.

What says what a package is about is sealed (`*_sealed`, gateway.exchange.kernel.sealed): titles, names, digests, legal
bases, reasons. In the clear are ids, states, sizes and instants, which routing and search need. A record of a package
that was purged stays, blank (gateway.exchange.ending.purge).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.records.record import ADDED, BIG, KEY, SEARCH, Index, Key, Query, Record, References
from gateway.exchange.kernel.state import UNDER_WAY, PackageState, ReleaseState


@dataclass(frozen=True)
class PackageRecord(Record):
    """A package at its originator, for all of its recipients."""

    TABLE: ClassVar = "package"
    INDEXES: ClassVar = (
        Index("package_by_submitter", ("submitter", "package_id")),
        Index("package_by_purge", ("purge_at",)),
        Index("package_by_case_reference", ("case_reference_digest", "package_id")),
    )

    package_id: Annotated[PackageId, KEY]
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
    case_reference_digest: Annotated[str | None, SEARCH, ADDED] = None

    @classmethod
    def key(cls, package_id: PackageId) -> Key[Self]:
        return Key(cls, (package_id,))

    @classmethod
    def with_id(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def newest(cls, after: str, limit: int, *, submitter: str | None, digests: Mapping[str, str]) -> Query[Self]:
        """Newest first: those with an id below `after` (all when empty); only those of `submitter` where one is named,
        and only those with all of these digests (gateway.exchange.kernel.search).
        """
        return Query(
            cls,
            equal={**digests, **({} if submitter is None else {"submitter": submitter})},
            order=("package_id",),
            descending=True,
            after=(after,) if after else None,
            limit=limit,
        )


@dataclass(frozen=True)
class PartRecord(Record):
    """A part at its originator that has arrived, is encrypted and durable. What it is stands in the package's facts."""

    TABLE: ClassVar = "part"
    INDEXES: ClassVar = (Index("part_by_blob", ("blob_id",)),)
    REFERENCES: ClassVar = (References(("package_id",), "package"),)

    package_id: Annotated[PackageId, KEY]
    number: Annotated[int, KEY]
    blob_id: str
    ciphertext_bytes: Annotated[int, BIG]
    sealed_part_sealed: bytes
    """The part's attache.package.SealedPart (key, digests, block hashes) as canonical JSON."""

    @classmethod
    def key(cls, package_id: PackageId, number: int) -> Key[Self]:
        return Key(cls, (package_id, number))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})


@dataclass(frozen=True)
class RedactedPartRecord(Record):
    """What one recipient gets instead of a part: the redacted copy, sealed as a part of its own."""

    TABLE: ClassVar = "redacted_part"
    INDEXES: ClassVar = (Index("redacted_part_by_blob", ("blob_id",)),)
    REFERENCES: ClassVar = (References(("package_id",), "package"),)

    package_id: Annotated[PackageId, KEY]
    recipient: Annotated[ParticipantId, KEY]
    number: Annotated[int, KEY]
    blob_id: str
    ciphertext_bytes: Annotated[int, BIG]
    sealed_part_sealed: bytes
    """The copy's attache.package.SealedPart (key, digests, block hashes) as canonical JSON."""

    @classmethod
    def key(cls, package_id: PackageId, recipient: ParticipantId, number: int) -> Key[Self]:
        return Key(cls, (package_id, recipient, number))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def of_release(cls, package_id: PackageId, recipient: ParticipantId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id, "recipient": recipient})


@dataclass(frozen=True)
class ReleaseRecord(Record):
    """The release of one package to one recipient."""

    TABLE: ClassVar = "release"
    INDEXES: ClassVar = (
        Index("release_by_recipient", ("recipient", "state", "package_id")),
        Index("release_by_expiry", ("state", "expires_at")),
    )
    REFERENCES: ClassVar = (References(("package_id",), "package"),)

    package_id: Annotated[PackageId, KEY]
    recipient: Annotated[ParticipantId, KEY]
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
    """The released parts' numbers at the originator, in manifest order, comma-separated;
    `r` after one: its redacted copy.
    """
    problem: str | None = None
    manifest_sealed: bytes | None = None
    """The signed manifest, for evidence. It holds the keys of the parts, and goes at the purge."""
    envelope_sha256: str | None = None
    """The digest of what was sealed; like the manifest's,
    it is of something that holds fresh keys, and confirms no guess.
    """

    @classmethod
    def key(cls, package_id: PackageId, recipient: ParticipantId) -> Key[Self]:
        return Key(cls, (package_id, recipient))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def expired(cls, now: datetime, limit: int) -> Query[Self]:
        """Those that wait or are under way, and whose package has expired; what expired first comes first."""
        return Query(
            cls,
            among={"state": UNDER_WAY},
            until={"expires_at": now},
            order=("expires_at", "package_id", "recipient"),
            limit=limit,
        )

    @classmethod
    def in_mailbox(cls, recipient: ParticipantId, after: str, limit: int) -> Query[Self]:
        """What waits for a participant without a gateway, by id, above `after`."""
        return Query(
            cls,
            # protocol B1, B4
            equal={"recipient": recipient, "state": ReleaseState.RELEASED},
            order=("package_id",),
            after=(after,),
            limit=limit,
        )


@dataclass(frozen=True)
class DecisionRecord(Record):
    """Policy's answer for one recipient, with all it takes to replay it."""

    TABLE: ClassVar = "decision"
    INDEXES: ClassVar = (Index("decision_by_package", ("package_id", "recipient")),)

    decision_id: Annotated[str, KEY]
    package_id: PackageId
    recipient: ParticipantId
    decided_at: datetime
    outcome: str
    policy_set_hash: str
    shard_hash: str
    record_sealed: bytes

    @classmethod
    def key(cls, decision_id: str) -> Key[Self]:
        return Key(cls, (decision_id,))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})


@dataclass(frozen=True)
class IdempotencyRecord(Record):
    """What a caller's Idempotency-Key was used for, and which package came of it.
    `request_sha256` is PackageVault.digest of it.
    """

    TABLE: ClassVar = "idempotency"

    caller: Annotated[str, KEY]
    idempotency_key: Annotated[str, KEY]
    request_sha256: str
    package_id: PackageId
    at: datetime

    @classmethod
    def key(cls, *, caller: str, idempotency_key: str) -> Key[Self]:
        return Key(cls, (caller, idempotency_key))
