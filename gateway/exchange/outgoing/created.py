"""A package as it was just committed: the answer to its submitter, without another read of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attache.package import SealedPart
from attache.wire.packages import Submission
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ApprovalRecord, PackageRecord, ReleaseRecord
from gateway.exchange.kernel.state import ApprovalState, ReleaseState
from gateway.policy import Decision


@dataclass(frozen=True)
class CreatedRelease:
    """The release to one recipient, its decision, and the approval that it waits for."""

    record: ReleaseRecord
    decision: Decision
    approval_id: str | None


@dataclass(frozen=True)
class Created:
    """The package, the parts that came along by number, and its releases in the order of recipients."""

    record: PackageRecord
    submission: Submission
    parts: Mapping[int, SealedPart]
    releases: Sequence[CreatedRelease]


def created_release(reader: Reader, release: ReleaseRecord, decision: Decision) -> CreatedRelease:
    """A release as the present unit of work has written it."""
    approval_id = pending_approval(reader, release) if release.state is ReleaseState.AWAITING_APPROVAL else None
    return CreatedRelease(release, decision, approval_id)


def pending_approval(reader: Reader, release: ReleaseRecord) -> str | None:
    """The approval that a release waits for."""
    asked = reader.find(ApprovalRecord.of_release(release.package_id, release.recipient))
    return next((approval.approval_id for approval in asked if approval.state is ApprovalState.PENDING), None)
