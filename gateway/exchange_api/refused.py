"""Certificates that are refused at the exchange, noted for the exchange log."""

import hashlib

from starlette.types import Scope

from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.refusals import ANYBODY, Refusals, client_network
from gateway.exchange_log import EventCode
from gateway.tls.peer import PeerCertificate

UNKNOWN = "unknown"


class CertificateRefusals:
    """Notes refused certificates, by the participant whose descriptor lists them; of others nothing is believed."""

    def __init__(self, agency: Agency, refusals: Refusals) -> None:
        self._agency = agency
        self._refusals = refusals

    def request(self, scope: Scope, peer: PeerCertificate | None, error: AttacheError) -> None:
        """A request whose connection was accepted."""
        host = (scope.get("client") or ("",))[0]
        self._note(error.code, host, peer)

    def handshake(self, code: str) -> None:
        """A connection that TLS refused. Neither its certificate nor its address is known here."""
        self._note(code, None, None)

    def _note(self, code: str, host: str | None, peer: PeerCertificate | None) -> None:
        whose = self._agency.directory.owner(peer.thumbprint) if peer else None
        digest = hashlib.sha256(peer.der).hexdigest() if peer and whose else None
        self._refusals.note(
            EventCode.CERTIFICATE_REFUSED,
            ANYBODY,
            partner=whose or ParticipantId(UNKNOWN),
            participant=whose or UNKNOWN,
            certificate_sha256=digest,
            code=code,
            client_network=None if host is None else client_network(host),
        )
