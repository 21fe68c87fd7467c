"""Sign-ins, and refused tokens, requests and certificates."""

from dataclasses import dataclass

from gateway.exchange_log.events.base import PARTNERS, SECURITY, AboutPartner, Counted, Event
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    """A caller used an access token that this gateway had not seen before: a sign-in at the agency's issuer."""

    event_code = EventCode.SIGN_IN
    readers = SECURITY
    method: str
    session_sha256: str
    expires_at: str
    """In ISO 8601 with an offset, unlike other instants of the log."""


@dataclass(frozen=True, kw_only=True)
class SignInRefused(Counted):
    """Access tokens were refused; `count` of them since the last such entry."""

    event_code = EventCode.SIGN_IN_REFUSED
    readers = SECURITY
    method: str | None = None
    client_network: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessRefused(Counted):
    """Requests for objects or actions of another role, post or officer were refused;
    `count` of them since the last such entry.
    """

    event_code = EventCode.ACCESS_REFUSED
    readers = SECURITY
    operation: str | None = None


@dataclass(frozen=True, kw_only=True)
class CertificateRefused(Counted, AboutPartner):
    """Connections or requests were refused because of their certificate; `count` of them since the last such entry."""

    event_code = EventCode.CERTIFICATE_REFUSED
    readers = PARTNERS
    certificate_sha256: str | None = None
    client_network: str | None = None
