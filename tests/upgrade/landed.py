"""The state of a landed version, unpacked, and opened by the code of today as of the moment at which it was left.

Approvals, purge orders and tokens end, and so do certificates; the vectors are to open in years. So the gateways run in this
process, with a clock that goes on from the moment at which the landed version stopped.
"""

import asyncio
import json
import ssl
import tarfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attache import Client, Mailbox, clock, load_home
from attache.client.home import Home
from attache.client.retry import Retry
from certs_example.gateways import ExampleIssuer
from certs_example.tokens import IssuerKey
from gateway.app import Gateway, logged_run, open_gateway
from gateway.settings import Settings, load_settings
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.sdk.asgi import Bridge

ARCHIVES = sorted((Path(__file__).parents[1] / "vectors" / "landed").glob("*.tar.xz"))
IRS, FRANKFURT, BOGOTA = "irs-ci", "partner-frankfurt", "partner-bogota"
AFTERWARDS = timedelta(seconds=30)
ONCE = Retry(retries=0)


@dataclass(frozen=True)
class Landed:
    """An unpacked vector."""

    archive: Path
    root: Path
    started: datetime = field(default_factory=clock.now)

    @classmethod
    def unpack(cls, archive: Path, root: Path) -> "Landed":
        with tarfile.open(archive) as packed:
            packed.extractall(root, filter="tar")
        for config in root.glob("exchange/*/gateway.toml"):
            config.write_text(config.read_text().replace("@ROOT@", str(root / "exchange")))
        return cls(archive, root)

    @property
    def files(self) -> Path:
        return self.root / "files"

    @cached_property
    def made(self) -> dict[str, Any]:
        made: dict[str, Any] = self.read("made.json")
        return made

    @property
    def ids(self) -> dict[str, str]:
        ids: dict[str, str] = self.made["ids"]
        return ids

    def read(self, name: str) -> Any:
        return json.loads((self.root / name).read_bytes())

    def clock(self) -> datetime:
        """Half a minute after the landed version stopped, and going on."""
        return datetime.fromisoformat(self.made["ended_at"]) + AFTERWARDS + (clock.now() - self.started)

    def settings(self, gateway: str) -> Settings:
        return load_settings(self.root / "exchange" / gateway / "gateway.toml")

    def home(self, participant: str) -> Home:
        return load_home(self.root / "exchange" / participant, descriptors=self.root / "exchange" / "descriptors")

    def token(self, gateway: str, who: str) -> str:
        private = Ed25519PrivateKey.from_private_bytes((self.root / "exchange/issuer/private.key").read_bytes())
        roles, posts = self.made["callers"][who]
        issuer = ExampleIssuer(IssuerKey("example-1", "EdDSA", private))
        return issuer.token(self.settings(gateway).token_audience, who, roles, self.clock(), posts)

    def certificate(self, participant: str) -> PeerCertificate:
        pem = (self.root / "exchange" / participant / "certificates" / "tls-client.pem").read_text()
        return PeerCertificate(ssl.PEM_cert_to_DER_cert(pem))


class Between(httpx.AsyncBaseTransport):
    """The way from one gateway to the other, without a network."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"transfer-encoding"]
        asked = httpx.Request(request.method, request.url, headers=headers, content=content)
        answer = await self._inner.handle_async_request(asked)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(await answer.aread()))


@dataclass
class Upgraded:
    """Both gateways, running on what the landed version left; `loop` runs them."""

    landed: Landed
    loop: asyncio.AbstractEventLoop
    gateways: dict[str, Gateway] = field(default_factory=dict)
    first_answers: list[dict[str, Any]] = field(default_factory=list)
    first_commands: list[Any] = field(default_factory=list)
    announced: dict[str, Any] = field(default_factory=dict)

    def line(self, gateway: str) -> Bridge:
        """To the agency API, for a client in another thread than the loop's."""
        return Bridge(self.gateways[gateway].agency_api, self.loop)

    def client(self, gateway: str, who: str = "analyst") -> Client:
        token, line = self.landed.token(gateway, who), self.line(gateway)
        return Client(f"https://{gateway}", token=token, transport=line, retry=ONCE, now=self.landed.clock)

    def rest(self, gateway: str, who: str = "analyst") -> httpx.Client:
        """The agency API without the SDK."""
        headers = {"Authorization": f"Bearer {self.landed.token(gateway, who)}"}
        return httpx.Client(base_url=f"https://{gateway}/api/v1", headers=headers, transport=self.line(gateway))

    def peer(self, sender: str, receiver: str) -> httpx.Client:
        """The exchange API, as another participant."""
        line = Bridge(self.listener(sender, receiver), self.loop)
        return httpx.Client(base_url=f"https://{receiver}/exchange/v1", transport=line)

    def mailbox(self, participant: str, gateway: str, folder: Path) -> Mailbox:
        line = Bridge(self.listener(participant, gateway), self.loop)
        home = self.landed.home(participant)
        return Mailbox(home, gateway, folder, transport=line, retry=ONCE, now=self.landed.clock)

    def listener(self, sender: str, receiver: str) -> WithPeer:
        return WithPeer(self.gateways[receiver].exchange_api, self.landed.certificate(sender))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Both open: migrated and joined, but nothing runs yet."""
        endpoints = {
            name: descriptor.stated.endpoints.exchange
            for name, descriptor in self.landed.home(BOGOTA).descriptors.items()
        }

        def network(sender: str) -> Any:
            def reached(access: Any) -> httpx.AsyncBaseTransport:
                [receiver] = [name for name, url in endpoints.items() if url and access.url.startswith(url)]
                return Between(lambda *scope: self.listener(sender, receiver)(*scope))

            return reached

        async with AsyncExitStack() as stack:
            for name in (FRANKFURT, IRS):
                opening = open_gateway(self.landed.settings(name), clock=self.landed.clock, transport=network(name))
                self.gateways[name] = await stack.enter_async_context(opening)
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What runs beside the listeners: delivery, witnessing, checks, upkeep."""
        async with AsyncExitStack() as stack:
            for name, gateway in self.gateways.items():
                await stack.enter_async_context(logged_run(gateway, self.landed.settings(name)))
                await stack.enter_async_context(gateway.in_background())
            yield


@contextmanager
def loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def entered(loop: asyncio.AbstractEventLoop, context: Any) -> Iterator[None]:
    """An asynchronous context on a loop in another thread; it is entered and left by one task."""
    ready: Future[None] = Future()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with context:
                ready.set_result(None)
                await leave.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    holding = asyncio.run_coroutine_threadsafe(hold(), loop)
    ready.result(60)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(leave.set)
        holding.result(60)


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `condition` says as soon as it is true; fails when that takes longer than `seconds`."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        pause.wait(0.05)
    return found
