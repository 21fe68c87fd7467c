"""Two gateways in this process that reach each other as over a network, and a line between them that can lie."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from attache import clock
from gateway.background import background
from gateway.exchange.kernel.records import Query
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import ExchangePlace, OpenGateway


@dataclass
class Line:
    """The way from one gateway to the other. `answers` replaces what comes back for a path; an error is raised instead."""

    place: ExchangePlace
    sender: str
    app: object = None
    answers: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    """Replaces the answer after the other side has dealt with the request."""
    seen: list = field(default_factory=list)

    def transport(self, access):
        return httpx.MockTransport(self._carry)

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/exchange/v1")
        self.seen.append((path, await request.aread()))
        if path in self.answers:
            return _made(self.answers[path], request)
        peer = WithPeer(self.app, PeerCertificate(self.place.client_certificate(self.sender)))
        inner = httpx.ASGITransport(peer, raise_app_exceptions=False)
        headers = {k: v for k, v in request.headers.items() if k.lower() != "transfer-encoding"}
        forwarded = httpx.Request(request.method, request.url, headers=headers, content=request.content)
        answer = await inner.handle_async_request(forwarded)
        body = await answer.aread()
        if path in self.after:
            return _made(self.after[path], request)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))

    def submissions(self) -> list[bytes]:
        return [body for path, body in self.seen if path == "/add-checkpoint"]


def _made(answer, request):
    if isinstance(answer, type) and issubclass(answer, Exception):
        raise answer("told to", request=request)
    status, kind, body = answer(request) if callable(answer) else answer
    return httpx.Response(status, headers={"Content-Type": kind}, stream=httpx.ByteStream(body))


@dataclass
class Pair:
    ours: OpenGateway
    theirs: OpenGateway
    line: Line

    @property
    def partner(self):
        return self.ours.agency.directory.partner("partner-frankfurt")

    async def submit(self) -> None:
        await self.ours.gateway.submitter.submit_to(self.partner)

    async def deliver(self, package_id: str, states=("delivered",)) -> str:
        """Run our delivery until the package is there, or cannot be; returns its state."""
        from gateway.exchange.kernel.records import ReleaseRecord

        store = self.ours.agency.store
        async with asyncio.timeout(20), background(self.ours.gateway.worker.run()):
            while True:
                changed = store.changed()
                life = await store.read(lambda r: r.get(ReleaseRecord.key(package_id, "partner-frankfurt")))
                if life.state.value in states:
                    return life.state.value
                await changed.wait()

    async def records(self, kind, gateway=None):
        return await (gateway or self.ours).agency.store.read(lambda reader: reader.find(Query(kind)))


@asynccontextmanager
async def open_pair(place: ExchangePlace, *, now=clock.now, theirs_now=None, **more):
    line = Line(place, "irs-ci")
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(place.open("partner-frankfurt", now=theirs_now or now))
        line.app = theirs.gateway.exchange_api
        ours = await stack.enter_async_context(place.open("irs-ci", now=now, transport=line.transport, **more))
        yield Pair(ours, theirs, line)


@dataclass
class Hands:
    """A clock that is moved by hand."""

    at: object = field(default_factory=clock.now)

    def __call__(self):
        return self.at
