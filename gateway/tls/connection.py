"""An HTTP/1.1 connection: that of uvicorn, with the client's certificate, time limits,
and problems as error answers.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from attache.errors import MalformedInput, TooManyRequests
from gateway.problems import EveryAnswer, new_request_id, problem_response
from gateway.tls.peer import PeerCertificate, WithPeer

MAX_HEADER_BYTES = 32 << 10


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits on connections. `header_seconds` starts at the handshake, or at the first byte of a further request."""

    max_connections: int
    header_seconds: int
    keep_alive_seconds: int
    shutdown_grace_seconds: int


class ConnectionConfig(uvicorn.Config):
    """The configuration of uvicorn for this kind of connection."""

    def __init__(self, app: ASGIApp, context: ssl.SSLContext, limits: ConnectionLimits) -> None:
        self.limits = limits
        super().__init__(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_keep_alive=limits.keep_alive_seconds,
            timeout_graceful_shutdown=limits.shutdown_grace_seconds,
            ssl_context_factory=lambda _config, _default: context,
        )


class Connection(H11Protocol):
    """A connection that gives each request the client certificate that the handshake has verified.

    Relies on these parts of uvicorn's class: `app`, `conn`, `connections`, `loop`, `transport`, and the methods below.
    """

    config: ConnectionConfig
    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
        """Called when the handshake is complete."""
        super().connection_made(transport)
        if len(self.connections) > self.config.limits.max_connections:
            self.app = EveryAnswer(refuse_connection)
        else:
            self.app = WithPeer(self.app, _peer_of(transport))
        self._watch_header()

    def data_received(self, data: bytes) -> None:
        """Called with received bytes."""
        super().data_received(data)
        self._watch_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when either side has closed the connection."""
        self._forget_header()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection after its present answer; close an idle one at once.

        An idle connection is aborted: a client that does not read would never
        answer the TLS close, and delay the shutdown.
        """
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.transport.get_write_buffer_size() == 0:
            self.transport.abort()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- the message of the base class is not used
        """Answer bytes that are not HTTP, unless an answer has already started."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            request_id = new_request_id()
            answer = problem_response(MalformedInput("malformed-http"), request_id, {"X-Request-Id": request_id})
            headers = [*answer.raw_headers, (b"cache-control", b"no-store"), (b"connection", b"close")]
            head = h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request")
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch_header(self) -> None:
        """Start or stop the timer for an incomplete header. Between requests, uvicorn's keep-alive timer applies."""
        if self.conn.their_state is not h11.IDLE:
            self._forget_header()
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(self.config.limits.header_seconds, self.transport.abort)

    def _forget_header(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


async def refuse_connection(scope: Scope, receive: Receive, send: Send) -> None:
    """The application for connections beyond the limit: it answers 429 and closes the connection."""
    response = problem_response(TooManyRequests(retry_after_seconds=5), scope["state"]["request_id"])
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


def _peer_of(transport: asyncio.Transport) -> PeerCertificate | None:
    connection: Any = transport.get_extra_info("ssl_object")
    der = connection.getpeercert(binary_form=True) if connection else None
    return PeerCertificate(der) if der else None
