"""Our packages: submitted, decided, released, and their delivery to the recipients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from attache.crypto import Suite
from attache.package.ids import PackageId
from attache.vocabulary import Kind, Post, Purpose
from gateway.exchange_log.events.base import (
    OWN,
    SHARED,
    AboutExchange,
    AboutPackage,
    AboutRelease,
    EntryReader,
    Event,
    Group,
    Reason,
)
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class RedactedPart:
    """The number of a part that was released as a redacted copy, and the SHA-256 of the copy."""

    part: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PackageSubmitted(AboutPackage):
    """A package was submitted for release."""

    event_code = EventCode.PACKAGE_SUBMITTED
    readers = OWN
    kind: Kind
    recipients: tuple[str, ...]
    parts: int
    part_sha256: tuple[str, ...]
    legal_basis: Reason[tuple[str, ...]]
    purpose: Reason[Purpose]
    markings: Reason[tuple[str, ...]]
    case_reference: Reason[str | None] = None


@dataclass(frozen=True, kw_only=True)
class PackageDecided(AboutRelease):
    """Policy decided about the release to one recipient."""

    event_code = EventCode.PACKAGE_DECIDED
    readers = OWN
    recipient_desk: str | None = None
    decision_id: str
    outcome: StrEnum
    policy_sha256: str
    facts_sha256: str
    parts: tuple[StrEnum, ...]
    reasons: Reason[tuple[str, ...]]
    rules: Reason[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PackageHeld(AboutRelease):
    """The release to one recipient waits for an approval."""

    event_code = EventCode.PACKAGE_HELD
    readers = OWN
    recipient_desk: str | None = None
    decision_id: str
    post: Post
    reasons: Reason[tuple[str, ...]]
    rules: Reason[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PackageDenied(AboutRelease):
    """Policy denied the release to one recipient, or policy could not be evaluated; nothing was released."""

    event_code = EventCode.PACKAGE_DENIED
    readers = OWN
    recipient_desk: str | None = None
    decision_id: str | None = None
    policy_sha256: str | None = None
    reasons: Reason[tuple[str, ...]]
    rules: Reason[tuple[str, ...] | None] = None


@dataclass(frozen=True, kw_only=True)
class PackageReleased(AboutRelease):
    """The package was signed and sealed for one recipient."""

    event_code = EventCode.PACKAGE_RELEASED
    readers = SHARED
    recipient_desk: str | None = None
    envelope_sha256: str
    manifest_sha256: str
    suite: Suite | None = None  # Not in the entries of releases before 2026-12.
    decision_id: str
    release_sha256: str
    legal_basis: Reason[str]
    purpose: Reason[Purpose]
    parts: Reason[tuple[int, ...]]
    withheld: Reason[int]
    redacted: Reason[tuple[RedactedPart, ...]]


@dataclass(frozen=True, kw_only=True)
class PackageDelivered(AboutRelease):
    """The recipient has the package, and its delivered receipt is stored."""

    event_code = EventCode.PACKAGE_DELIVERED
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str | None
    receipt_sha256: str


@dataclass(frozen=True, kw_only=True)
class PackageOpenedByPartner(AboutRelease):
    """The recipient's opened receipt is stored."""

    event_code = EventCode.PACKAGE_OPENED_BY_PARTNER
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str | None
    receipt_sha256: str


@dataclass(frozen=True, kw_only=True)
class PackageRefused(AboutRelease):
    """The recipient refused the package finally."""

    event_code = EventCode.PACKAGE_REFUSED
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str | None
    receipt_sha256: str
    code: str | None


@dataclass(frozen=True, kw_only=True)
class PackageUndeliverable(AboutRelease):
    """The package, or a receipt or consent about it, could not be delivered to the named recipient."""

    event_code = EventCode.PACKAGE_UNDELIVERABLE
    readers = SHARED | {EntryReader.OPERATOR}
    carried: StrEnum
    attempts: int
    code: str


@dataclass(frozen=True, kw_only=True)
class PackageCollected(AboutRelease):
    """A mailbox participant fetched a sealed package or a part of it."""

    event_code = EventCode.PACKAGE_COLLECTED
    readers = SHARED
    envelope_sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class PackageExported(AboutRelease):
    """A sealed package was exported as a file."""

    event_code = EventCode.PACKAGE_EXPORTED
    readers = SHARED
    once_committed = frozenset({Group.REASON})
    envelope_sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class PackageExpired(AboutExchange):
    """The package's term ended, or an announced package did not arrive completely in time, or a purge ended it."""

    event_code = EventCode.PACKAGE_EXPIRED
    readers = SHARED
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SubmissionRefused(Event):
    """A submission or request names something unknown or contradicts itself; nothing was decided or released."""

    event_code = EventCode.SUBMISSION_REFUSED
    readers = OWN
    package_id: PackageId | None = None
    request: StrEnum
    code: str
    policy_sha256: str
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class DecisionDryRun(Event):
    """A caller asked what policy would decide (dry run). No content is logged."""

    event_code = EventCode.DECISION_DRY_RUN
    readers = OWN
    recipients: tuple[str, ...]
    outcomes: Mapping[str, str]
    purpose: Reason[Purpose]
