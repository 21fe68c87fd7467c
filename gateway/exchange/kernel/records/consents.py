"""What is remembered of requests for consent, and of consents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.records.record import KEY, Index, Key, Query, Record
from gateway.exchange.kernel.state import ConsentState

NO_PACKAGE = PackageId("")


@dataclass(frozen=True)
class ConsentRequestRecord(Record):
    """A request for consent, ours or a partner's, and what was answered. `request_id` is the package that asked."""

    TABLE: ClassVar = "consent_request"
    INDEXES: ClassVar = (Index("consent_request_by_id", ("request_id",)),)

    holder: Annotated[ParticipantId, KEY]
    request_id: Annotated[PackageId, KEY]
    originator: ParticipantId
    package_id: PackageId
    """The package in which the originator gave the content to the holder."""
    recipient: ParticipantId
    """To whom the holder would pass it on; empty where it asked in its own words."""
    state: ConsentState
    asked_by: str
    """Who asked, pseudonymous, where we are the holder."""
    asked_at: datetime
    changed_at: datetime
    facts_sealed: bytes
    """The part, its SHA-256, the purpose and the reason, as canonical JSON."""
    consent_id: str = ""
    refusal_sealed: bytes | None = None
    """The originator's signed refusal."""

    @classmethod
    def key(cls, holder: ParticipantId, request_id: PackageId) -> Key[Self]:
        return Key(cls, (holder, request_id))

    @classmethod
    def of_package(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        """The requests about one package of `originator`."""
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def by_id(
        cls,
        after: str,
        limit: int,
        *,
        asked_by: str | None = None,
        holder: ParticipantId | None = None,
        state: ConsentState | None = None,
    ) -> Query[Self]:
        """Those with an id above `after`, that meet every condition which is given."""
        conditions = {"asked_by": asked_by, "holder": holder, "state": state}
        return Query(
            cls,
            equal={name: value for name, value in conditions.items() if value is not None},
            order=("request_id",),
            after=(after,),
            limit=limit,
        )


@dataclass(frozen=True)
class ConsentRecord(Record):
    """An originator's signed consent, ours or a partner's: evidence, and a fact for policy where we are the holder."""

    TABLE: ClassVar = "consent"
    INDEXES: ClassVar = (
        Index("consent_by_content", ("content", "holder")),
        Index("consent_by_holder", ("holder", "consent_id")),
        Index("consent_by_package", ("originator", "package_id")),
    )

    consent_id: Annotated[str, KEY]
    originator: ParticipantId
    holder: ParticipantId
    recipient: ParticipantId
    content: str
    at: datetime
    expires_at: datetime
    signed_sealed: bytes
    package_id: PackageId = NO_PACKAGE
    """The originator's package that it goes with."""

    @classmethod
    def key(cls, consent_id: str) -> Key[Self]:
        return Key(cls, (consent_id,))

    @classmethod
    def of_package(cls, originator: ParticipantId, package_id: PackageId) -> Query[Self]:
        return Query(cls, equal={"originator": originator, "package_id": package_id})

    @classmethod
    def covering(cls, content: str, holder: ParticipantId) -> Query[Self]:
        """What lets `holder` pass this content on."""
        return Query(cls, equal={"content": content, "holder": holder})

    @classmethod
    def by_id(cls, after: str, limit: int, holder: ParticipantId | None = None) -> Query[Self]:
        """Those with an id above `after`; only those of `holder` where one is named."""
        return Query(
            cls,
            equal={} if holder is None else {"holder": holder},
            order=("consent_id",),
            after=(after,),
            limit=limit,
        )
