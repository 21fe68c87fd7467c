"""Any bytes at all, to every endpoint: one problem, nothing written, and never an unexpected error."""

import asyncio
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.identity.caller import Role
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import a_part, a_submission, kept_open

UNHURRIED = settings(max_examples=120, deadline=None)
JSON = b"application/json"
OCTETS = b"application/octet-stream"

CONTRACTS = Path(__file__).parents[2] / "openapi"


def endpoints_of(contract: str) -> dict[str, list[str]]:
    """Every endpoint that a contract lists, with the names of its query parameters."""
    found = {}
    for path, methods in json.loads((CONTRACTS / contract).read_text("utf-8"))["paths"].items():
        template = "/".join("{}" if "{" in piece else piece for piece in path.split("/"))
        for method, described in methods.items():
            names = [each["name"] for each in described.get("parameters", []) if each["in"] == "query"]
            found[f"{method.upper()} {template}"] = names
    return found


AGENCY = endpoints_of("agency-api.json") | {"GET /healthz": [], "GET /problems/{}": []}
EXCHANGE = endpoints_of("exchange-api.json")
del EXCHANGE["POST /exchange/v1/add-checkpoint"]
"""It answers as C2SP tlog-witness says, without problems: see tests/witness."""
REFUSALS = {"submission.refused", "approval.refused", "consent.rejected", "access.refused", "session.refused"}
"""What is refused with a word about it."""
LOOKS = {"packages.inspected", "log.searched", "log.exported", "decision.dry-run"}
LOGGED = {
    "GET /api/v1/packages",
    "GET /api/v1/log/entries",
    "GET /api/v1/log/entries/{index}",
    "GET /api/v1/log/export",
    "GET /api/v1/log/follow",
    "POST /api/v1/decisions",
    "POST /api/v1/decisions/explanation",
}
"""Their success is an entry of the log."""

ID = "01935000-0000-7000-8000-000000000001"
PLAUSIBLE = [
    ID,
    "irs-ci",
    "nobody",
    "note.txt",
    "0",
    "999",
    "-1",
    "9007199254740993",
    "1" * 400,
    "entries/000",
    "0/000.p/1",
]
TEXTS = st.sampled_from(PLAUSIBLE) | st.text(min_size=1, max_size=30)
QUERY_TEXTS = TEXTS | st.sampled_from(
    ["settled", "package.released", "MjAyNi0xMS0yMlQwOTowMDowMFogeA", "1e3", "True", ""]
)
MEDIA_TYPES = st.sampled_from(
    [JSON, OCTETS, b"application/vnd.attache.package", b"application/vnd.attache.envelope", b"application/jose+json"]
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"range", b"content-range", b"x-request-id", b"content-length", b"accept"]),
        st.binary(max_size=30) | st.sampled_from([b"bytes=0-", b"bytes 0-99/100", b"bytes=5-2", b"7", b"-1"]),
    ),
    max_size=3,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bodies(draw):
    """Bytes; JSON; a submission or an answer with one member that is something else."""
    submission = a_submission(a_part(), markings=[], onward=None, expires_at=None, submit=False)
    answer = {"decision": "approve", "reason": "x"}
    whole = draw(st.sampled_from([submission, answer]))
    place = draw(st.sampled_from([whole, *whole.get("parts", []), *whole.get("recipients", [])]))
    place[draw(st.sampled_from(sorted(place)) | st.text(max_size=8))] = draw(VALUES)
    return json.dumps(whole).encode()


BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | bodies()
    | st.binary(max_size=100).map(lambda rest: b"attache-package/1\n" + len(rest).to_bytes(4, "big") + rest)
)


async def asked(app, method: str, path: str, query: bytes = b"", headers=(), body: bytes = b""):
    """A request as a server hands it to the application: nothing is made well-formed on the way."""
    sent: list[dict] = []
    coming = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        return next(coming, {"type": "http.disconnect"})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [*headers],
        "client": ("127.0.0.1", 1),
        "server": ("gateway", 443),
    }
    await asyncio.wait_for(app(scope, receive, send), 30)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), content


def is_answer_or_problem(status: int, headers: dict[bytes, bytes], content: bytes) -> None:
    assert status < 500, content
    if status >= 400:
        assert headers[b"content-type"] == b"application/problem+json"
        problem = json.loads(content)
        assert problem["status"] == status
        assert problem["request_id"] == headers[b"x-request-id"].decode()
        assert len(content) < 4000


@pytest.fixture(scope="module")
def everybody(module_place):
    """A gateway, and the headers of a caller who may do everything; whatever comes, nothing of it may stay."""
    with kept_open(module_place) as gateway:
        posts = ["bogota", "sydney", "frankfurt"]
        token = gateway.token("analyst", roles=[role.value for role in Role], posts=posts)
        gateway.headers = [(b"authorization", f"Bearer {token}".encode())]
        gateway.logged = 0
        before = gateway.run(gateway.footprint())
        yield gateway
        after, new = gateway.run(gateway.footprint()), gateway.run(gateway.entries())[before["entries"] :]
        assert {**after, "entries": 0} == {**before, "entries": 0}
        noted = [code for code in new if code not in {*REFUSALS, "session.signed-in"}]
        assert set(noted) <= LOOKS
        assert len(noted) >= gateway.logged  # an entry that was looked for and is not there was looked for


def surface(gateway, endpoint: str):
    """The application of an endpoint, as somebody who is let in."""
    if "/exchange/" not in endpoint:
        return gateway.gateway.agency_api
    return WithPeer(
        gateway.gateway.exchange_api, PeerCertificate(gateway.place.client_certificate("partner-frankfurt"))
    )


@pytest.mark.parametrize("endpoint", [*AGENCY, *EXCHANGE])
@settings(UNHURRIED, max_examples=25)
@given(data=st.data())
def test_any_request_to_an_endpoint(everybody, endpoint, data):
    method, _, template = endpoint.partition(" ")
    path = template.format(*(data.draw(TEXTS) for _ in range(template.count("{}"))))
    names = (AGENCY | EXCHANGE)[endpoint]
    query = b""
    if names:
        asked_for = data.draw(st.dictionaries(st.sampled_from(names), QUERY_TEXTS, max_size=3))
        if "timeout_seconds" in asked_for:
            asked_for["timeout_seconds"] = "0"
        query = "&".join(f"{name}={value}" for name, value in asked_for.items()).encode()
    headers = [*everybody.headers, *data.draw(HEADERS), (b"content-type", data.draw(MEDIA_TYPES))]
    request = (surface(everybody, endpoint), method, path, query, headers)
    status, answered, content = everybody.run(asked(*request, data.draw(BODIES) if method != "GET" else b""))
    is_answer_or_problem(status, answered, content)
    everybody.logged += endpoint in LOGGED and status == 200


@UNHURRIED
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]),
    path=st.text(max_size=40).map(lambda text: f"/{text}") | st.sampled_from(["", "*", "/", "//", "/api/v1/../../x"]),
    query=st.binary(max_size=40),
    headers=HEADERS,
    body=st.binary(max_size=40),
    is_exchange=st.booleans(),
)
def test_any_path(everybody, method, path, query, headers, body, is_exchange):
    app = surface(everybody, "/exchange/" if is_exchange else "")
    status, answered, content = everybody.run(
        asked(app, method, unquote(path), query, everybody.headers + headers, body)
    )
    if method == "HEAD" and status >= 400:
        content = content or json.dumps({"status": status, "request_id": answered[b"x-request-id"].decode()}).encode()
    is_answer_or_problem(status, answered, content)


@UNHURRIED
@given(body=bodies(), is_dry=st.booleans())
def test_any_value_in_a_submission(everybody, body, is_dry):
    """Sent to be submitted at once without any content: what is well-formed is refused for that, and leaves nothing."""
    loaded = json.loads(body)
    if not is_dry and isinstance(loaded.get("parts"), list):
        loaded["submit"] = True
        loaded["parts"].append({"name": "missing", "media_type": "text/plain"})
    path = "/api/v1/decisions" if is_dry else "/api/v1/packages"
    headers = [*everybody.headers, (b"content-type", JSON), (b"idempotency-key", b"any")]
    answer = everybody.run(asked(everybody.gateway.agency_api, "POST", path, b"", headers, json.dumps(loaded).encode()))
    is_answer_or_problem(*answer)
    assert is_dry or answer[0] >= 400
    everybody.logged += is_dry and answer[0] == 200


@UNHURRIED
@given(token=st.binary(max_size=100) | st.text(max_size=50).map(lambda text: b"Bearer " + text.encode()))
def test_any_authorization(everybody, token):
    headers = [(b"authorization", token)]
    status, answered, content = everybody.run(
        asked(everybody.gateway.agency_api, "GET", "/api/v1/packages", b"", headers)
    )
    assert status == 401
    is_answer_or_problem(status, answered, content)
