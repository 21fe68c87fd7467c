"""Refused certificates at the exchange API, counted for the exchange log."""

import hashlib

from starlette.types import Scope

from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.refusals import Refusals, client_network
from gateway.exchange_log.events.sessions import CertificateRefused
from gateway.tls.peer import PeerCertificate

UNKNOWN = "unknown"


class CertificateRefusals:
    """Counts refused certificates by the participant whose descriptor lists them.

    The names in any other certificate are unproven, and are not logged.
    """

    def __init__(self, agency: Agency, refusals: Refusals) -> None:
        self._agency = agency
        self._refusals = refusals

    def request(self, scope: Scope, peer: PeerCertificate | None, error: AttacheError) -> None:
        """Count a request whose TLS connection was accepted but whose certificate is refused."""
        host = (scope.get("client") or ("",))[0]
        self._note(error.code, host, peer)

    def handshake(self, code: str) -> None:
        """Count a connection that TLS refused. Its certificate and its address are not known here."""
        self._note(code, None, None)

    def _note(self, code: str, host: str | None, peer: PeerCertificate | None) -> None:
        owner = self._agency.directory.owner(peer.thumbprint) if peer else None
        digest = hashlib.sha256(peer.der).hexdigest() if peer and owner else None
        self._refusals.note(
            CertificateRefused(
                participant=owner or ParticipantId(UNKNOWN),
                certificate_sha256=digest,
                code=code,
                client_network=None if host is None else client_network(host),
            )
        )
