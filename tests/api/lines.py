"""Two gateways in one process, joined by lines that a test can cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx

from attache import clock
from gateway.background import background
from gateway.delivery.link import ClientCertificate, PartnerLinks
from gateway.delivery.worker import DeliveryWorker
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import OutboxRecord, Query
from gateway.exchange.kernel.state import OutboxState
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import OpenGateway

PORTS = {"irs-ci": 19443, "partner-frankfurt": 19444}


class TurnedClock:
    """A gateway's clock. Its delivery worker turns it forward instead of resting."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead


class Lines(httpx.AsyncBaseTransport):
    """What one participant's delivery connects through: its requests reach the gateways that are plugged in.

    `cut` requests are lost before they arrive, `deaf` answers on their way back.
    """

    def __init__(self, sender: OpenGateway, *reachable: OpenGateway):
        self.certificate = PeerCertificate(sender.place.client_certificate(sender.settings.participant))
        self.plugged = {PORTS[gateway.settings.participant]: gateway for gateway in reachable}
        self.requests: list[tuple[str, str]] = []
        self.cut = self.deaf = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        gateway = self.plugged.get(request.url.port or 0)
        self.requests.append((request.method, request.url.path.removeprefix("/exchange/v1")))
        if gateway is None or self.cut:
            self.cut = max(0, self.cut - 1)
            raise httpx.ConnectError("nobody answers")
        app = WithPeer(gateway.gateway.exchange_api, self.certificate)
        answer = await httpx.ASGITransport(app, raise_app_exceptions=False).handle_async_request(request)
        if self.deaf:
            self.deaf -= 1
            raise httpx.ReadError("the line broke")
        return answer


@asynccontextmanager
async def delivering(gateway: OpenGateway, lines: Lines) -> AsyncIterator[DeliveryWorker]:
    """The gateway's delivery worker, running."""
    outbox, exchange_clock, settings = Outbox(gateway.agency), gateway.agency.clock, gateway.settings

    async def pause(seconds: float) -> None:
        rows = await gateway.agency.store.read(
            lambda reader: reader.find(Query(OutboxRecord, equal={"state": OutboxState.PENDING}))
        )
        if not rows or any(row.lease_until > exchange_clock() for row in rows):
            await asyncio.Event().wait()  # something is under way: the worker will hear of it
        assert isinstance(exchange_clock, TurnedClock)
        exchange_clock.ahead += timedelta(seconds=seconds)

    certificate = ClientCertificate(settings.client_certificate_file, settings.client_key_file)
    links = PartnerLinks(certificate, gateway.agency.blobs, transport=lambda _: lines)
    worker = DeliveryWorker(outbox, links, now=exchange_clock, chance=lambda: 0.5, pause=pause)
    try:
        async with background(worker.run()):
            yield worker
    finally:
        await links.close()


async def desk_of(gateway: OpenGateway, name: str = "analyst") -> httpx.AsyncClient:
    """A caller whose token lasts, however far the clock is turned."""
    return await gateway.caller(name, lifetime=timedelta(days=365))


async def until(is_so: Callable[[], bool], gateway: OpenGateway) -> None:
    """Return once `is_so`, which is looked at again after each commit of the gateway."""
    while True:
        changed = gateway.agency.store.changed()
        if is_so():
            return
        await changed.wait()


async def emptied(gateway: OpenGateway) -> None:
    """Return once nothing waits in the gateway's outbox."""
    store = gateway.agency.store
    while True:
        changed = store.changed()
        if await store.read(lambda reader: reader.outbox_due()) is None:
            return
        await changed.wait()


async def came_to(
    client: httpx.AsyncClient, package_id: str, milestone: str = "delivered", timeout_seconds: int = 20
) -> dict[str, Any]:
    """Each recipient's life of the package once all have come so far."""
    waiting: dict[str, str | int] = {"wait_for": milestone, "timeout_seconds": timeout_seconds}
    view = (await client.get(f"/packages/{package_id}", params=waiting)).json()
    return {life["recipient"]: life for life in view["recipients"]}
