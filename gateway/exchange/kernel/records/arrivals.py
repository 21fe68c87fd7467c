"""What a recipient remembers of packages that came to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.records.record import BIG, KEY, Index, Key, Query, Record, References
from gateway.exchange.kernel.state import ArrivalState


@dataclass(frozen=True)
class ArrivalRecord(Record):
    """A package at its recipient. The record is never removed, so an id never stands for two packages."""

    TABLE: ClassVar = "arrival"
    INDEXES: ClassVar = (
        Index("arrival_by_change", ("changed_at", "package_id")),
        Index("arrival_by_purge", ("purge_at",)),
    )

    originator: Annotated[ParticipantId, KEY]
    package_id: Annotated[PackageId, KEY]
    state: ArrivalState
    frame: bytes
    frame_sha256: str
    manifest_sha256: str
    announced_at: datetime
    changed_at: datetime
    log_index: Annotated[int, BIG]
    """Where our exchange log says that it was received; -1 until it is."""
    facts_sealed: bytes
    """The verified manifest's title, kind, thread and part list as canonical JSON; no keys."""
    opened_at: datetime | None = None
    opened_by: str = ""
    opened_index: Annotated[int, BIG] = -1
    """The first opening: when, by whom (pseudonymous), and where our exchange log says so."""
    purge_at: datetime | None = None
    """When its retention ends, or, while it is arriving, when it is given up. None once purged."""
    purged_at: datetime | None = None

    @classmethod
    def key(cls, originator: ParticipantId, package_id: PackageId) -> Key[Self]:
        return Key(cls, (originator, package_id))

    @classmethod
    def at(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def with_id(cls, package_id: PackageId) -> Query[Self]:
        """Packages of this id; two originators may have chosen the same."""
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def newest(cls, after: tuple[datetime, str] | None, limit: int) -> Query[Self]:
        """Complete arrivals, what changed last first: those before `after`, a pair of `changed_at` and package id."""
        return Query(
            cls,
            among={"state": (ArrivalState.RECEIVED, ArrivalState.OPENED)},
            order=("changed_at", "package_id"),
            descending=True,
            after=after,
            limit=limit,
        )


@dataclass(frozen=True)
class ArrivalPartRecord(Record):
    """A part at its recipient, while it arrives and after."""

    TABLE: ClassVar = "arrival_part"
    INDEXES: ClassVar = (
        Index("arrival_part_by_blob", ("blob_id",)),
        Index("arrival_part_by_content", ("content",)),
    )
    REFERENCES: ClassVar = (References(("originator", "package_id"), "arrival"),)

    originator: Annotated[ParticipantId, KEY]
    package_id: Annotated[PackageId, KEY]
    number: Annotated[int, KEY]
    ciphertext_bytes: Annotated[int, BIG]
    blob_id: str
    block_hashes: bytes
    """The leaf hashes of its blocks, verified against the signed root; empty until they are known."""
    blocks_missing: str
    """Block numbers still wanted, as ranges: `0-4,7`; empty when complete."""
    content: str
    """What stands for its content's SHA-256 (gateway.exchange.kernel.provenance):
    so that it is known again when it is sent on.
    """

    @classmethod
    def key(cls, originator: ParticipantId, package_id: PackageId, number: int) -> Key[Self]:
        return Key(cls, (originator, package_id, number))

    @classmethod
    def of_package(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def with_content(cls, content: str) -> Query[Self]:
        """Parts of this content (gateway.exchange.kernel.provenance.content_id), from any originator."""
        return Query(cls, equal={"content": content})

    @classmethod
    def with_content_of(cls, content: str, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        """Parts of this content in one package."""
        return Query(cls, equal={"content": content, "originator": originator, "package_id": package_id})
