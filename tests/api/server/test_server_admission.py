"""Bodies, callers, rates and health, through ASGI; no request is admitted by accident."""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from asking import ask
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from attache.errors import AttacheError, MalformedInput, TooManyRequests
from attache.vocabulary import Kind
from certs_example.tokens import issuer_jwks, mint_token, new_issuer_key
from gateway.admission import (
    BytesBody,
    CallerAuthentication,
    Content,
    ContentBody,
    Json,
    LargeJson,
    LargeUnparsedJson,
    RateLimit,
    Stream,
    UnparsedJson,
    api_router,
    describe,
    health_router,
    requires,
)
from gateway.admission.bodies import body_stream
from gateway.admission.json_text import JsonText, parse_model
from gateway.identity import AccessTokens, Action, Caller, parse_jwks
from gateway.problems import install_problems
from gateway.tls import PeerCertificate, WithPeer

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://login.example", "https://gateway.example"
KEY = new_issuer_key("k1")
SENTINEL = "S3NT1NEL-content"
JSON_HEADERS = {"content-type": "application/json"}


class NoSignIns:
    """In the place of what writes sign-ins to the exchange log, which these applications do not have."""

    async def note(self, caller) -> None:
        """Nothing is written."""


class NoRefusals:
    """The same for refusals."""

    def note(self, *_, **__) -> None:
        """Nothing is written."""


class Part(BaseModel):
    name: str


class Draft(BaseModel):
    kind: Kind
    count: int
    at: datetime | None = None
    parts: tuple[Part, ...] = ()


SETTINGS = SimpleNamespace(
    max_json_bytes=200, max_body_bytes=200_000, body_timeout_seconds=0.2, max_part_bytes=100, part_idle_seconds=0.2
)
Signed = Annotated[bytes, BytesBody(("application/jose+json",), lambda _: 20)]
Untyped = Annotated[bytes, BytesBody(("text/plain",), lambda _: 20, is_checked=False)]
Either = Annotated[Content, ContentBody(("text/a", "text/b"), lambda _: 20)]


class Admitting:
    """An application with everything that a request passes, and what reached its endpoints."""

    def __init__(self, per_minute: int = 60, burst: int = 50) -> None:
        self.arrived: list[Any] = []
        self.now = NOW
        self.seconds = 0.0
        app = self.app = FastAPI()
        tokens = AccessTokens(
            parse_jwks(issuer_jwks([KEY])), ISSUER, AUDIENCE, timedelta(seconds=60), b"key", lambda: self.now
        )
        rates = [RateLimit(per_minute, burst, lambda: self.seconds) for _ in range(2)]
        app.state.authentication = CallerAuthentication(tokens, *rates, NoSignIns(), NoRefusals())
        app.state.settings = SETTINGS
        router = api_router("drafts")

        @router.post("/drafts")
        async def create(draft: Json[Draft]) -> dict[str, int]:
            self.arrived.append(draft)
            return {"count": draft.count}

        @router.post("/large")
        async def create_large(draft: LargeJson[Draft]) -> dict[str, int]:
            self.arrived.append(draft)
            return {"count": draft.count}

        @router.post("/unparsed")
        async def create_unparsed(body: UnparsedJson[Draft]) -> dict[str, str]:
            self.arrived.append(await body.parse(parse_draft))
            return {"sha256": body.sha256}

        @router.post("/large/unparsed")
        async def create_large_unparsed(body: LargeUnparsedJson[Draft]) -> None:
            self.arrived.append(await body.parse(parse_draft))

        @router.post("/signed")
        async def sign(statement: Signed) -> None:
            self.arrived.append(statement)

        @router.post("/untyped")
        async def add(note: Untyped) -> None:
            self.arrived.append(note)

        @router.post("/either")
        async def offer(content: Either) -> None:
            self.arrived.append(content)

        @router.put("/parts")
        async def upload(content: Stream) -> dict[str, int]:
            sizes = [len(chunk) async for chunk in content]
            self.arrived.append(sizes)
            return {"bytes": sum(sizes)}

        @router.post("/guarded/{number}")
        async def guarded(
            draft: Json[Draft],
            caller: Annotated[Caller, requires(Action.SUBMIT_PACKAGE)],
            number: int,
            request: Request,
        ) -> None:
            self.arrived.append((draft, caller.subject, number, request.method))

        @router.get("/whoami")
        async def whoami(caller: Annotated[Caller, requires(Action.SUBMIT_PACKAGE)]) -> dict[str, str]:
            self.arrived.append(caller)
            return {"subject": caller.subject}

        app.include_router(router)
        describe(app)
        install_problems(app)

    def refuses(self, status: int, code: str, method: str, path: str, **request: Any) -> Any:
        answer = ask(self.app, method, path, **request)
        found = answer.json()
        assert (answer.status_code, found["code"]) == (status, code)
        assert SENTINEL not in answer.text
        assert self.arrived == []
        return answer


@pytest.fixture
def admitting():
    return Admitting()


def token(**claims: Any) -> str:
    how: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "subject": "analyst-7", "roles": ["analyst"]}
    return mint_token(KEY, **how, now=NOW, claims=claims)


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def parse_draft(raw: bytes) -> Draft:
    return parse_model(Draft, raw)


# JSON bodies


def test_a_body_becomes_a_value(admitting):
    body = {"kind": "tool", "count": 3, "at": "2026-11-22T09:00:00Z", "parts": [{"name": "a"}]}
    assert ask(admitting.app, "POST", "/drafts", json=body).status_code == 200
    assert admitting.arrived == [Draft(kind=Kind.TOOL, count=3, at=NOW, parts=(Part(name="a"),))]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "", "application/json; charset=latin-1", "application/jsonx", "multipart/form-data; boundary=x"],
)
def test_another_media_type(admitting, content_type):
    headers = {"content-type": content_type}
    admitting.refuses(415, "unsupported-media-type", "POST", "/drafts", content=b"{}", headers=headers)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_the_media_type_in_its_spellings(admitting, content_type):
    content = b'{"kind":"tool","count":1}'
    assert (
        ask(admitting.app, "POST", "/drafts", content=content, headers={"content-type": content_type}).status_code
        == 200
    )


def test_two_media_types(admitting):
    headers = [("content-type", "application/json"), ("content-type", "application/json")]
    admitting.refuses(415, "unsupported-media-type", "POST", "/drafts", content=b"{}", headers=headers)


@pytest.mark.parametrize("path", ["/drafts", "/parts"])
def test_a_compressed_body(admitting, path):
    headers = {**JSON_HEADERS, "content-encoding": "gzip"}
    method = "POST" if path == "/drafts" else "PUT"
    admitting.refuses(415, "unsupported-media-type", method, path, content=b"{}", headers=headers)


async def pieces(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


@pytest.mark.parametrize(("method", "path"), [("POST", "/drafts"), ("PUT", "/parts")])
def test_too_large_as_announced(admitting, method, path):
    answer = admitting.refuses(413, "payload-too-large", method, path, content=b" " * 201, headers=JSON_HEADERS)
    assert answer.json()["limit_bytes"] in (100, 200)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(("method", "path"), [("POST", "/drafts"), ("PUT", "/parts")])
def test_too_large_without_announcing_it(admitting, method, path):
    admitting.refuses(413, "payload-too-large", method, path, content=pieces(101, 2), headers=JSON_HEADERS)


@pytest.mark.parametrize("length", ["-1", "1e3", "", "\u0661", "9" * 40])
def test_a_length_that_is_no_number(admitting, length):
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    admitting.refuses(400, "malformed-http", "POST", "/drafts", content=b"{}", headers=headers)


@pytest.mark.parametrize(
    ("raw", "code", "detail"),
    [
        (b"", "malformed-json", "not JSON"),
        (b"[]", "malformed-json", "not a JSON object"),
        (b'{"count":1,"count":2,"kind":"tool"}', "malformed-json", "a member occurs twice"),
        (b'{"kind":"tool","count":1.0}', "malformed-json", "a number is not an integer"),
        (b'{"kind":"tool","count":NaN}', "malformed-json", "a number is not finite"),
        (b"\xff", "malformed-json", "not UTF-8"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "malformed-json", "nested deeper than 32"),
        (b'{"kind":"tool","count":"1"}', "malformed-request", "count: int type"),
        (b'{"kind":"tool","count":true}', "malformed-request", "count: int type"),
        (b'{"kind":"tool"}', "malformed-request", "count: missing"),
        (b'{"kind":"tool","count":1,"admin":1}', "malformed-request", "admin: extra forbidden"),
        (b'{"kind":"tool","count":1,"parts":[{"name":"a"},{"name":7}]}', "malformed-request", "parts.1.name: string type"),
        (b'{"kind":"tool","count":1,"parts":[{"name":"a","x":1}]}', "malformed-request", "parts.0.x: extra forbidden"),
    ],
)  # fmt: skip
def test_json_that_does_not_fit(admitting, raw, code, detail):
    status = 400 if code == "malformed-json" else 422
    assert (
        admitting.refuses(status, code, "POST", "/drafts", content=raw, headers=JSON_HEADERS).json()["detail"] == detail
    )


def test_a_term_outside_the_vocabulary(admitting):
    raw = json.dumps({"kind": SENTINEL, "count": 1}).encode()
    admitting.refuses(422, "unknown-term", "POST", "/drafts", content=raw, headers=JSON_HEADERS)


@given(st.binary(max_size=150))
def test_any_bytes_as_body_are_a_value_or_a_problem(raw):
    admitting = Admitting()
    answer = ask(admitting.app, "POST", "/drafts", content=raw, headers=JSON_HEADERS)
    assert answer.status_code in (200, 400, 422)
    assert len(admitting.arrived) == (answer.status_code == 200)


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_a_problem(raw):
    try:
        parse_model(Draft, raw)
    except AttacheError as error:
        assert isinstance(error, MalformedInput)


# What a declaration of a body determines


@pytest.mark.parametrize(
    ("path", "media_type", "size"),
    [
        ("/drafts", "application/json", 200),
        ("/large", "application/json", 200_000),
        ("/unparsed", "application/json", 200),
        ("/large/unparsed", "application/json", 200_000),
        ("/signed", "application/jose+json", 20),
        ("/untyped", "text/plain", 20),
        ("/either", "text/b", 20),
    ],
)
def test_the_limit_of_each_kind_of_body(path, media_type, size):
    draft = b'{"kind":"tool","count":1}'
    for length, status in ((size, 200), (size + 1, 413)):
        admitting = Admitting()
        content = draft + b" " * (length - len(draft)) if media_type == "application/json" else b"x" * length
        answer = ask(admitting.app, "POST", path, content=content, headers={"content-type": media_type})
        assert answer.status_code == status
        assert len(admitting.arrived) == (status == 200)


@pytest.mark.parametrize("path", ["/drafts", "/large", "/unparsed", "/large/unparsed", "/signed", "/either"])
def test_each_kind_of_body_has_its_media_types(admitting, path):
    admitting.refuses(415, "unsupported-media-type", "POST", path, content=b"{}", headers={"content-type": "text/x"})


def test_the_exact_bytes_of_json_give_the_digest(admitting):
    content = b'{ "kind": "tool", "count": 1 }'
    answer = ask(admitting.app, "POST", "/unparsed", content=content, headers=JSON_HEADERS)
    assert answer.json() == {"sha256": hashlib.sha256(content).hexdigest()}
    assert admitting.arrived == [Draft(kind=Kind.TOOL, count=1)]


def test_bytes_arrive_as_they_were_sent(admitting):
    for path, media_type in (("/signed", "application/jose+json"), ("/untyped", "anything"), ("/either", "text/a")):
        ask(admitting.app, "POST", path, content=b" {} ", headers={"content-type": media_type})
    assert admitting.arrived == [b" {} ", b" {} ", Content("text/a", b" {} ")]


@pytest.mark.parametrize(("size", "is_this_thread"), [(64 << 10, True), ((64 << 10) + 1, False)])
def test_long_json_is_parsed_in_another_thread(size, is_this_thread):
    def thread_of(_: bytes) -> int:
        return threading.get_ident()

    async def scenario() -> bool:
        return await JsonText(b" " * size).parse(thread_of) == threading.get_ident()

    assert asyncio.run(scenario()) is is_this_thread


def test_the_contract_follows_from_the_declarations(admitting):
    contract = admitting.app.openapi()
    found = {
        path: operation["requestBody"]["content"]
        for path, methods in contract["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation
    }
    draft, octets = (
        {"schema": {"$ref": "#/components/schemas/Draft"}},
        {"schema": {"type": "string", "format": "binary"}},
    )
    assert found == {
        **{path: {"application/json": draft} for path in ("/drafts", "/large", "/unparsed", "/large/unparsed")},
        "/guarded/{number}": {"application/json": draft},
        "/signed": {"application/jose+json": octets},
        "/untyped": {"text/plain": octets},
        "/either": {"text/a": octets, "text/b": octets},
        "/parts": {"application/octet-stream": octets},
    }
    assert {"Draft", "Part", "Problem"} <= contract["components"]["schemas"].keys()


def test_a_body_beside_a_caller_a_path_and_the_request(admitting):
    content = {"kind": "tool", "count": 1}
    assert ask(admitting.app, "POST", "/guarded/7", json=content, headers=bearer(token())).status_code == 200
    assert admitting.arrived == [(Draft(kind=Kind.TOOL, count=1), "analyst-7", 7, "POST")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/guarded/1", {}, 401),
        ("/guarded/1", {"roles": ["auditor"]}, 403),
        ("/guarded/x", {"roles": ["analyst"]}, 422),
    ],
)
def test_a_body_is_read_last_wherever_its_parameter_stands(admitting, path, headers, status):
    """Without a caller, a role or a valid path not a byte of it is read: a request for one fails here."""
    authorization = [(b"authorization", f"Bearer {token(**headers)}".encode())] if headers else []
    sent = drip(admitting.app, "POST", path, [*authorization, (b"content-type", b"application/json")], Unread())
    assert sent[0]["status"] == status


class Unread(list):
    """The messages of a request that must not be read."""

    def __bool__(self) -> bool:
        raise AssertionError("the body was read")


async def read_by_the_framework(draft: Draft) -> None:
    """The framework reads a model without limits."""


async def twice(one: Json[Draft], two: Json[Draft]) -> None:
    """A request has one body."""


async def no_model(count: Annotated[int, Json[Draft].__metadata__[0]]) -> None:
    """JSON is validated by a model."""


async def other_type(statement: Annotated[str, Signed.__metadata__[0]]) -> None:
    """The marker reads bytes."""


@pytest.mark.parametrize("endpoint", [read_by_the_framework, twice, no_model, other_type])
def test_a_wrong_declaration_is_refused_when_the_route_is_made(endpoint):
    with pytest.raises(TypeError):
        api_router("wrong").post("/")(endpoint)


# Streams


def test_a_stream_arrives_in_pieces(admitting):
    assert ask(admitting.app, "PUT", "/parts", content=pieces(10, 3)).json() == {"bytes": 30}
    assert admitting.arrived == [[10, 10, 10]]


def drip(app: Any, method: str, path: str, headers: list[tuple[bytes, bytes]], messages: list[Any]) -> list[Any]:
    """A request whose client falls silent after `messages`."""
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers, "root_path": ""}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 5))
    return sent


@pytest.mark.parametrize(("method", "path"), [("POST", "/drafts"), ("PUT", "/parts")])
def test_a_client_that_falls_silent(admitting, method, path):
    first = {"type": "http.request", "body": b"{", "more_body": True}
    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    sent = drip(admitting.app, method, path, headers, [first])
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert admitting.arrived == []


@pytest.mark.parametrize(("method", "path"), [("POST", "/drafts"), ("PUT", "/parts")])
def test_what_is_announced_too_large_is_refused_before_a_byte_is_read(admitting, method, path):
    headers = [(b"content-type", b"application/json"), (b"content-length", b"201")]
    assert drip(admitting.app, method, path, headers, [])[0]["status"] == 413


def test_a_client_that_drips_is_cut_off_though_it_never_pauses_long():
    class Slow:
        """One byte each 50 ms: never idle, and far below the least speed."""

        async def stream(self) -> AsyncIterator[bytes]:
            for _ in range(100):
                await asyncio.sleep(0.05)
                yield b"x"

    async def scenario() -> int:
        scope = {"type": "http", "method": "PUT", "path": "/", "headers": [], "query_string": b""}
        request = Request(scope)
        request.stream = Slow().stream  # type: ignore[method-assign]
        received = 0
        with pytest.raises(MalformedInput) as caught:
            async for chunk in body_stream(request, limit_bytes=1000, idle_seconds=0.2):
                received += len(chunk)
        assert caught.value.code == "request-timeout"
        return received

    assert 1 <= asyncio.run(scenario()) < 20


def test_a_request_that_was_read_keeps_its_connection(admitting):
    answer = ask(admitting.app, "POST", "/drafts", json={"kind": "tool", "count": 1})
    assert "connection" not in answer.headers


# Callers


def test_a_caller_is_admitted(admitting):
    assert ask(admitting.app, "GET", "/whoami", headers=bearer(token())).json() == {"subject": "analyst-7"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "not-authenticated"),
        ({"authorization": "Basic YTpi"}, 401, "not-authenticated"),
        (bearer("x"), 401, "token-invalid"),
        (bearer(token(exp=int(NOW.timestamp()) - 61)), 401, "token-expired"),
        (bearer(token(aud="https://other.example")), 401, "token-audience"),
        (bearer(token(cnf={"x5t#S256": "A" * 43})), 401, "token-not-bound"),
        (bearer(token(roles=["auditor"])), 403, "not-permitted"),
        (bearer(token(roles=[])), 403, "not-permitted"),
        (bearer(token(scope="attache:dry-run")), 403, "not-permitted"),
    ],
)
def test_a_caller_is_refused(admitting, headers, status, code):
    answer = admitting.refuses(status, code, "GET", "/whoami", headers=headers)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_two_authorization_headers(admitting):
    headers = [("authorization", f"Bearer {token()}")] * 2
    admitting.refuses(401, "not-authenticated", "GET", "/whoami", headers=headers)


def test_a_bound_token_needs_its_certificate():
    admitting = Admitting()
    mine, other = PeerCertificate(b"mine"), PeerCertificate(b"other")
    headers = bearer(token(cnf={"x5t#S256": mine.thumbprint}))
    assert ask(WithPeer(admitting.app, mine), "GET", "/whoami", headers=headers).status_code == 200
    for stolen_by in (other, None):
        answer = ask(WithPeer(admitting.app, stolen_by), "GET", "/whoami", headers=headers)
        assert answer.json()["code"] == "token-not-bound"
    assert len(admitting.arrived) == 1


@given(st.binary(max_size=100).filter(lambda raw: b"\r" not in raw and b"\n" not in raw))
def test_any_authorization_header_is_refused(raw):
    admitting = Admitting()
    sent = drip(admitting.app, "GET", "/whoami", [(b"authorization", b"Bearer " + raw)], [])
    assert sent[0]["status"] == 401
    assert admitting.arrived == []


# Rates


def test_a_caller_asks_too_often_and_waits():
    admitting = Admitting(per_minute=60, burst=2)
    good = bearer(token())
    statuses = [ask(admitting.app, "GET", "/whoami", headers=good).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert ask(admitting.app, "GET", "/whoami", headers=good).headers["retry-after"] == "1"
    assert ask(admitting.app, "GET", "/whoami", headers=bearer(token(sub="analyst-8"))).status_code == 200
    admitting.seconds += 1
    assert ask(admitting.app, "GET", "/whoami", headers=good).status_code == 200


def test_an_address_fails_too_often():
    admitting = Admitting(burst=2)
    statuses = [ask(admitting.app, "GET", "/whoami", headers=bearer("x")).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert ask(admitting.app, "GET", "/whoami", headers=bearer(token())).status_code == 200


def test_a_bucket_never_holds_more_than_its_burst():
    seconds = [0.0]
    rate = RateLimit(60, 3, lambda: seconds[0])
    seconds[0] += 3600
    for _ in range(3):
        rate.spend("a")
    with pytest.raises(TooManyRequests) as caught:
        rate.spend("a")
    assert caught.value.retry_after_seconds == 1


def test_buckets_are_bounded():
    rate = RateLimit(60, 1, lambda: 0.0, max_buckets=2)
    for key in "abc":
        rate.spend(key)
    rate.spend("a")
    with pytest.raises(TooManyRequests):
        rate.spend("c")


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(1, 600), st.integers(1, 10))
def test_no_sequence_gets_more_than_burst_and_average(pauses, per_minute, burst):
    seconds = [0.0]
    rate, admitted = RateLimit(per_minute, burst, lambda: seconds[0]), 0
    for pause in pauses:
        seconds[0] += pause
        try:
            rate.spend("a")
            admitted += 1
        except TooManyRequests as refusal:
            assert refusal.retry_after_seconds >= 1
    assert admitted <= burst + seconds[0] * per_minute / 60 + 1e-6


# Health


def health_app(*failing: str) -> FastAPI:
    def check(name: str):
        async def run() -> None:
            if name in failing:
                raise RuntimeError(SENTINEL)

        return run

    app = FastAPI()
    app.include_router(health_router({name: check(name) for name in ("store", "policy")}))
    install_problems(app)
    return app


def test_alive_and_ready():
    assert ask(health_app(), "GET", "/readyz").json() == {"status": "ready"}
    assert ask(health_app("store"), "GET", "/healthz").json() == {"status": "ok"}


def test_not_ready_says_what_for_and_not_why():
    answer = ask(health_app("store"), "GET", "/readyz")
    assert (answer.status_code, answer.json()["code"], answer.json()["failed"]) == (503, "not-ready", ["store"])
    assert SENTINEL not in answer.text
