"""Gateways of the example exchange in this process: the real application, reached through ASGI instead of a network."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from attache import clock
from attache.clock import Clock
from attache.package import VerifiedPackage, open_manifest, parse_frame
from attache.package.ids import PackageId, ParticipantId
from certs_example.exchange import ExampleParticipant
from certs_example.gateways import ISSUER, ExampleIssuer, make_gateway
from certs_example.tokens import mint_token
from gateway.__main__ import _init
from gateway.app import Gateway, open_gateway
from gateway.delivery.link import Transport, real_network
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import RECORDS, Query, Record, SignInRecord
from gateway.settings import Settings, load_settings
from gateway.tls.peer import PeerCertificate, WithPeer

REPOSITORY = Path(__file__).parents[1]
POLICIES = {"irs-ci": REPOSITORY / "policies", "partner-frankfurt": REPOSITORY / "policies" / "examples" / "frankfurt"}

ROLES = {
    "analyst": (["submitter", "analyst"], []),
    "colleague": (["submitter", "analyst"], []),
    "attache-bogota": (["approver"], ["bogota"]),
    "attache-sydney": (["approver"], ["sydney"]),
    "auditor": (["auditor"], []),
    "partner-admin": (["partner-admin"], []),
    "security-officer": (["security-officer"], []),
    "operator": (["operator"], []),
}


def b64u(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def a_part(name: str = "note.txt", content: bytes | None = b"a note", **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "media_type": "text/plain",
        "content_class": ["law-enforcement-sensitive"],
        "markings": ["TLP:GREEN"],
    }
    given = {} if content is None else {"content": b64u(content)}
    return {"name": name, **facts, **given, **more}


def a_submission(*parts: Mapping[str, Any], to: Sequence[str] = ("partner-frankfurt",), **more: Any) -> dict[str, Any]:
    bases = {
        "partner-frankfurt": "FRANKFURT-LEA",
        "partner-bogota": "BOGOTA-LEA",
        "europol": "EUROPOL-AGREEMENT",
        "irs-ci": "IRS-CI-LEA",
    }
    return {
        "kind": "intelligence",
        "title": "Mixer proceeds",
        "purpose": "criminal-investigation",
        "crime_types": ["money-laundering"],
        "recipients": [{"to": name, "legal_basis": bases[name.partition("/")[0]]} for name in to],
        "parts": list(parts) or [a_part()],
        "submit": True,
        **more,
    }


Example = tuple[Path, dict[str, ExampleParticipant], ExampleIssuer]
"""The example exchange: its folder, who is in it, and the issuer of tokens."""


@dataclass
class OpenGateway:
    """A running gateway and its callers."""

    place: "ExchangePlace"
    gateway: Gateway
    settings: Settings
    clients: AsyncExitStack = field(repr=False)
    keys: int = 0
    run: Callable[[Coroutine[Any, Any, Any]], Any] = asyncio.run
    """Runs a coroutine on the event loop of a gateway that several tests share."""

    @property
    def agency(self) -> Agency:
        return self.gateway.agency

    async def caller(self, name: str, **claims: Any) -> httpx.AsyncClient:
        """The agency API, as one of ROLES."""
        token = self.token(name, **claims)
        return await self.client(self.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})

    def token(self, name: str, **minted: Any) -> str:
        """An access token of one of ROLES; `minted` replaces what `mint_token` is given."""
        roles, posts = ROLES[name]
        given = {"audience": self.settings.token_audience, "subject": name, "roles": roles, "posts": posts}
        return mint_token(self.place.issuer.key, issuer=ISSUER, **{"now": self.agency.clock(), **given, **minted})

    async def peer(self, participant: str) -> httpx.AsyncClient:
        """The exchange API, as a participant with its TLS client certificate."""
        der = self.place.client_certificate(participant)
        return await self.client(WithPeer(self.gateway.exchange_api, PeerCertificate(der)), "/exchange/v1", {})

    async def client(self, app: Any, base: str, headers: dict[str, str]) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=f"https://gateway{base}", headers=headers)
        return await self.clients.enter_async_context(client)

    async def submit(
        self, client: httpx.AsyncClient, submission: Mapping[str, Any] | None = None, key: str | None = None
    ) -> httpx.Response:
        self.keys += 1
        headers = {"Idempotency-Key": key or f"key-{self.keys}"}
        return await client.post("/packages", json=submission or a_submission(), headers=headers)

    async def sealed(self, package_id: str, recipient: str) -> tuple[bytes, list[bytes]]:
        """A sealed package as its bytes: the frame, and the parts' ciphertexts."""
        from gateway.exchange.outgoing.mailbox import package_bytes, sealed_package

        package = await sealed_package(self.agency, ParticipantId(recipient), PackageId(package_id))
        whole = b"".join(await asyncio.to_thread(lambda: list(package_bytes(self.agency, package))))
        parts, offset = [], len(package.frame)
        for part in package.parts:
            parts.append(whole[offset : offset + part.ciphertext_bytes])
            offset += part.ciphertext_bytes
        return package.frame, parts

    async def released(self, client: httpx.AsyncClient, *parts: Mapping[str, Any], **more: Any) -> str:
        """The id of a package that was submitted and decided."""
        answer = await self.submit(client, a_submission(*parts, **more))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["package_id"])

    async def footprint(self) -> dict[str, int]:
        """How much there is: rows of every table, log entries, blobs. What was refused must not change it."""
        kinds = [kind for kind in RECORDS if kind is not SignInRecord]
        rows = {kind.__name__: await self.agency.store.read(partial(rows_of, kind)) for kind in kinds}
        blobs = sum(1 for path in self.settings.blobs_dir.rglob("*") if path.is_file())
        return {**rows, "entries": len(await self.entries()), "blobs": blobs}

    async def opened(self, package_id: str, recipient: str) -> tuple[VerifiedPackage, dict[str, bytes]]:
        """A sealed package as its recipient opens it with its own keys: all of it, verified."""
        frame, ciphertexts = await self.sealed(package_id, recipient)
        them = self.place.made[recipient]
        package = open_manifest(
            parse_frame(frame),
            keys=them.keys,
            me=them.descriptor,
            originator=self.place.made[self.settings.participant].descriptor,
            now=self.agency.clock(),
            seen=lambda *_: None,
        )
        parts = {
            part.name: b"".join(package.open_part(number, [ciphertext]))
            for number, (part, ciphertext) in enumerate(zip(package.manifest.parts, ciphertexts, strict=True))
        }
        return package, parts

    async def entries(self) -> list[str]:
        """The codes of all log entries, but for the sign-ins that come with the first request of each token."""
        from gateway.exchange_log.leaf import parse_leaf

        found = await self.agency.store.read_log(lambda log: log.entries_after(-1, 100_000))
        codes = [parse_leaf(entry.leaf).code.value for entry in found]
        return [code for code in codes if code != "session.signed-in"]


def rows_of(kind: type[Record], reader: Reader) -> int:
    """How many rows the class's table has."""
    return len(reader.find(Query(kind)))


@dataclass
class ExchangePlace:
    """A copy of the example exchange on disk."""

    root: Path
    made: dict[str, ExampleParticipant]
    issuer: ExampleIssuer

    @property
    def participants(self) -> dict[str, ExampleParticipant]:
        return {name: replace(made, folder=self.root / name) for name, made in self.made.items()}

    def client_certificate(self, participant: str) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.made[participant].tls_certificates["tls-client"].public_bytes(Encoding.DER)

    def settings(self, participant: str, **more: Any) -> Settings:
        gateway = make_gateway(
            self.root,
            self.participants,
            participant,
            issuer=self.issuer,
            policies=more.pop("policies", None) or POLICIES[participant],
            more={"request_burst": 10_000, "agency_requests_per_minute": 100_000, **more},
        )
        return load_settings(gateway.config)

    @asynccontextmanager
    async def open(
        self,
        participant: str = "irs-ci",
        *,
        now: Clock = clock.now,
        transport: Transport = real_network,
        **more: Any,
    ) -> AsyncIterator[OpenGateway]:
        """The gateway of a participant, initialised the first time."""
        settings = self.settings(participant, **more)
        if not settings.state_dir.exists():
            await _init(settings)
        async with open_gateway(settings, clock=now, transport=transport) as gateway, AsyncExitStack() as clients:
            yield OpenGateway(self, gateway, settings, clients)


@contextmanager
def kept_open(place: ExchangePlace, participant: str = "irs-ci", **more: Any) -> Iterator[OpenGateway]:
    """A gateway that stays open for several tests, on an event loop of its own."""
    with asyncio.Runner() as runner:
        opening = place.open(participant, **more)
        gateway = runner.run(opening.__aenter__())
        gateway.run = runner.run
        try:
            yield gateway
        finally:
            runner.run(opening.__aexit__(None, None, None))


def problem(response: httpx.Response) -> str:
    """The code of a problem; fails unless the response is one, whole and well-formed."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = json.loads(response.content)
    assert {"type", "title", "status", "code", "detail", "request_id"} <= set(body)
    assert body["status"] == response.status_code
    return str(body["code"])
