"""What partners have yet to get, and the receipts that prove what they got."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.records.record import KEY, Index, Key, Query, Record
from gateway.exchange.kernel.state import OutboxState


class OutboxKind(StrEnum):
    PACKAGE = "package"
    RECEIPT = "receipt"
    CONSENT = "consent"
    CONSENT_REFUSAL = "consent-refusal"


@dataclass(frozen=True)
class OutboxRecord(Record):
    """Something that is still to be delivered to a partner. `lease_until` is in the past unless a worker is delivering
    it.
    """

    TABLE: ClassVar = "outbox"
    INDEXES: ClassVar = (
        Index("outbox_by_due", ("state", "due_at", "lease_until")),
        Index("outbox_by_package", ("package_id", "partner")),
    )

    outbox_id: Annotated[str, KEY]
    kind: OutboxKind
    partner: ParticipantId
    originator: ParticipantId
    package_id: PackageId
    subject: str
    """For a receipt, which one: delivered, opened or refused; a consent's id;
    the id of a refused request. Empty for a package.
    """
    state: OutboxState
    created_at: datetime
    due_at: datetime
    deadline_at: datetime
    lease_until: datetime
    attempts: int = 0
    problem: str | None = None

    @classmethod
    def key(cls, outbox_id: str) -> Key[Self]:
        return Key(cls, (outbox_id,))

    @classmethod
    def about_package(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        """Everything that partners have yet to get, or got, about one package."""
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def carrying(cls, package_id: PackageId, partner: ParticipantId) -> Query[Self]:
        """The package itself on its way to one partner."""
        return Query(cls, equal={"package_id": package_id, "partner": partner, "kind": OutboxKind.PACKAGE})


@dataclass(frozen=True)
class ReceiptRecord(Record):
    """A receipt, ours or a partner's: the signed bytes, which never change."""

    TABLE: ClassVar = "receipt"
    INDEXES: ClassVar = (Index("receipt_by_package", ("package_id", "recipient")),)

    originator: Annotated[ParticipantId, KEY]
    package_id: Annotated[PackageId, KEY]
    recipient: Annotated[ParticipantId, KEY]
    receipt: Annotated[str, KEY]
    signed: bytes
    at: datetime

    @classmethod
    def key(
        cls, originator: ParticipantId, package_id: PackageId, *, recipient: ParticipantId, receipt: str
    ) -> Key[Self]:
        return Key(cls, (originator, package_id, recipient, receipt))

    @classmethod
    def of_package(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def of_release(cls, originator: ParticipantId, package_id: PackageId, *, recipient: ParticipantId) -> Query[Self]:
        return Query(cls, equal={"originator": originator, "package_id": package_id, "recipient": recipient})
