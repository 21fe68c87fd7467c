"""What is remembered of purges and legal holds. It outlasts the packages,
and is sealed under the storage key where it says why.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.records.record import KEY, Index, Key, Query, Record
from gateway.exchange.kernel.state import PurgeState


@dataclass(frozen=True)
class PurgedRecord(Record):
    """A package that was purged, and what of it is still to be destroyed. The record is never removed."""

    TABLE: ClassVar = "purged"
    INDEXES: ClassVar = (Index("purged_by_end", ("destroyed_at",)),)

    originator: Annotated[ParticipantId, KEY]
    package_id: Annotated[PackageId, KEY]
    purged_at: datetime
    purge_id: str
    """The order; empty where retention ended by rule."""
    blob_ids: str = ""
    """Comma-separated; empty once destroyed."""
    destroyed_at: datetime | None = None
    """When data key, blobs and old pages were gone."""

    @classmethod
    def key(cls, originator: ParticipantId, package_id: PackageId) -> Key[Self]:
        return Key(cls, (originator, package_id))

    @classmethod
    def unfinished(cls, limit: int) -> Query[Self]:
        """Those of which something is still to be destroyed."""
        return Query(cls, equal={"destroyed_at": None}, limit=limit)


@dataclass(frozen=True)
class PurgeRecord(Record):
    """An order to purge packages before their time. What it says outlasts them, under the storage key."""

    TABLE: ClassVar = "purge"
    INDEXES: ClassVar = (Index("purge_by_state", ("state", "expires_at")),)

    purge_id: Annotated[str, KEY]
    state: PurgeState
    packages: str
    """Canonical JSON: pairs of originator and package id."""
    ordered_by: str
    ordered_at: datetime
    expires_at: datetime
    reasons_sealed: bytes
    """Legal basis and note."""
    decided_by: str = ""
    decided_at: datetime | None = None
    decision_sealed: bytes | None = None

    @classmethod
    def key(cls, purge_id: str) -> Key[Self]:
        return Key(cls, (purge_id,))

    @classmethod
    def newest(cls, after: str, limit: int) -> Query[Self]:
        """Newest first: those with an id below `after` (all when empty)."""
        return Query(cls, order=("purge_id",), descending=True, after=(after,) if after else None, limit=limit)

    @classmethod
    def lapsed(cls, now: datetime, limit: int) -> Query[Self]:
        """Orders that were not confirmed in time; what lapsed first comes first."""
        return Query(
            cls,
            equal={"state": PurgeState.ORDERED},
            until={"expires_at": now},
            order=("expires_at", "purge_id"),
            limit=limit,
        )


@dataclass(frozen=True)
class HoldRecord(Record):
    """A legal hold of one package; one hold may name several. While it is not lifted, the package is not purged."""

    TABLE: ClassVar = "hold"
    INDEXES: ClassVar = (Index("hold_by_package", ("originator", "package_id", "lifted_at")),)

    hold_id: Annotated[str, KEY]
    originator: Annotated[ParticipantId, KEY]
    package_id: Annotated[PackageId, KEY]
    placed_by: str
    placed_at: datetime
    reasons_sealed: bytes
    lifted_by: str = ""
    lifted_at: datetime | None = None
    lifting_sealed: bytes | None = None

    @classmethod
    def key(cls, hold_id: str, originator: ParticipantId, package_id: PackageId) -> Key[Self]:
        return Key(cls, (hold_id, originator, package_id))

    @classmethod
    def of_hold(cls, hold_id: str) -> Query[Self]:
        """The packages that one hold names."""
        return Query(cls, equal={"hold_id": hold_id})

    @classmethod
    def keeping(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        """The holds that are not lifted and name this package."""
        return Query(cls, equal={"originator": originator, "package_id": package_id, "lifted_at": None})
