"""Checks the client certificate again at each request, not only at the handshake:
it must be valid and not revoked now.
"""

from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from attache.errors import AttacheError, CertificateRejected
from gateway.problems import problem_response
from gateway.tls.peer import PeerCertificate, peer_of

VerifyCurrent = Callable[[PeerCertificate], None]
"""Raises CertificateRejected for a certificate that has expired or been revoked."""


class RefusedRequests(Protocol):
    """Receives each request that is refused because of its certificate."""

    def request(self, scope: Scope, peer: PeerCertificate | None, error: AttacheError) -> None:
        """Record one refused request."""


class RequireCurrentCertificate:
    """ASGI middleware: refuses requests without a valid client certificate, and closes their connection.

    A connection may still be open when its certificate is revoked; its next request is refused here.
    Add this middleware before `install_problems`, which sets the request id.
    """

    def __init__(self, app: ASGIApp, verify_current: VerifyCurrent, refusals: RefusedRequests) -> None:
        self._app = app
        self._verify_current = verify_current
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._verify(scope)
        except AttacheError as error:
            self._refusals.request(scope, peer_of(scope), error)
            answer = problem_response(error, scope["state"]["request_id"])
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _verify(self, scope: Scope) -> None:
        peer = peer_of(scope)
        if peer is None:
            # protocol X2
            raise CertificateRejected("certificate-required")
        self._verify_current(peer)
