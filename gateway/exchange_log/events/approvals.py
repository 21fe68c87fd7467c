"""Approvals and reviews by second officers, and which officers may approve."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from attache.vocabulary import Post
from gateway.exchange_log.events.base import OWN, SECURITY, AboutRelease, Event, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class PackageApproved(AboutRelease):
    """A second officer approved exactly this release."""

    event_code = EventCode.PACKAGE_APPROVED
    readers = OWN
    decision_id: str
    release_sha256: str
    post: Post
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PackageRejected(AboutRelease):
    """A second officer rejected the release."""

    event_code = EventCode.PACKAGE_REJECTED
    readers = OWN
    decision_id: str
    post: Post
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class ApprovalLapsed(AboutRelease):
    """No officer answered in time; the release is rejected."""

    event_code = EventCode.APPROVAL_LAPSED
    readers = OWN
    decision_id: str
    post: Post


@dataclass(frozen=True, kw_only=True)
class ApprovalVoided(AboutRelease):
    """The release changed after the approval was requested; policy decided again."""

    event_code = EventCode.APPROVAL_VOIDED
    readers = OWN
    decision_id: str
    post: Post


@dataclass(frozen=True, kw_only=True)
class ApprovalRead(AboutRelease):
    """An approver read a part of a release that waits for approval, as the recipient would get it."""

    event_code = EventCode.APPROVAL_READ
    readers = OWN
    part: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ApprovalRefused(Event):
    """An answer to an approval was refused: the approval, its package,
    its recipient or its time is not valid, or no longer valid.
    """

    event_code = EventCode.APPROVAL_REFUSED
    readers = OWN
    approval_id: str
    code: str


@dataclass(frozen=True, kw_only=True)
class OfficerWithdrawn(Event):
    """The right to approve was withdrawn from an officer, for some posts or for all."""

    event_code = EventCode.OFFICER_WITHDRAWN
    readers = SECURITY
    officer: str
    posts: tuple[str, ...]
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class OfficerReinstated(Event):
    """An officer may approve again for the posts in the access token."""

    event_code = EventCode.OFFICER_REINSTATED
    readers = SECURITY
    officer: str
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class ReviewBooked(AboutRelease):
    """A package was released without an approval; a second officer must review the release."""

    event_code = EventCode.REVIEW_BOOKED
    readers = OWN
    recipient_desk: str | None = None
    decision_id: str
    post: Post
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReviewOverdue(AboutRelease):
    """A review was not done in time."""

    event_code = EventCode.REVIEW_OVERDUE
    readers = OWN
    post: Post
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReviewDone(AboutRelease):
    """A second officer reviewed a release that had needed no approval."""

    event_code = EventCode.REVIEW_DONE
    readers = OWN
    post: Post
    due_at: datetime
    finding: StrEnum
    note: Reason[str]
