"""What is remembered of purges and legal holds. It outlasts the packages, and is sealed under the storage key where it says why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from attache.package.ids import PackageId, ParticipantId


class PurgeState(StrEnum):
    ORDERED = "ordered"
    DONE = "done"
    REJECTED = "rejected"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class PurgedRecord:
    """That a package was purged, and what of it is still to be destroyed. Kept for ever."""

    KEY: ClassVar = ("originator", "package_id")
    originator: ParticipantId
    package_id: PackageId
    purged_at: datetime
    purge_id: str
    """The order; empty where retention ended by rule."""
    blob_ids: str = ""
    """Comma-separated; empty once destroyed."""
    destroyed_at: datetime | None = None
    """When data key, blobs and old pages were gone."""


@dataclass(frozen=True)
class PurgeRecord:
    """An order to purge packages before their time. What it says outlasts them, under the storage key."""

    KEY: ClassVar = ("purge_id",)
    purge_id: str
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


@dataclass(frozen=True)
class HoldRecord:
    """A legal hold of one package; one hold may name several. While it is not lifted, the package is not purged."""

    KEY: ClassVar = ("hold_id", "originator", "package_id")
    hold_id: str
    originator: ParticipantId
    package_id: PackageId
    placed_by: str
    placed_at: datetime
    reasons_sealed: bytes
    lifted_by: str = ""
    lifted_at: datetime | None = None
    lifting_sealed: bytes | None = None
