"""What officers have to do and have done: approvals, reviews, and their own standing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Post
from gateway.exchange.kernel.records.record import KEY, Index, Key, Query, Record
from gateway.exchange.kernel.state import ApprovalState, ReviewState


@dataclass(frozen=True)
class ApprovalRecord(Record):
    """A release that waits for an officer of `post`, or that one has decided."""

    TABLE: ClassVar = "approval"
    INDEXES: ClassVar = (
        Index("approval_by_post", ("state", "post", "requested_at")),
        Index("approval_by_package", ("package_id", "recipient")),
    )

    approval_id: Annotated[str, KEY]
    package_id: PackageId
    recipient: ParticipantId
    post: str
    state: ApprovalState
    digest_sealed: bytes
    """gateway.policy.release_digest: the approval covers exactly this content, recipient,
    purpose, basis and channel.
    """
    submitter: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason_sealed: bytes | None = None

    @classmethod
    def key(cls, approval_id: str) -> Key[Self]:
        return Key(cls, (approval_id,))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def of_release(cls, package_id: PackageId, recipient: ParticipantId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id, "recipient": recipient})

    @classmethod
    def pending_at(cls, posts: Collection[Post], limit: int) -> Query[Self]:
        """Those that wait for an officer of these posts, oldest first."""
        return Query(
            cls,
            equal={"state": ApprovalState.PENDING},
            among={"post": sorted(posts)},
            order=("requested_at", "approval_id"),
            limit=limit,
        )

    @classmethod
    def lapsed(cls, now: datetime, limit: int) -> Query[Self]:
        """Those that wait and whose time is over; what lapsed first comes first."""
        return Query(
            cls,
            equal={"state": ApprovalState.PENDING},
            until={"expires_at": now},
            order=("expires_at", "approval_id"),
            limit=limit,
        )


@dataclass(frozen=True)
class OfficerRecord(Record):
    """An officer from whom approving was withdrawn, whatever an access token says.
    None on record: nothing withdrawn.
    """

    TABLE: ClassVar = "officer"

    officer: Annotated[str, KEY]
    withdrawn_posts: str
    """Comma-separated; `*` is all of them, empty is none any more."""
    changed_by: str
    changed_at: datetime

    @classmethod
    def key(cls, officer: str) -> Key[Self]:
        return Key(cls, (officer,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)


@dataclass(frozen=True)
class ReviewRecord(Record):
    """A release that went at once, because of a threat to life, and is to be reviewed by a second officer."""

    TABLE: ClassVar = "review"
    INDEXES: ClassVar = (Index("review_by_state", ("state", "due_at")),)

    package_id: Annotated[PackageId, KEY]
    recipient: Annotated[ParticipantId, KEY]
    post: str
    state: ReviewState
    submitter: str
    booked_at: datetime
    due_at: datetime
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    note_sealed: bytes | None = None

    @classmethod
    def key(cls, package_id: PackageId, recipient: ParticipantId) -> Key[Self]:
        return Key(cls, (package_id, recipient))

    @classmethod
    def of_package(cls, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"package_id": package_id})

    @classmethod
    def in_state(cls, *states: ReviewState) -> Query[Self]:
        return Query(cls, among={"state": states})
