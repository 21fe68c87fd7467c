"""Consents to onward sharing. In the record, `recipient` is the holder that asks,
and `third` the participant to share with.

Version 2 names the package that contains the request `asked_by_package`. Version 1 named it `request_id`, which in the
group `person` of the same entry is the HTTP request.
"""

from dataclasses import dataclass
from datetime import datetime

from attache.vocabulary import Purpose
from gateway.exchange_log.events.base import OWN, PARTNERS, SHARED, AboutExchange, AboutPartner, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class ConsentAsked(AboutExchange):
    """A holder asked an originator to consent to onward sharing."""

    event_code = EventCode.CONSENT_ASKED
    readers = SHARED
    event_version = 2
    third: str
    asked_by_package: str
    note: Reason[str]
    purpose: Reason[Purpose]


@dataclass(frozen=True, kw_only=True)
class ConsentGiven(AboutExchange):
    """An originator consented to onward sharing."""

    event_code = EventCode.CONSENT_GIVEN
    readers = SHARED
    event_version = 2
    third: str
    asked_by_package: str
    consent_id: str
    consent_sha256: str
    until: datetime
    note: Reason[str | None]
    purpose: Reason[Purpose]


@dataclass(frozen=True, kw_only=True)
class ConsentRefused(AboutExchange):
    """An originator refused onward sharing."""

    event_code = EventCode.CONSENT_REFUSED
    readers = SHARED
    event_version = 2
    third: str
    asked_by_package: str
    refusal_sha256: str
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class ConsentRejected(AboutPartner):
    """A consent, a refusal of one, or a request for one was invalid or matched no record; it was not stored."""

    event_code = EventCode.CONSENT_REJECTED
    readers = OWN | PARTNERS
    statement_sha256: str
    code: str
    step: str
