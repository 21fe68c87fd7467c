"""Real TLS on loopback: who gets in, who does not, and who has to leave."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from structlog.testing import capture_logs
from tls_example import NOW, Authority, Browser, client_context, refused

from attache.clock import now
from attache.errors import CertificateRejected, Misconfigured
from gateway.admission.bodies import body_stream
from gateway.problems import install_problems
from gateway.tls import (
    ConnectionLimits,
    Listener,
    LiveTrust,
    PeerCertificate,
    RequireCurrentCertificate,
    TlsFiles,
    peer_of,
    require_peer,
    serve,
    stopped_by_signals,
)

LIMITS = ConnectionLimits(max_connections=8, header_seconds=5, keep_alive_seconds=5, shutdown_grace_seconds=1)


@dataclass
class House:
    """An exchange listener with two admitted CAs, and its possible clients."""

    folder: Path
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server_ca = Authority(self.folder / "server", "Server CA")
        self.frankfurt_ca = Authority(self.folder / "frankfurt", "Frankfurt CA")
        self.sydney_ca = Authority(self.folder / "sydney", "Sydney CA")
        self.stranger_ca = Authority(self.folder / "stranger", "Stranger CA")
        self.server = self.server_ca.issue("server")
        self.frankfurt = self.frankfurt_ca.issue("frankfurt")
        self.sydney = self.sydney_ca.issue("sydney")
        self.cas, self.crls = self.folder / "ca", self.folder / "crl"
        self.cas.mkdir()
        self.crls.mkdir()
        (self.cas / "frankfurt.pem").write_bytes(self.frankfurt_ca.pem)
        (self.cas / "sydney.pem").write_bytes(self.sydney_ca.pem)
        self.publish("frankfurt.crl", self.frankfurt_ca.crl())
        self.publish("sydney.crl", self.sydney_ca.crl())
        self.files = TlsFiles(self.server.crt, self.server.key, self.cas, self.crls)
        self.clock_now = None
        self.refused_requests: list[tuple[str | None, str]] = []

    def publish(self, file: str, raw: bytes) -> None:
        (self.crls / f".{file}").write_bytes(raw)
        (self.crls / f".{file}").rename(self.crls / file)

    def clock(self):
        return self.clock_now or now()

    def exchange(self) -> Listener:
        trust = LiveTrust(self.files, self.clock)
        app = self.app()
        app.add_middleware(RequireCurrentCertificate, verify_current=trust.verify_current, refusals=self)
        install_problems(app)
        return Listener("exchange", app, "127.0.0.1", 0, trust)

    def agency(self, ca_dir: Path) -> Listener:
        trust = LiveTrust(TlsFiles(self.server.crt, self.server.key, ca_dir), self.clock)
        app = self.app()
        install_problems(app)
        return Listener("agency", app, "127.0.0.1", 0, trust)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/whoami")
        async def whoami(request: Request) -> dict[str, object]:
            tls, peer = request.scope["extensions"]["tls"], peer_of(request.scope)
            self.seen.append(peer.thumbprint if peer else "nobody")
            pem = tls["client_cert_chain"]
            return {"thumbprint": peer and peer.thumbprint, "version": tls["tls_version"], "pem": pem}

        @app.get("/required")
        async def required(request: Request) -> str:
            return require_peer(request).thumbprint

        return app

    def request(self, scope, peer, error) -> None:
        """Told of a refused request."""
        self.refused_requests.append((peer.thumbprint if peer else None, error.code))

    def client(self, holder=None, **how) -> ssl.SSLContext:
        return client_context(self.server_ca, holder, **how)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@asynccontextmanager
async def serving(*listeners: Listener, limits=LIMITS, reload_seconds=3600.0) -> AsyncIterator[dict[str, int]]:
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(listeners, limits=limits, reload_seconds=reload_seconds, stop=stop, on_ready=ports.set_result)
    )
    await asyncio.wait([running, ports], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await ports
    finally:
        stop.set()
        await running


def check(scenario) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


def assert_refused(house: House, context: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with serving(house.exchange()) as ports:
            assert await refused(ports["exchange"], context)
        assert house.seen == []

    check(scenario())


def test_the_certificate_reaches_the_application(house):
    async def scenario() -> None:
        async with serving(house.exchange()) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            for _ in range(2):
                status, body = await browser.get("/whoami")
                assert status == 200
                assert json.loads(body) == {
                    "thumbprint": PeerCertificate(house.frankfurt.der).thumbprint,
                    "version": 0x0304,
                    "pem": [house.frankfurt.crt.read_text()],
                }
            await browser.close()

    check(scenario())


def test_a_thumbprint_is_that_of_rfc_8705(house):
    fingerprint = PeerCertificate(house.frankfurt.der).thumbprint
    assert len(fingerprint) == 43
    assert "=" not in fingerprint


def test_no_certificate_is_refused(house):
    assert_refused(house, house.client())


def test_a_certificate_of_a_ca_that_is_not_admitted_is_refused(house):
    assert_refused(house, house.client(house.stranger_ca.issue("stranger")))


def test_a_certificate_of_a_ca_that_only_bears_an_admitted_name_is_refused(house):
    impostor = Authority(house.folder / "impostor", "Frankfurt CA")
    assert_refused(house, house.client(impostor.issue("frankfurt")))


def test_an_expired_certificate_is_refused(house):
    expired = house.frankfurt_ca.issue("old", start=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    assert_refused(house, house.client(expired))


@pytest.mark.parametrize(
    ("who", "code"),
    [("nobody", "certificate-required"), ("stranger", "certificate-rejected"), ("revoked", "certificate-revoked")],
)
def test_a_handshake_that_ends_for_its_certificate_is_told_of(house, who, code):
    """Once for each such connection, and not at all for one that is good or that is not TLS."""
    house.publish("frankfurt.crl", house.frankfurt_ca.crl(house.frankfurt))
    holder = {"nobody": None, "stranger": house.stranger_ca.issue("stranger"), "revoked": house.frankfurt}[who]

    async def scenario() -> None:
        told: list[str] = []
        listener = house.exchange()
        listener.trust.note_refused = told.append
        async with serving(listener) as ports:
            assert await refused(ports["exchange"], house.client(holder))
            _, writer = await asyncio.open_connection("127.0.0.1", ports["exchange"])
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await writer.drain()
            writer.close()
            house.publish("frankfurt.crl", house.frankfurt_ca.crl())
            listener.trust.reload_if_changed()
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert (await browser.get("/whoami"))[0] == 200
            await browser.close()
        assert told == [code]

    check(scenario())


def test_tls_1_2_is_refused(house):
    assert_refused(house, house.client(house.frankfurt, tls_1_2=True))


def test_a_revoked_certificate_is_refused(house):
    house.publish("frankfurt.crl", house.frankfurt_ca.crl(house.frankfurt))
    assert_refused(house, house.client(house.frankfurt))


@pytest.mark.parametrize("spoil", ["absent", "stale", "of another key", "not a list", "with a certificate"])
def test_a_ca_without_a_usable_list_shuts_out_its_own_and_nobody_else(house, spoil):
    raw = {
        "absent": None,
        "stale": house.frankfurt_ca.crl(issued=NOW - timedelta(days=3), until=NOW - timedelta(days=1)),
        "of another key": Authority(house.folder / "impostor", "Frankfurt CA").crl(),
        "not a list": b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        "with a certificate": house.frankfurt_ca.crl() + house.stranger_ca.pem,
    }[spoil]
    (house.crls / "frankfurt.crl").unlink()
    if raw:
        house.publish("frankfurt.crl", raw)

    async def scenario() -> None:
        async with serving(house.exchange()) as ports:
            assert await refused(ports["exchange"], house.client(house.frankfurt))
            assert await refused(ports["exchange"], house.client(house.stranger_ca.issue("stranger")))
            browser = await Browser.connect(ports["exchange"], house.client(house.sydney))
            assert (await browser.get("/whoami"))[0] == 200
            await browser.close()

    check(scenario())


def test_without_any_ca_nobody_gets_in(house):
    for file in [*house.cas.iterdir(), *house.crls.iterdir()]:
        file.unlink()
    assert_refused(house, house.client(house.frankfurt))


def test_revoked_after_connecting_the_next_request_is_refused_and_ends_the_connection(house):
    async def scenario() -> None:
        listener = house.exchange()
        async with serving(listener) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert (await browser.get("/whoami"))[0] == 200
            house.publish("frankfurt.crl", house.frankfurt_ca.crl(house.frankfurt))
            assert listener.trust.reload_if_changed()
            status, body = await browser.get("/whoami")
            assert (status, json.loads(body)["code"]) == (401, "certificate-revoked")
            assert house.refused_requests == [(PeerCertificate(house.frankfurt.der).thumbprint, "certificate-revoked")]
            assert await browser.reader.read() == b""
            await browser.close()
            assert await refused(ports["exchange"], house.client(house.frankfurt))
        assert len(house.seen) == 1

    check(scenario())


def test_a_change_of_trust_closes_the_connections_that_were_made_before(house):
    async def scenario() -> None:
        async with serving(house.exchange(), reload_seconds=0.05) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert (await browser.get("/whoami"))[0] == 200
            (house.cas / "frankfurt.pem").unlink()
            assert await browser.reader.read() == b""
            await browser.close()
            assert await refused(ports["exchange"], house.client(house.frankfurt))
            other = await Browser.connect(ports["exchange"], house.client(house.sydney))
            assert (await other.get("/whoami"))[0] == 200
            await other.close()

    check(scenario())


@pytest.mark.parametrize(
    ("later", "why"),
    [(timedelta(days=2), "no current revocation list"), (timedelta(days=31), "not valid now")],
    ids=["list", "certificate"],
)
def test_what_expires_while_connected_is_refused_at_the_next_request(house, later, why):
    async def scenario() -> None:
        async with serving(house.exchange()) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert (await browser.get("/whoami"))[0] == 200
            house.clock_now = NOW + later
            status, body = await browser.get("/whoami")
            assert (status, json.loads(body)["code"]) == (401, "certificate-rejected")
            assert why in json.loads(body)["detail"]
            await browser.close()

    check(scenario())


def test_only_http_1_1_is_offered(house):
    async def scenario() -> None:
        context = house.client(house.frankfurt)
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with serving(house.exchange()) as ports:
            browser = await Browser.connect(ports["exchange"], context)
            assert browser.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            await browser.close()

    check(scenario())


def test_a_session_cannot_be_resumed(house):
    async def scenario() -> None:
        context = house.client(house.frankfurt)
        async with serving(house.exchange()) as ports:
            browser = await Browser.connect(ports["exchange"], context)
            assert (await browser.get("/whoami"))[0] == 200
            session = browser.writer.get_extra_info("ssl_object").session
            assert session is None or not session.has_ticket
            await browser.close()

    check(scenario())


def test_a_renewed_server_certificate_is_used_without_a_restart(house):
    async def scenario() -> None:
        listener = house.exchange()
        async with serving(listener) as ports:
            renewed = house.server_ca.issue("server")
            listener.trust.reload_if_changed()
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert browser.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == renewed.der
            await browser.close()

    check(scenario())


def test_a_server_certificate_that_does_not_load_leaves_everything_as_it_was(house):
    async def scenario() -> None:
        listener = house.exchange()
        async with serving(listener) as ports:
            house.server.crt.write_bytes(b"half a file")
            with capture_logs() as logs:
                assert not listener.trust.reload_if_changed()
            assert {entry["event"] for entry in logs} == {"tls-not-reloaded"}
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            assert (await browser.get("/whoami"))[0] == 200
            await browser.close()

    check(scenario())


def test_nothing_changed_nothing_reloaded(house):
    trust = LiveTrust(house.files, house.clock)
    before = trust.trust
    assert not trust.reload_if_changed()
    assert trust.trust is before


@pytest.mark.parametrize("fault", ["key open to others", "no key", "another's key", "not a certificate"])
def test_a_listener_that_cannot_prove_who_it_is_does_not_start(house, fault):
    if fault == "key open to others":
        house.server.key.chmod(0o640)
    elif fault == "no key":
        house.server.key.unlink()
    elif fault == "another's key":
        house.server.key.write_bytes(house.frankfurt.key.read_bytes())
    else:
        house.server.crt.write_bytes(b"")
    with pytest.raises(Misconfigured):
        LiveTrust(house.files, house.clock)


def test_two_cas_of_one_name_do_not_vouch_for_each_other(house):
    twin = Authority(house.folder / "twin", "Frankfurt CA")
    (house.cas / "zz-twin.pem").write_bytes(twin.pem)
    with capture_logs() as logs:
        trust = LiveTrust(house.files, house.clock)
    assert trust.trust.faults == ("zz-twin.pem: another CA has the same name",)
    assert [entry["fault"] for entry in logs] == list(trust.trust.faults)


def test_the_faults_of_files_are_named(house):
    (house.cas / "broken.pem").write_bytes(b"broken")
    house.publish("broken.crl", house.stranger_ca.crl())
    assert [fault.split(":")[0] for fault in LiveTrust(house.files, house.clock).trust.faults] == [
        "broken.pem",
        "broken.crl",
    ]


def test_a_peer_of_another_ca_is_never_current(house):
    with pytest.raises(CertificateRejected):
        LiveTrust(house.files, house.clock).verify_current(PeerCertificate(house.server.der))


# The agency listener


def test_the_agency_listener_asks_for_a_certificate_and_does_not_insist(house):
    async def scenario() -> None:
        async with serving(house.agency(house.cas)) as ports:
            for holder, expected in [(None, None), (house.sydney, PeerCertificate(house.sydney.der).thumbprint)]:
                browser = await Browser.connect(ports["agency"], house.client(holder))
                assert json.loads((await browser.get("/whoami"))[1])["thumbprint"] == expected
                await browser.close()
            assert await refused(ports["agency"], house.client(house.stranger_ca.issue("stranger")))
            assert await refused(ports["agency"], house.client(tls_1_2=True))

    check(scenario())


def test_without_client_cas_nobody_has_a_certificate(house):
    async def scenario() -> None:
        async with serving(house.agency(house.folder / "absent")) as ports:
            browser = await Browser.connect(ports["agency"], house.client(house.sydney))
            assert json.loads((await browser.get("/whoami"))[1])["thumbprint"] is None
            status, body = await browser.get("/required")
            assert (status, json.loads(body)["code"]) == (401, "certificate-required")
            await browser.close()

    check(scenario())


# Running


def test_both_listeners_run_side_by_side_and_stop_on_a_signal(house):
    async def scenario() -> None:
        ready = asyncio.Event()
        ports: dict[str, int] = {}

        def on_ready(found) -> None:
            ports.update(found)
            ready.set()

        with stopped_by_signals() as stop:
            listeners = [house.exchange(), house.agency(house.cas)]
            running = asyncio.create_task(
                serve(listeners, limits=LIMITS, reload_seconds=60, stop=stop, on_ready=on_ready)
            )
            await ready.wait()
            assert set(ports) == {"exchange", "agency"}
            for port in ports.values():
                browser = await Browser.connect(port, house.client(house.frankfurt))
                assert (await browser.get("/whoami"))[0] == 200
                await browser.close()
            os.kill(os.getpid(), signal.SIGTERM)
            await running
        for port in ports.values():
            with pytest.raises(ConnectionRefusedError):
                await Browser.connect(port, house.client(house.frankfurt))

    check(scenario())


def test_a_running_request_is_answered_before_the_end(house):
    started, go_on = asyncio.Event(), asyncio.Event()
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        started.set()
        await go_on.wait()
        return "done"

    install_problems(app)
    listener = Listener("agency", app, "127.0.0.1", 0, house.agency(house.cas).trust)

    async def scenario() -> None:
        async with serving(listener) as ports:
            browser = await Browser.connect(ports["agency"], house.client())
            answer = asyncio.create_task(browser.get("/slow"))
            await started.wait()
            asyncio.get_running_loop().call_later(0.3, go_on.set)
        assert await answer == (200, '"done"')
        await browser.close()

    check(scenario())


def test_an_address_in_use_is_a_misconfiguration(house):
    async def scenario() -> None:
        first = house.exchange()
        async with serving(first) as ports:
            second = Listener("agency", first.app, "127.0.0.1", ports["exchange"], first.trust)
            with pytest.raises(Misconfigured, match="the agency listener cannot use"):
                await serve([second], limits=LIMITS, reload_seconds=60, stop=asyncio.Event(), on_ready=print)

    check(scenario())


# Bounds


def test_a_connection_too_many_is_answered_429(house):
    async def scenario() -> None:
        limits = ConnectionLimits(1, 5, 5, 1)
        async with serving(house.exchange(), limits=limits) as ports:
            context = house.client(house.frankfurt)
            first = await Browser.connect(ports["exchange"], context)
            assert (await first.get("/whoami"))[0] == 200
            second = await Browser.connect(ports["exchange"], context)
            status, body = await second.get("/whoami")
            assert (status, json.loads(body)["code"]) == (429, "too-many-requests")
            for browser in (first, second):
                await browser.close()
        assert len(house.seen) == 1

    check(scenario())


@pytest.mark.parametrize("sent", [b"", b"GET /whoami HTTP/1.1\r\nHost:"])
def test_a_header_that_does_not_come_ends_the_connection(house, sent):
    async def scenario() -> None:
        async with serving(house.exchange(), limits=ConnectionLimits(8, 1, 5, 1)) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            browser.writer.write(sent)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await browser.reader.readexactly(1)
            await browser.close()
        assert house.seen == []

    check(scenario())


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000,
    ],
    ids=["no HTTP", "two hosts", "no host", "two lengths", "64 KiB of header"],
)
def test_what_is_not_http_is_a_problem_too(house, sent):
    async def scenario() -> None:
        async with serving(house.exchange()) as ports:
            browser = await Browser.connect(ports["exchange"], house.client(house.frankfurt))
            browser.writer.write(sent)
            status, body = await browser.answer()
            assert (status, json.loads(body)["code"]) == (400, "malformed-http")
            await browser.close()
        assert house.seen == []

    check(scenario())


def test_a_body_beyond_the_limit_is_answered_and_then_not_read_on(house):
    app = FastAPI()

    @app.put("/parts")
    async def upload(request: Request) -> None:
        async for _ in body_stream(request, limit_bytes=1000, idle_seconds=5):
            house.seen.append("chunk")

    install_problems(app)
    listener = Listener("agency", app, "127.0.0.1", 0, house.agency(house.cas).trust)

    async def scenario() -> None:
        async with serving(listener) as ports:
            browser = await Browser.connect(ports["agency"], house.client())
            browser.writer.write(b"PUT /parts HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + b"x" * 500)
            status, body = await browser.answer()
            assert (status, json.loads(body)["code"]) == (413, "payload-too-large")
            assert await browser.reader.read() == b""
            await browser.close()
        assert house.seen == []

    check(scenario())


def test_the_time_for_a_header_counts_for_each_request_and_not_for_its_answer(house):
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(1.3)
        return "done"

    install_problems(app)
    listener = Listener("agency", app, "127.0.0.1", 0, house.agency(house.cas).trust)

    async def scenario() -> None:
        async with serving(listener, limits=ConnectionLimits(8, 1, 5, 1)) as ports:
            browser = await Browser.connect(ports["agency"], house.client())
            assert await browser.get("/slow") == (200, '"done"')
            browser.writer.write(b"GET /slow HTTP/1.1\r\nHost:")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(browser.reader.readexactly(1), 3)
            await browser.close()

    check(scenario())


def test_a_body_that_stops_being_http_after_the_answer_began_ends_the_connection(house):
    lost = asyncio.Event()

    async def echo(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"so far", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            continue
        lost.set()

    listener = Listener("agency", echo, "127.0.0.1", 0, house.agency(house.cas).trust)

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: house.seen.append(context["message"]))
        async with serving(listener) as ports:
            browser = await Browser.connect(ports["agency"], house.client())
            browser.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert b"so far" in await browser.reader.readuntil(b"so far\r\n")
            browser.writer.write(b"not a chunk\r\n")
            assert await browser.reader.read() == b""
            await lost.wait()
            await browser.close()
        assert house.seen == []

    check(scenario())


def test_too_many_files_are_a_misconfiguration(house):
    for number in range(513):
        (house.crls / f"{number}.crl").write_bytes(b"")
    with pytest.raises(Misconfigured, match="more than 512 files"):
        LiveTrust(house.files, house.clock)


def test_a_file_that_is_too_large_is_left_out(house):
    with (house.cas / "large.pem").open("wb") as file:
        file.write(house.stranger_ca.pem)
        file.truncate((16 << 20) + 1)
    (fault,) = LiveTrust(house.files, house.clock).trust.faults
    assert "large.pem" in fault
    assert "larger than" in fault
