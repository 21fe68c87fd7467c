"""What the gateway remembers of requests for consent; one of the records of `gateway.exchange.kernel.records`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from attache.package.ids import PackageId, ParticipantId


class ConsentState(StrEnum):
    """What became of a request for consent. A consent that was given ends when it expires."""

    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"


@dataclass(frozen=True)
class ConsentRequestRecord:
    """A request for consent, ours or a partner's, and what was answered. `request_id` is the package that asked."""

    KEY: ClassVar = ("holder", "request_id")
    holder: ParticipantId
    request_id: str
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
