"""Gateways of the example exchange in this process: the real application, called without a network."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from attache import clock
from attache.crypto import Suite
from certs_example.exchange import ExampleParticipant, make_exchange
from certs_example.gateways import ExampleIssuer, make_gateway
from certs_example.running import POLICIES, run_command
from gateway.app import Gateway, open_gateway
from gateway.delivery.link import ClientCertificate
from gateway.settings import Settings, load_settings
from gateway.tls.peer import PeerCertificate, WithPeer


@dataclass(frozen=True)
class OpenGateway:
    """A running gateway."""

    gateway: Gateway
    settings: Settings
    issuer: ExampleIssuer

    def authorization(self, name: str, *roles: str) -> str:
        """The header's value by which the agency API knows a caller."""
        return "Bearer " + self.issuer.token(self.settings.token_audience, name, roles, clock.now())

    def certificate(self) -> ClientCertificate:
        """What it connects to partners with."""
        files = (self.settings.client_certificate_file, self.settings.client_key_file)
        return ClientCertificate(*files, self.gateway.agency.keys.tls_passphrase)


@dataclass(frozen=True)
class Place:
    """The example exchange on disk."""

    root: Path
    participants: Mapping[str, ExampleParticipant]
    issuer: ExampleIssuer

    @asynccontextmanager
    async def open(self, participant: str = "irs-ci") -> AsyncIterator[OpenGateway]:
        """A participant's gateway, new."""
        place = make_gateway(
            self.root,
            self.participants,
            participant,
            issuer=self.issuer,
            policies=POLICIES[participant],
            more={"request_burst": 10_000, "agency_requests_per_minute": 100_000},
        )
        await asyncio.to_thread(run_command, "init", place)
        settings = load_settings(place.config)
        async with open_gateway(settings) as gateway:
            yield OpenGateway(gateway, settings, self.issuer)

    def wire(self, sender: str, receiver: OpenGateway) -> httpx.ASGITransport:
        """The way from one participant to the exchange API of another."""
        der = self.participants[sender].tls_certificates["tls-client"].public_bytes(Encoding.DER)
        return httpx.ASGITransport(WithPeer(receiver.gateway.exchange_api, PeerCertificate(der)))


def make_place(folder: Path, suites: tuple[Suite, ...] = tuple(Suite)) -> Place:
    """A new one in an empty folder."""
    root = folder / "exchange"
    ports = {"irs-ci": 19443, "partner-frankfurt": 19444}
    participants = make_exchange(root, now=clock.now(), ports=ports, suites=suites)
    return Place(root, participants, ExampleIssuer())
