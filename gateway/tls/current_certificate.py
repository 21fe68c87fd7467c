"""Each request, not only each connection, needs a certificate that is valid and not revoked now."""

from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from attache.errors import AttacheError, CertificateRejected
from gateway.problems import problem_response
from gateway.tls.peer import PeerCertificate, peer_of

VerifyCurrent = Callable[[PeerCertificate], None]
"""Raises CertificateRejected for a certificate that is expired or revoked by now."""


class RefusedRequests(Protocol):
    """Whoever is told of the requests that are refused because of their certificate."""

    def request(self, scope: Scope, peer: PeerCertificate | None, error: AttacheError) -> None:
        """One such request."""


class RequireCurrentCertificate:
    """ASGI middleware: refuses requests without a current client certificate, and ends their connection.

    An open connection outlives the revocation of its certificate; its next request does not get past here.
    Add it before `install_problems`, which gives the request its id.
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
