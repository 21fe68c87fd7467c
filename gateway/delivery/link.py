"""Connections to partners' exchange APIs, over mutual TLS 1.3.
A partner must present a certificate that its descriptor lists.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from attache.client.aio.driver import AsyncDriver
from attache.client.connect import Access, Timeouts
from attache.client.exchange import (
    SealedStream,
    WitnessReply,
    add_checkpoint,
    deliver,
    post_statement,
)
from attache.client.retry import Retry
from attache.errors import DeliveryFailed, PartnerUnreachable, Unreachable
from attache.package.ids import ParticipantId
from attache.participant import Descriptor
from gateway.exchange.kernel.consignment import Consignment, OutgoingPackage, OutgoingPart, Statement
from gateway.exchange.kernel.ports import Blobs
from gateway.partners import Partner

TIMEOUTS = Timeouts(connect=10.0, read=120.0, write=60.0, pool=120.0)
# The outbox retries, with its own pauses and deadline. Retries here would multiply them.
ONCE = Retry(retries=0)


Transport = Callable[[Access], httpx.AsyncBaseTransport | None]
"""The HTTP transport to one partner; None for the network itself."""


def real_network(_: Access) -> None:
    """The real network: the transport outside tests."""


@dataclass(frozen=True)
class ClientCertificate:
    """The certificate (PEM chain) with which this gateway connects, and its key."""

    certificate: Path
    key: Path
    passphrase: bytes | str | None = field(default=None, repr=False)


class Carrier(Protocol):
    """Delivers one consignment to its partner."""

    async def carry(self, consignment: Consignment) -> bytes | None:
        """The partner's receipt for a package, not yet verified; None for a statement that the partner accepted.

        Raises AttacheError: PartnerUnreachable where there was no answer, otherwise the partner's problem.
        """
        ...


class PartnerLink:
    """One partner at one address, under one descriptor."""

    def __init__(self, driver: AsyncDriver, blobs: Blobs) -> None:
        self._driver = driver
        self._blobs = blobs

    async def carry(self, consignment: Consignment) -> bytes | None:
        """See `Carrier`."""
        try:
            match consignment.outgoing:
                case Statement(path, signed):
                    await self._driver.exchange(post_statement(path, signed))
                    return None
                case OutgoingPackage(frame, parts):
                    streams = [self._stream(part) for part in parts]
                    return await self._driver.run(deliver(consignment.outbox.package_id, frame, streams))
        except Unreachable as error:
            raise PartnerUnreachable("partner-unreachable", error.detail) from None

    async def add_checkpoint(self, request: bytes) -> WitnessReply:
        """Submit a checkpoint of our log to the partner. Raises PartnerUnreachable where there was no answer."""
        try:
            return await self._driver.exchange(add_checkpoint(request))
        except Unreachable as error:
            raise PartnerUnreachable("partner-unreachable", error.detail) from None

    async def close(self) -> None:
        await self._driver.close()

    def _stream(self, part: OutgoingPart) -> SealedStream:
        def read(start: int, end: int) -> Iterator[bytes]:
            return self._blobs.chunks(part.blob_id, start, end)

        return SealedStream(part.ciphertext_bytes, part.block_hashes, read)


class PartnerLinks:
    """The links to all partners. A link is kept while the partner's address and
    descriptor stay the same. Implements `Carrier`.
    """

    def __init__(
        self,
        credentials: ClientCertificate,
        blobs: Blobs,
        *,
        timeouts: Timeouts = TIMEOUTS,
        transport: Transport = real_network,
    ) -> None:
        """`transport` is for tests: it replaces the network."""
        self._credentials = credentials
        self._blobs = blobs
        self._timeouts = timeouts
        self._transport = transport
        self._links: dict[str, tuple[Access, PartnerLink]] = {}

    async def carry(self, consignment: Consignment) -> bytes | None:
        """See `Carrier`."""
        link = await self._link(consignment.outbox.partner, consignment.endpoint, consignment.descriptor)
        return await link.carry(consignment)

    async def add_checkpoint(self, witness: Partner, request: bytes) -> WitnessReply:
        """See `PartnerLink`; raises DeliveryFailed for a partner without an endpoint."""
        if witness.endpoint is None:
            raise DeliveryFailed("delivery-failed", f"{witness.participant} has no endpoint")
        link = await self._link(witness.participant, witness.endpoint, witness.descriptor)
        return await link.add_checkpoint(request)

    async def close(self) -> None:
        """Close all connections."""
        for _, link in self._links.values():
            await link.close()
        self._links.clear()

    async def _link(self, partner: ParticipantId, endpoint: str, descriptor: Descriptor) -> PartnerLink:
        access = self._access(endpoint, descriptor)
        known = self._links.get(partner)
        if known and known[0] == access:
            return known[1]
        if known:
            await known[1].close()
        driver = AsyncDriver(access, retry=ONCE, timeouts=self._timeouts, transport=self._transport(access))
        link = PartnerLink(driver, self._blobs)
        self._links[partner] = (access, link)
        return link

    def _access(self, endpoint: str, descriptor: Descriptor) -> Access:
        return Access.to_participant(
            descriptor,
            endpoint,
            certificate=self._credentials.certificate,
            key=self._credentials.key,
            passphrase=self._credentials.passphrase,
        )
