"""A row of the outbox: what is to be carried to a partner, written with what causes it."""

from datetime import datetime

from attache.package import uuid7
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import OutboxKind, OutboxRecord
from gateway.exchange.kernel.state import OutboxState


def outbox_row(
    agency: Agency,
    kind: OutboxKind,
    partner: ParticipantId,
    originator: ParticipantId,
    package_id: PackageId,
    now: datetime,
    subject: str = "",
) -> OutboxRecord:
    """Something new for a partner, due at once."""
    return OutboxRecord(
        outbox_id=uuid7(now, agency.random),
        kind=kind,
        partner=partner,
        originator=originator,
        package_id=package_id,
        subject=subject,
        state=OutboxState.PENDING,
        created_at=now,
        due_at=now,
        deadline_at=now + agency.limits.delivery_deadline,
        lease_until=now,
    )
