"""Attacking a gateway over its exchange API: what is sent, and what must not have come of it."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from attache import clock
from attache.crypto import Suite, b64u
from attache.package import Envelope, Manifest, ManifestFacts, SealedPart, address, encode_frame, seal_manifest, uuid7
from attache.strict_json import canonical, parse_object
from gateway.exchange.kernel.records import (
    ArrivalPartRecord,
    ArrivalRecord,
    OutboxRecord,
    PackageRecord,
    ParticipantRecord,
    Query,
    ReceiptRecord,
    ReleaseRecord,
)
from gateway.tls.peer import WithPeer
from tests.exchange_place import OpenGateway, problem
from tests.protocol.making import forge, make_facts, part_of, seal_part

WHOLE = "application/vnd.attache.package"
ENVELOPE = "application/vnd.attache.envelope"
JOSE = "application/jose+json"
OCTETS = "application/octet-stream"
REFUSED = ("package.refused-by-us",)

_RECORDS = (
    PackageRecord,
    ReleaseRecord,
    ArrivalRecord,
    ArrivalPartRecord,
    ReceiptRecord,
    OutboxRecord,
    ParticipantRecord,
)


@dataclass(frozen=True)
class Written:
    """All that a request could have left behind."""

    records: tuple[Any, ...]
    blobs: Mapping[str, str]
    entries: tuple[str, ...]


async def written_at(gateway: OpenGateway) -> Written:
    def query(reader):
        return tuple(record for kind in _RECORDS for record in reader.find(Query(kind)))

    records = await gateway.agency.store.read(query)
    files = (path for path in gateway.settings.blobs_dir.rglob("*") if path.is_file())
    blobs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return Written(records, blobs, tuple(await gateway.entries()))


@dataclass
class Target:
    """A gateway under attack, and the loop that it runs on."""

    gateway: OpenGateway
    loop: asyncio.Runner
    clients: dict[str | None, httpx.AsyncClient] = field(default_factory=dict)

    def run(self, coroutine):
        return self.loop.run(coroutine)

    def written(self) -> Written:
        return self.run(written_at(self.gateway))

    def send(self, peer: str | None, method: str, path: str, content: Any = b"", media_type: str = OCTETS, **headers):
        return self.run(self._send(peer, method, path, content, media_type, headers))

    def offer(self, content: Any, *, by: str | None = "irs-ci", media_type: str = WHOLE, **headers) -> httpx.Response:
        return self.send(by, "POST", "/packages", content, media_type, **headers)

    def refuses(self, code: str, answer: Callable[[], httpx.Response], *, step: str | None = None, logs=()) -> dict:
        """`answer` is that problem, at that step; nothing was written but these entries. Returns the problem."""
        before = self.written()
        response = answer()
        assert (problem(response), response.json().get("step")) == (code, step), response.text
        after = self.written()
        assert replace(after, entries=()) == replace(before, entries=())
        assert after.entries[len(before.entries) :] == tuple(logs)
        assert ("receipt" in response.json()) == (tuple(logs) == REFUSED)
        return response.json()

    async def _send(self, peer, method, path, content, media_type, headers):
        if peer not in self.clients:
            self.clients[peer] = await self._client(peer)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.clients[peer].request(
            method, path, content=content, headers={"Content-Type": media_type, **named}
        )

    async def _client(self, peer: str | None) -> httpx.AsyncClient:
        if peer is not None:
            return await self.gateway.peer(peer)
        return await self.gateway.client(WithPeer(self.gateway.gateway.exchange_api, None), "/exchange/v1", {})


@dataclass(frozen=True)
class Package:
    """A sealed package, and all that its maker knows of it."""

    manifest: Manifest
    envelope: Envelope
    ciphertexts: tuple[bytes, ...]
    sealed: tuple[SealedPart, ...]

    @property
    def package_id(self) -> str:
        return self.manifest.package_id

    @property
    def frame(self) -> bytes:
        return encode_frame(self.envelope)

    @property
    def whole(self) -> bytes:
        return self.frame + b"".join(self.ciphertexts)

    def on(self, envelope: Envelope) -> "Package":
        """The same parts under another envelope."""
        return replace(self, envelope=envelope)

    def reworked(self, change: Callable[[dict[str, Any]], Any], *, bind: bool = True) -> bytes:
        """The whole package after `change` to its envelope's JSON; with `bind` the JWE's clear data follow suit."""
        document = parse_object(self.envelope.raw)
        change(document)
        if bind:
            document["manifest"]["aad"] = b64u(canonical({k: v for k, v in document.items() if k != "manifest"}))
        raw = canonical(document)
        return b"attache-package/1\n" + len(raw).to_bytes(4, "big") + raw + b"".join(self.ciphertexts)


@dataclass(frozen=True)
class Sender:
    """An originator with its real keys, who makes good packages and forges bad ones."""

    made: Mapping[str, Any]
    participant: str = "irs-ci"
    recipient: str = "partner-frankfurt"

    def facts(self, sealed: list[SealedPart], now: datetime, **changes) -> ManifestFacts:
        parts = [part_of(part, f"part-{number}.txt") for number, part in enumerate(sealed)]
        given = {
            "package_id": uuid7(now),
            "originator": self.participant,
            "created_at": now - timedelta(minutes=1),
            "expires_at": now + timedelta(days=30),
            **changes,
        }
        return make_facts(given.pop("parts", parts), **given)

    def package(self, *contents: bytes, suite: Suite = Suite.HYBRID_1, sealed_at=None, **changes) -> Package:
        now = sealed_at or clock.now()
        parts = [seal_part(content) for content in contents or (b"some content",)]
        facts = self.facts([sealed for _, sealed in parts], now, **changes)
        party = self.made[self.recipient].descriptor
        manifest = address(facts, party, now, suites=(suite,))
        envelope = seal_manifest(manifest, self.made[self.participant].keys, party)
        return Package(manifest, envelope, tuple(c for c, _ in parts), tuple(s for _, s in parts))

    def forged(self, package: Package, manifest: Manifest | None = None, **how) -> Package:
        """The package under an envelope of `attache`'s own making, but for what `how` changes (tests.protocol.making.forge)."""
        return package.on(forge(self.made, manifest or package.manifest, **{"by": self.participant, **how}))
