"""The directory of participants: an immutable value, replaced whenever a participant is admitted,
rotated, suspended or reinstated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from attache.errors import CertificateRejected, NotFound, NotPermitted
from attache.package.ids import ParticipantId
from attache.participant import Descriptor


class ParticipantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Partner:
    """An admitted participant with its present descriptor."""

    descriptor: Descriptor
    status: ParticipantStatus

    @property
    def participant(self) -> ParticipantId:
        return self.descriptor.participant

    @property
    def endpoint(self) -> str | None:
        """The base URL of its exchange API; None for a participant that uses our mailbox."""
        url = self.descriptor.stated.endpoints.exchange
        return None if url is None else f"{url.rstrip('/')}/exchange/v1"


@dataclass(frozen=True)
class Directory:
    """All admitted participants, including ourselves."""

    partners: Mapping[ParticipantId, Partner]

    @classmethod
    def of(cls, partners: Iterable[Partner]) -> "Directory":
        return cls({partner.participant: partner for partner in partners})

    def partner(self, participant: ParticipantId) -> Partner:
        """The participant with this id, suspended or not; raises NotFound("unknown-partner")."""
        try:
            return self.partners[participant]
        except KeyError:
            raise NotFound("unknown-partner", f"{participant} is not admitted") from None

    def active(self, participant: ParticipantId) -> Partner:
        """As `partner`; raises NotPermitted("partner-suspended") where exchange is suspended."""
        partner = self.partner(participant)
        if partner.status is not ParticipantStatus.ACTIVE:
            raise NotPermitted("partner-suspended", f"exchange with {participant} is suspended")
        return partner

    def owner(self, thumbprint: str) -> ParticipantId | None:
        """The participant whose descriptor lists this TLS certificate, suspended or not; None if there is none."""
        return self._by_thumbprint.get(thumbprint)

    def peer(self, thumbprint: str) -> Partner:
        """The active participant whose descriptor lists this TLS certificate (x5t#S256).

        Raises CertificateRejected where no descriptor lists it, NotPermitted where its participant is suspended.
        """
        participant = self._by_thumbprint.get(thumbprint)
        if participant is None:
            raise CertificateRejected("certificate-rejected", "no participant's descriptor lists this certificate")
        return self.active(participant)

    @cached_property
    def _by_thumbprint(self) -> Mapping[str, ParticipantId]:
        return {
            thumbprint: partner.participant
            for partner in self.partners.values()
            for thumbprint in partner.descriptor.stated.tls
        }
