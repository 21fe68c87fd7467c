"""The client certificate of a connection, and how applications read it."""

import base64
import hashlib
import ssl
from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from attache.errors import CertificateRejected

TLS_1_3 = 0x0304


@dataclass(frozen=True)
class PeerCertificate:
    """A client certificate whose key the client has proven to hold, issued by a CA that the listener trusts.

    `thumbprint` is `x5t#S256` (RFC 8705, 3.1): base64url of SHA-256 without padding. Not known here: its participant.
    """

    der: bytes

    @property
    def thumbprint(self) -> str:
        """The `x5t#S256` of the certificate."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).decode().rstrip("=")


class WithPeer:
    """An application for one connection: it adds the ASGI TLS extension,
    with the additional member `peer`, to each request's scope.

    The extension is made once for each connection, so a client cannot set it with a request.
    """

    def __init__(self, app: ASGIApp, peer: PeerCertificate | None) -> None:
        chain = [ssl.DER_cert_to_PEM_cert(peer.der)] if peer else []
        self._app = app
        self._extension = {
            "server_cert": None,
            "client_cert_chain": chain,
            "client_cert_name": None,
            "client_cert_error": None,
            "tls_version": TLS_1_3,
            "cipher_suite": None,
            "peer": peer,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), "tls": self._extension}
        await self._app({**scope, "extensions": extensions}, receive, send)


def peer_of(scope: Scope) -> PeerCertificate | None:
    """The client's certificate; None for a client without one."""
    peer = scope.get("extensions", {}).get("tls", {}).get("peer")
    return peer if isinstance(peer, PeerCertificate) else None


def require_peer(request: Request) -> PeerCertificate:
    """FastAPI dependency: the client's certificate; raises CertificateRejected("certificate-required") without one."""
    peer = peer_of(request.scope)
    if peer is None:
        raise CertificateRejected("certificate-required")
    return peer
