"""Each endpoint and each kind of caller: who gets in, and the one problem for everybody else.

The endpoints are those that the applications have: one without a row here fails.
"""

import asyncio
import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi.routing import iter_route_contexts

from attache.errors import PROBLEMS
from certs_example.tokens import new_issuer_key
from gateway.admission.routes import declared_bodies
from gateway.identity.caller import Role
from gateway.problems import STANDARD_HEADERS, status_of
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import a_part, problem

ABSENT = "01935000-0000-7000-8000-000000000001"
DESK = {"submitter", "analyst"}
LISTERS = DESK | {"approver", "security-officer", "auditor"}
LOG = {"auditor", "security-officer"}
EVERY_ROLE = {role.value for role in Role}

# Endpoint -> who may, and what they get for a request that asks for nothing that exists.
AGENCY = {
    "POST /packages": (DESK, "idempotency-key-required"),
    "GET /packages": (LISTERS, 200),
    "PUT /packages/{package_id}/parts/{name}": (DESK, "not-found"),
    "POST /packages/{package_id}/submit": (DESK, "not-found"),
    "GET /packages/{package_id}": (LISTERS, "not-found"),
    "GET /packages/{package_id}/receipts": (LISTERS, "not-found"),
    "GET /packages/{package_id}/evidence": (DESK | LOG, "not-found"),
    "GET /packages/{package_id}/sealed/{recipient}": (DESK, "not-found"),
    "POST /decisions": (DESK | {"approver"}, "malformed-request"),
    "POST /decisions/explanation": (DESK | {"approver"}, "malformed-request"),
    "GET /decisions/{decision_id}/replay": (LOG, "not-found"),
    "GET /approvals": ({"approver"}, 200),
    "GET /approvals/{approval_id}": ({"approver"}, "not-found"),
    "GET /approvals/{approval_id}/parts/{name}": ({"approver"}, "not-found"),
    "POST /approvals/{approval_id}": ({"approver"}, "malformed-request"),
    "GET /inbox": ({"analyst"}, 200),
    "GET /inbox/{originator}/{package_id}": ({"analyst"}, "not-found"),
    "POST /inbox/{originator}/{package_id}/open": ({"analyst"}, "not-found"),
    "GET /inbox/{originator}/{package_id}/parts/{name}": ({"analyst"}, "not-found"),
    "GET /participants": (EVERY_ROLE, 200),
    "PUT /participants/{participant}/descriptor": ({"partner-admin"}, "unknown-partner"),
    "POST /participants/{participant}/suspend": ({"partner-admin", "security-officer"}, "unknown-partner"),
    "POST /participants/{participant}/resume": ({"partner-admin", "security-officer"}, "unknown-partner"),
    "POST /consents": ({"approver"}, "malformed-request"),
    "GET /consents": ({"approver", "security-officer", "auditor"}, 200),
    "GET /consents/{consent_id}": ({"approver", "security-officer", "auditor"}, "not-found"),
    "POST /consents/requests": (DESK, "idempotency-key-required"),
    "GET /consents/requests": (LISTERS, 200),
    "GET /consents/requests/{holder}/{request_id}": (LISTERS, "not-found"),
    "POST /consents/refusals": ({"approver"}, "malformed-request"),
    "GET /reviews": ({"approver", "security-officer", "auditor"}, 200),
    "POST /reviews/{package_id}/{recipient}": ({"approver"}, "malformed-request"),
    "GET /officers": (LOG, 200),
    "GET /purges": ({"security-officer", "auditor"}, 200),
    "GET /purges/{purge_id}": ({"security-officer", "auditor"}, "not-found"),
    "POST /purges": ({"security-officer"}, "malformed-request"),
    "POST /purges/{purge_id}/approve": ({"security-officer"}, "malformed-request"),
    "POST /purges/{purge_id}/reject": ({"security-officer"}, "malformed-request"),
    "GET /holds": ({"security-officer", "auditor"}, 200),
    "POST /holds": ({"security-officer"}, "malformed-request"),
    "POST /holds/{hold_id}/lift": ({"security-officer"}, "malformed-request"),
    "POST /officers/withdrawal": ({"security-officer"}, "malformed-request"),
    "POST /officers/reinstatement": ({"security-officer"}, "malformed-request"),
    "GET /policies": (EVERY_ROLE, 200),
    "POST /policies": ({"security-officer"}, "malformed-request"),
    "GET /policies/{policy_sha256}": (EVERY_ROLE, "not-found"),
    "GET /policies/{policy_sha256}/diff": ({"security-officer"}, "not-found"),
    "POST /policies/{policy_sha256}/activation": ({"security-officer"}, "malformed-request"),
    "GET /witnesses": (LOG, 200),
    "POST /witnesses/{participant}/clear": ({"security-officer"}, "malformed-request"),
    "GET /log/checkpoint": (LOG, 200),
    "GET /log/vkeys": (LOG, 200),
    "GET /log/tile/{path}": (LOG, "malformed-log"),
    "GET /log/entries": (LOG, 200),
    "GET /log/entries/{index}": (LOG, "not-found"),
    "GET /log/proofs/inclusion": (LOG, "malformed-request"),
    "GET /log/proofs/consistency": (LOG, "malformed-request"),
    "GET /log/export": (LOG, 200),
    "GET /log/follow": (LOG, "malformed-request"),
}
EXCHANGE = {
    "POST /packages": "malformed-package",
    "PUT /packages/{package_id}/parts/{number}/hashes": "not-found",
    "PUT /packages/{package_id}/parts/{number}": "malformed-request",
    "POST /packages/{package_id}/complete": "not-found",
    "POST /receipts": "malformed-receipt",
    "POST /consents": "malformed-consent",
    "POST /consents/refusals": "malformed-consent",
    "GET /mailbox": 200,
    "GET /mailbox/consents": 200,
    "GET /mailbox/consents/refusals": 200,
    "GET /packages/{package_id}": "not-found",
    "GET /participant": 200,
    "POST /add-checkpoint": 400,
}
OPEN = {
    "GET /healthz": 200,
    "GET /readyz": 200,
    "GET /metrics": "not-authenticated",
    "GET /problems/{code}": "not-found",
    "HEAD /problems/{code}": 404,
}
OPEN_EXCHANGE = {"GET /problems/{code}": "certificate-required", "HEAD /problems/{code}": 401}

PLACES = {"package_id": ABSENT, "approval_id": ABSENT, "participant": "nobody", "recipient": "europol"}
PLACES |= {"originator": "europol", "name": "a.txt", "index": "999999", "number": "0", "path": "x", "code": "no-such"}
PLACES |= {"policy_sha256": "0" * 64, "holder": "europol", "request_id": ABSENT}
PLACES |= {"consent_id": ABSENT, "decision_id": ABSENT}
PLACES |= {"purge_id": ABSENT, "hold_id": ABSENT}
BODIES = {
    "/api/v1/participants/nobody/descriptor": "application/jose+json",
    "/exchange/v1/packages": "application/vnd.attache.package",
    "/exchange/v1/receipts": "application/jose+json",
    "/exchange/v1/consents": "application/jose+json",
    "/exchange/v1/consents/refusals": "application/jose+json",
}

NOT_IN = {
    "no token": "not-authenticated",
    "another scheme": "not-authenticated",
    "two tokens": "not-authenticated",
    "garbage": "token-invalid",
    "unsigned": "token-invalid",
    "another key": "token-invalid",
    "changed": "token-invalid",
    "no subject": "token-invalid",
    "a role that is not known": "token-invalid",
    "another issuer": "token-invalid",
    "not yet valid": "token-invalid",
    "expired": "token-expired",
    "another audience": "token-audience",
    "bound to another certificate": "token-not-bound",
    "bound, over a connection without one": "token-not-bound",
}


def endpoints_of(app) -> set[str]:
    """Every method and path that an application answers, those that the contract leaves out too."""
    found = set()
    for route in app.routes:
        included = getattr(route, "original_router", None)
        prefix = route.include_context.prefix if included else ""
        for each in included.routes if included else [route]:
            found |= {f"{method} {prefix}{each.path.replace(':path', '')}" for method in each.methods}
    return found


def url_of(endpoint: str) -> tuple[str, str]:
    method, _, path = endpoint.partition(" ")
    return method, path.format(**PLACES)


async def ask(client, endpoint: str, headers=None):
    """A request that is well-formed as far as the endpoint needs to find out who asks."""
    method, path = url_of(endpoint)
    kind = BODIES.get(str(client.base_url.path).rstrip("/") + path, "application/json")
    if method == "PUT" and path.endswith("/hashes"):
        kind = "application/octet-stream"
    body = {"content": b"{}", "headers": {**(headers or {}), "Content-Type": kind}} if method in {"POST", "PUT"} else {}
    if path == "/log/follow":  # without end, where it is permitted
        headers = (
            {**(headers or {}), "Last-Event-ID": "x"}
            if not isinstance(headers, list)
            else [*headers, ("Last-Event-ID", "x")]
        )
    return await client.request(method, path, **{"headers": headers, **body})


def is_whole_problem(answer, code: str) -> None:
    """The one shape of every problem."""
    assert problem(answer) == code
    body = answer.json()
    assert answer.status_code == status_of(code)
    assert body["title"] == PROBLEMS[code].title
    assert body["type"] == f"/problems/{code}"
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    for name, value in STANDARD_HEADERS.items():
        assert answer.headers[name] == value
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


def test_every_endpoint_has_a_row(desk):
    assert endpoints_of(desk.gateway.agency_api) == {
        *(endpoint.replace(" ", " /api/v1", 1) for endpoint in AGENCY),
        *OPEN,
    }
    assert endpoints_of(desk.gateway.exchange_api) == {
        *(endpoint.replace(" ", " /exchange/v1", 1) for endpoint in EXCHANGE),
        *OPEN_EXCHANGE,
    }


@pytest.mark.parametrize("role", [*sorted(EVERY_ROLE), "no role"])
def test_roles(desk, role):
    """A permitted role is admitted; any other gets `not-permitted`, and nothing is written."""

    async def story():
        token = desk.token("analyst", subject="somebody", roles=[] if role == "no role" else [role], posts=["bogota"])
        client = await desk.client(desk.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})
        for endpoint, (permitted, expected) in AGENCY.items():
            before = await desk.footprint()
            answer = await ask(client, endpoint)
            if role not in permitted:
                is_whole_problem(answer, "not-permitted")
            elif expected == 200:
                assert answer.status_code == 200, endpoint
            else:
                is_whole_problem(answer, expected)
            searched = endpoint in {"GET /log/entries", "GET /log/export", "GET /packages"} and role in LOG
            assert await desk.footprint() == {**before, "entries": before["entries"] + searched}, endpoint

    desk.run(story())


def headers_of(desk, kind: str) -> list[tuple[str, str]]:
    now = desk.agency.clock()
    claims = {
        "expired": {"now": now - timedelta(hours=1)},
        "not yet valid": {"now": now + timedelta(hours=1)},
        "another audience": {"audience": "https://elsewhere.example"},
        "bound to another certificate": {"certificate_thumbprint": "A" * 43},
        "bound, over a connection without one": {"certificate_thumbprint": "A" * 43},
        "no subject": {"claims": {"sub": None}},
        "another issuer": {"claims": {"iss": "https://other.example"}},
        "a role that is not known": {"roles": ["analyst", "king"]},
    }
    token = desk.token("analyst", **claims.get(kind, {}))
    header, payload, signature = token.split(".")
    if kind == "unsigned":
        plain = base64.urlsafe_b64encode(b'{"typ":"at+jwt","kid":"example-1","alg":"none"}').decode().rstrip("=")
        token = f"{plain}.{payload}."
    if kind == "another key":
        issuer = desk.place.issuer
        desk.place.issuer = type(issuer)(new_issuer_key("example-1"))
        token = desk.token("analyst")
        desk.place.issuer = issuer
    if kind == "changed":
        token = f"{header}.{payload}.{signature[::-1]}"
    given = {
        "no token": [],
        "another scheme": [("Authorization", "Basic YTpi")],
        "two tokens": [("Authorization", f"Bearer {token}")] * 2,
        "garbage": [("Authorization", "Bearer x.y.z")],
    }
    return given.get(kind, [("Authorization", f"Bearer {token}")])


@pytest.mark.parametrize(("kind", "code"), NOT_IN.items(), ids=NOT_IN)
def test_nobody_gets_in_without_a_good_token(desk, kind, code):
    async def story():
        app = desk.gateway.agency_api
        if kind == "bound to another certificate":
            app = WithPeer(app, PeerCertificate(desk.place.client_certificate("irs-ci")))
        client = await desk.client(app, "/api/v1", headers_of(desk, kind))
        before = await desk.footprint()
        for endpoint in AGENCY:
            is_whole_problem(await ask(client, endpoint), code)
        assert await desk.footprint() == before

    desk.run(story())


def test_no_body_is_read_before_the_caller_is_permitted(desk):
    """Every route that reads a body, of both APIs: without a caller, and with one that may not use it."""
    no_role = [(b"authorization", f"Bearer {desk.token('analyst', roles=[])}".encode())]
    unknown = PeerCertificate(desk.place.made["europol"].sign_certificate.public_bytes(Encoding.DER))
    agency_api, exchange_api = desk.gateway.agency_api, desk.gateway.exchange_api
    callers = [
        (agency_api, agency_api, [], 401),
        (agency_api, agency_api, no_role, 403),
        (exchange_api, exchange_api, [], 401),
        (exchange_api, WithPeer(exchange_api, unknown), [], 401),
    ]

    async def unread():
        raise AssertionError("the body was read")

    async def story():
        for api, app, headers, status in callers:
            routes = [context for context, _ in declared_bodies(api)]
            assert len(routes) == sum(
                "requestBody" in each for path in api.openapi()["paths"].values() for each in path.values()
            )
            for route in routes:
                sent = []

                async def send(message):
                    sent.append(message)

                scope = {"type": "http", "path": route.path.format(**PLACES), "query_string": b"", "root_path": ""}
                scope |= {
                    "method": min(route.methods),
                    "headers": [*headers, (b"content-length", b"1")],
                    "client": ("::1", 1),
                }
                await app(scope, unread, send)
                assert sent[0]["status"] == status, route.path

    desk.run(story())


def test_the_framework_reads_no_body(desk):
    """It would read it before the caller is known, and without limits."""
    for api in (desk.gateway.agency_api, desk.gateway.exchange_api):
        assert not [route.path for route in iter_route_contexts(api.routes) if getattr(route, "body_field", None)]


def test_a_bound_token_with_its_own_certificate_is_good(desk):
    async def story():
        peer = PeerCertificate(desk.place.client_certificate("irs-ci"))
        token = desk.token("analyst", certificate_thumbprint=peer.thumbprint)
        app = WithPeer(desk.gateway.agency_api, peer)
        client = await desk.client(app, "/api/v1", {"Authorization": f"Bearer {token}"})
        assert (await client.get("/packages")).status_code == 200

    desk.run(story())


def test_scopes_narrow_what_a_role_may(desk):
    async def story():
        narrow = desk.token("analyst", claims={"scope": "openid attache:list-packages"})
        client = await desk.client(desk.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {narrow}"})
        assert (await client.get("/packages")).status_code == 200
        is_whole_problem(await desk.submit(client), "not-permitted")

    desk.run(story())


def test_what_needs_no_caller(desk):
    async def story():
        client = await desk.client(desk.gateway.agency_api, "", {})
        for endpoint, expected in OPEN.items():
            answer = await ask(client, endpoint)
            assert answer.status_code == (status_of(expected) if isinstance(expected, str) else expected)

    desk.run(story())


PEERS = ["partner-frankfurt", "partner-bogota", "europol", "irs-ci"]


@pytest.mark.parametrize("peer", PEERS)
def test_partners(desk, peer):
    async def story():
        client = await desk.peer(peer)
        before = await desk.footprint()
        for endpoint, expected in EXCHANGE.items():
            answer = await ask(client, endpoint)
            if isinstance(expected, int):
                assert answer.status_code == expected, endpoint
            else:
                is_whole_problem(answer, expected)
        rejected = ["consent.rejected"] * 2  # what is no consent, and what is no refusal of one, leave a word each
        assert await desk.footprint() == {**before, "entries": before["entries"] + len(rejected)}
        assert (await desk.entries())[-2:] == rejected

    desk.run(story())


def test_nobody_else_gets_into_the_exchange(desk):
    """No certificate, a participant's certificate for another use; and a bearer token is none."""

    async def story():
        signing = desk.place.made["europol"].sign_certificate.public_bytes(Encoding.DER)
        token = {"Authorization": f"Bearer {desk.token('auditor')}"}
        before = await desk.footprint()
        for der, code in ((None, "certificate-required"), (signing, "certificate-rejected")):
            app = WithPeer(desk.gateway.exchange_api, der and PeerCertificate(der))
            client = await desk.client(app, "/exchange/v1", token)
            for endpoint in EXCHANGE:
                is_whole_problem(await ask(client, endpoint), code)
        assert await desk.footprint() == before

    desk.run(story())


def test_a_suspended_partner_is_told_so_and_nothing_else(place):
    async def story():
        async with place.open() as gateway:
            admin = await gateway.caller("partner-admin")
            assert (await admin.post("/participants/europol/suspend")).json()["status"] == "suspended"
            client = await gateway.peer("europol")
            before = await gateway.footprint()
            for endpoint in EXCHANGE:
                is_whole_problem(await ask(client, endpoint), "partner-suspended")
            assert await gateway.footprint() == before

    asyncio.run(story())


def test_what_there_is_not_and_what_is_anothers_look_the_same(desk):
    """Byte for byte, but for the request id: nobody learns that something exists which they may not see."""

    async def story():
        analyst, colleague = await desk.caller("analyst"), await desk.caller("colleague")
        officer = await desk.caller("attache-sydney")
        package_id = await desk.released(analyst)
        held = await desk.released(analyst, a_part(markings=["TLP:AMBER"]), to=("partner-bogota",))
        [life] = (await analyst.get(f"/packages/{held}")).json()["recipients"]
        asked = [
            (colleague, "GET", "/packages/{}", package_id),
            (colleague, "GET", "/packages/{}?wait_for=opened&timeout_seconds=0", package_id),
            (colleague, "GET", "/packages/{}/receipts", package_id),
            (colleague, "GET", "/packages/{}/sealed/partner-frankfurt", package_id),
            (colleague, "POST", "/packages/{}/submit", package_id),
            (colleague, "PUT", "/packages/{}/parts/note.txt", package_id),
            (officer, "GET", "/packages/{}", package_id),
            (officer, "GET", "/approvals/{}", life["approval_id"]),
        ]
        for client, method, path, existing in asked:
            theirs = await client.request(method, path.format(existing), headers={"X-Request-Id": "same-for-both"})
            absent = await client.request(method, path.format(ABSENT), headers={"X-Request-Id": "same-for-both"})
            assert problem(theirs) == "not-found"
            assert (theirs.content, theirs.headers) == (absent.content, absent.headers), path
        answer = {"json": {"decision": "approve", "reason": "x"}, "headers": {"X-Request-Id": "same-for-both"}}
        theirs = await officer.post(f"/approvals/{life['approval_id']}", **answer)
        absent = await officer.post(f"/approvals/{ABSENT}", **answer)
        assert (theirs.content, theirs.headers) == (absent.content, absent.headers)
        peer = await desk.peer("europol")
        theirs = await peer.get(f"/packages/{package_id}", headers={"X-Request-Id": "same-for-both"})
        absent = await peer.get(f"/packages/{ABSENT}", headers={"X-Request-Id": "same-for-both"})
        assert json.loads(theirs.content)["code"] == "not-found"
        assert (theirs.content, theirs.headers) == (absent.content, absent.headers)

    desk.run(story())


def test_the_framework_answers_in_the_same_shape(desk):
    async def story():
        analyst = await desk.caller("analyst")
        is_whole_problem(await analyst.get("/nothing/here"), "not-found")
        is_whole_problem(await analyst.get("/packages/"), "not-found")
        refused = await analyst.delete("/packages")
        is_whole_problem(refused, "method-not-allowed")
        assert refused.headers["allow"] == "GET, POST"
        is_whole_problem(await analyst.get("/packages/not-an-id"), "malformed-request")
        is_whole_problem(await analyst.get("/packages?limit=0"), "malformed-request")
        is_whole_problem(await analyst.get(f"/packages/{ABSENT}?wait_for=christmas"), "unknown-term")
        body = {"content": b"{}", "headers": {"Idempotency-Key": "a", "Content-Type": "text/plain"}}
        is_whole_problem(await analyst.post("/packages", **body), "unsupported-media-type")

    desk.run(story())
