"""A small package (10 KB of STIX) from request to durable answer, against the bare crypto of the same package.

The crypto floor is what no gateway could leave out: encrypt and hash the part, sign and seal the manifest, sign the
checkpoint. CPU is this process's, all threads. Both suites; then two gateways, from submit to the stored receipt.
"""

import asyncio
import json
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from attache import clock
from attache.crypto import Algorithm, Suite, b64u, generate_private_key
from benchmarks.gateways import OpenGateway, make_place
from benchmarks.seal_open import floors
from gateway.background import background
from gateway.delivery.link import PartnerLinks
from gateway.delivery.worker import DeliveryWorker
from gateway.exchange.delivering.outbox import Outbox

PART_BYTES = 10_000
CALLERS = 16


def run(*, quick: bool = False) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    count = 100 if quick else 400
    for suite in Suite:
        asyncio.run(_measure(suite, count))
    asyncio.run(_round_trip(count // 4))


@dataclass(frozen=True)
class _Analyst:
    """A caller of the agency API, and that application itself."""

    api: FastAPI
    authorization: str
    client: httpx.AsyncClient


def _analyst(gateway: OpenGateway) -> _Analyst:
    api, authorization = gateway.gateway.agency_api, gateway.authorization("analyst", "submitter", "analyst")
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(api),
        base_url="https://gateway/api/v1",
        headers={"Authorization": authorization},
    )
    return _Analyst(api, authorization, client)


def _request() -> bytes:
    part = {
        "name": "wallets.bin",
        "media_type": "application/octet-stream",
        "content_class": ["chain-public"],
        "markings": ["TLP:GREEN"],
        "content": b64u(secrets.token_bytes(PART_BYTES)),
    }
    submission = {
        "kind": "intelligence",
        "title": "Mixer proceeds",
        "purpose": "criminal-investigation",
        "crime_types": ["money-laundering"],
        "recipients": [{"to": "partner-frankfurt", "legal_basis": "FRANKFURT-LEA"}],
        "parts": [part],
        "submit": True,
    }
    return json.dumps(submission).encode()


async def _measure(suite: Suite, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with make_place(Path(folder), (suite,)).open() as gateway:
            analyst = _analyst(gateway)
            requests = [_request() for _ in range(count)]
            await _post(analyst, requests[0])
            for alone in (1, CALLERS):
                wall, cpu = time.perf_counter(), time.process_time()
                await _many(analyst, requests, alone)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                print(
                    f"{suite.value:<12} {alone:>2} at once: {count / wall:7.1f} packages/s, "
                    f"{1000 * wall / count * alone:6.2f} ms each, {1000 * cpu / count:5.2f} ms CPU"
                )
            floor = _floor(suite, count)
            print(
                f"{suite.value:<12} crypto floor {1000 * floor:5.2f} ms CPU; gateway / floor {cpu / count / floor:4.2f}"
            )


async def _many(analyst: _Analyst, requests: list[bytes], at_once: int) -> None:
    waiting = iter(requests)

    async def one() -> None:
        for request in waiting:
            await _post(analyst, request)

    await asyncio.gather(*(one() for _ in range(at_once)))


async def _post(analyst: _Analyst, request: bytes) -> dict[str, Any]:
    """One request straight into the application: no HTTP client whose CPU would be counted as the gateway's."""
    headers = [
        (b"authorization", analyst.authorization.encode()),
        (b"content-type", b"application/json"),
        (b"idempotency-key", secrets.token_hex(8).encode()),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/packages",
        "raw_path": b"/api/v1/packages",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("gateway", 443),
        "scheme": "https",
        "http_version": "1.1",
        "root_path": "",
    }
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await analyst.api(scope, receive, send)
    assert said[0]["status"] == 202, said
    answer: dict[str, Any] = json.loads(b"".join(part["body"] for part in said[1:]))
    return answer


def _floor(suite: Suite, count: int) -> float:
    """CPU seconds of the primitives that such a package cannot do without: hash, encrypt,
    sign, wrap; and the checkpoint.
    """
    sealing, _ = floors(suite, secrets.token_bytes(PART_BYTES))
    log_key = generate_private_key(Algorithm.ED25519)
    started = time.process_time()
    for _ in range(count):
        sealing()
        log_key.sign(b"checkpoint")
    return (time.process_time() - started) / count


async def _round_trip(count: int) -> None:
    """Two gateways in this process: from submitting until the recipient's receipt is stored. Without TLS."""
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        async with place.open("irs-ci") as ours, place.open("partner-frankfurt") as theirs:
            links = PartnerLinks(
                ours.certificate(), ours.gateway.agency.blobs, transport=lambda _: place.wire("irs-ci", theirs)
            )
            worker = DeliveryWorker(Outbox(ours.gateway.agency), links, now=clock.now)
            analyst = _analyst(ours)
            requests = [_request() for _ in range(count)]
            async with background(worker.run()):
                started = time.perf_counter()
                await _until_delivered(analyst, requests)
                seconds = time.perf_counter() - started
            await links.close()
            print(f"submit to stored receipt: {count / seconds:6.1f} packages/s, both gateways on one event loop")


async def _until_delivered(analyst: _Analyst, requests: list[bytes]) -> None:
    waiting = iter(requests)

    async def one() -> None:
        for request in waiting:
            package_id = (await _post(analyst, request))["package_id"]
            answer = await analyst.client.get(
                f"/packages/{package_id}", params={"wait_for": "delivered", "timeout_seconds": 60}
            )
            assert answer.json()["recipients"][0]["state"] == "delivered", answer.text

    await asyncio.gather(*(one() for _ in range(CALLERS)))
