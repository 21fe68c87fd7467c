"""The gateway's two listeners, on one event loop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp

from attache.clock import Clock
from attache.errors import Misconfigured
from gateway.background import background, every
from gateway.settings import Settings
from gateway.tls.connection import ConnectionConfig, ConnectionLimits
from gateway.tls.trust import LiveTrust, TlsFiles

log = structlog.get_logger("gateway.tls")

BACKLOG = 256


@dataclass(frozen=True)
class Listener:
    """An application, its address, and the certificates that it trusts. Port 0 means any free port."""

    name: str
    app: ASGIApp
    host: str
    port: int
    trust: LiveTrust


def agency_trust(settings: Settings, clock: Clock, passphrase: bytes | None = None) -> LiveTrust:
    """The trust of the agency listener; a client certificate is optional there."""
    return LiveTrust(
        TlsFiles(
            settings.agency_certificate_file,
            settings.agency_key_file,
            settings.agency_client_ca_dir,
            passphrase=passphrase,
        ),
        clock,
    )


def exchange_trust(settings: Settings, clock: Clock, passphrase: bytes | None = None) -> LiveTrust:
    """The trust of the exchange listener; its `verify_current` is for RequireCurrentCertificate."""
    return LiveTrust(
        TlsFiles(
            settings.exchange_certificate_file,
            settings.exchange_key_file,
            settings.exchange_ca_dir,
            settings.exchange_crl_dir,
            passphrase,
        ),
        clock,
    )


def connection_limits(settings: Settings) -> ConnectionLimits:
    """The limits on connections of each listener."""
    return ConnectionLimits(
        settings.max_connections,
        settings.header_timeout_seconds,
        settings.keep_alive_seconds,
        settings.shutdown_grace_seconds,
    )


async def serve(
    listeners: Sequence[Listener],
    *,
    limits: ConnectionLimits,
    reload_seconds: float,
    stop: asyncio.Event,
    on_ready: Callable[[Mapping[str, int]], None],
) -> None:
    """Serve until `stop` is set, then let running requests finish within the grace time.

    `on_ready` is called once, with each listener's port by name, when all of them accept connections.
    Raises Misconfigured where an address cannot be bound. Applications get no lifespan events; the caller must open
    what they need before this call, and close it afterwards.
    """
    bound = [_bind(listener) for listener in listeners]
    servers = [_Server(ConnectionConfig(each.app, each.trust.context, limits)) for each in listeners]
    async with asyncio.TaskGroup() as running:
        for server, bound_socket in zip(servers, bound, strict=True):
            running.create_task(server.serve([bound_socket]))
        for server in servers:
            await server.is_ready.wait()
        watches = (_keep_current(*each, reload_seconds) for each in zip(listeners, servers, strict=True))
        async with background(*watches):
            on_ready({each.name: at.getsockname()[1] for each, at in zip(listeners, bound, strict=True)})
            await stop.wait()
            for server in servers:
                server.should_exit = True


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set, for `serve`. Only for use in the main thread, with a running event loop."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """A uvicorn server among several in one process: it ignores signals, and sets `is_ready` when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()

    def close_connections(self) -> None:
        """Close idle connections now and the others after their present answer,
        so that each client must make a new handshake.
        """
        for connection in list(self.server_state.connections):
            connection.shutdown()


async def _keep_current(listener: Listener, server: _Server, every_seconds: float) -> None:
    """Reload the listener's trust when its files change,
    and then close all connections that the old trust has accepted.
    """

    async def turn() -> None:
        if await asyncio.to_thread(listener.trust.reload_if_changed):
            log.info("tls-reloaded", listener=listener.name)
            server.close_connections()

    await every(every_seconds, turn, name=f"tls-reload-{listener.name}")


def _bind(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    try:
        return socket.create_server((listener.host, listener.port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{listener.host}:{listener.port}"
        raise Misconfigured(detail=f"the {listener.name} listener cannot use {where}: {error.strerror}") from None
