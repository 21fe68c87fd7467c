import asyncio
from pathlib import Path
from typing import Any

import pytest
from asking import ask
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from attache.errors import (
    PROBLEMS,
    CertificateRejected,
    Conflict,
    IntegrityLost,
    MalformedInput,
    NotAuthentic,
    NotPermitted,
    TooManyRequests,
    error_of,
)
from attache.vocabulary import Kind
from gateway.problems import install_problems, problem_response, render_problem_docs, status_of

SENTINEL = "S3NT1NEL-content"


class Body(BaseModel, extra="forbid"):
    kind: Kind
    count: int


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/thing/{number}")
    async def read(number: int) -> dict[str, int]:
        return {"number": number}

    @app.put("/thing/{number}")
    async def write(number: int, body: Body) -> dict[str, int]:
        return {"number": number}

    @app.get("/raise/{code}")
    async def fail(code: str) -> None:
        raise error_of(code, "why", step="3")

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError(SENTINEL)

    @app.get("/http/{status}")
    async def http(status: int) -> None:
        raise HTTPException(status, SENTINEL)

    @app.get("/lost")
    async def lost() -> None:
        raise IntegrityLost(detail=SENTINEL, extra={"row": SENTINEL})

    install_problems(app)
    return app


APP = make_app()


def problem(method: str, path: str, status: int, code: str, **request: Any) -> Any:
    answer = ask(APP, method, path, **request)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code)
    assert found["type"] == f"/problems/{code}"
    assert found["title"] == PROBLEMS[code].title
    assert found["request_id"] == answer.headers["x-request-id"]
    assert SENTINEL not in answer.text
    return answer


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_code_is_one_shape(code):
    answer = problem("GET", f"/raise/{code}", status_of(code), code)
    assert answer.json()["step"] == "3"
    assert 400 <= answer.status_code <= 599


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_a_problem_type_answers_with_its_section_of_the_page(code):
    answer = ask(APP, "GET", f"/problems/{code}")
    assert answer.status_code == 200
    assert answer.text in render_problem_docs()


def test_an_unknown_problem_type_is_not_found():
    problem("GET", "/problems/no-such-code", 404, "not-found")


def test_the_page_equals_the_table():
    page = Path(__file__).parents[3] / "docs/problems.md"
    assert page.read_text() == render_problem_docs()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("malformed-json", 400),
        ("malformed-request", 422),
        ("payload-too-large", 413),
        ("request-timeout", 408),
        ("unsupported-media-type", 415),
        ("unsupported-version", 400),
        ("signature-invalid", 401),
        ("certificate-revoked", 401),
        ("policy-denied", 403),
        ("unknown-partner", 404),
        ("replay-detected", 409),
        ("too-many-requests", 429),
        ("partner-unreachable", 502),
        ("integrity-lost", 500),
        ("internal-error", 500),
        ("missing-legal-basis", 422),
        ("digest-mismatch", 422),
    ],
)
def test_the_status_of_a_code(code, status):
    assert status_of(code) == status


def test_unknown_path():
    headers = problem("GET", "/nothing/here", 404, "not-found").headers
    assert not {"allow", "retry-after", "www-authenticate"} & set(headers)


def test_a_trailing_slash_is_not_redirected():
    problem("GET", "/thing/1/", 404, "not-found")


def test_unknown_method_lists_every_method_of_the_path():
    assert problem("DELETE", "/thing/1", 405, "method-not-allowed").headers["allow"] == "GET, PUT"


def test_invalid_path_parameter_is_named_and_not_repeated():
    found = problem("GET", f"/thing/{SENTINEL}", 422, "malformed-request").json()
    assert found["detail"] == "path.number: int parsing"


def test_invalid_members_are_named_and_their_values_are_not_repeated():
    body = {"kind": "tool", "count": SENTINEL, "surplus": SENTINEL}
    found = problem("PUT", "/thing/1", 422, "malformed-request", json=body).json()
    assert found["errors"] == [
        {"member": "body.count", "reason": "int parsing"},
        {"member": "body.surplus", "reason": "extra forbidden"},
    ]


def test_a_member_name_that_is_no_name_is_not_repeated():
    body = {"kind": "tool", "count": 1, f"{SENTINEL} x": 1}
    assert problem("PUT", "/thing/1", 422, "malformed-request", json=body).json()["detail"] == "body.?: extra forbidden"


def test_a_term_outside_the_vocabulary_has_its_own_code():
    found = problem("PUT", "/thing/1", 422, "unknown-term", json={"kind": SENTINEL, "count": 1}).json()
    assert found["detail"].startswith("body.kind: expected 'intelligence'")


def test_broken_json():
    problem(
        "PUT", "/thing/1", 400, "malformed-json", content=b'{"kind": ', headers={"content-type": "application/json"}
    )


@pytest.mark.parametrize(
    ("status", "ours", "code"),
    [(418, 422, "malformed-request"), (503, 500, "internal-error"), (403, 403, "not-permitted"), (415, 415, "unsupported-media-type")],
)  # fmt: skip
def test_what_the_framework_raises_becomes_a_problem_without_its_words(status, ours, code):
    problem("GET", f"/http/{status}", ours, code)


def test_an_unexpected_error_tells_nobody_what_it_says():
    with capture_logs() as logs:
        problem("GET", "/crash", 500, "internal-error")
    assert [entry["error"] for entry in logs] == ["RuntimeError"]
    assert SENTINEL not in str(logs)
    assert "crash" in logs[0]["at"][-1]


def test_lost_integrity_keeps_its_particulars_from_the_client():
    with capture_logs() as logs:
        problem("GET", "/lost", 500, "integrity-lost")
    assert logs[0]["log_level"] == "error"


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (NotAuthentic(), "Bearer"),
        (NotAuthentic("token-expired"), 'Bearer error="invalid_token"'),
        (CertificateRejected("certificate-required"), 'ClientCertificate realm="exchange"'),
    ],
)
def test_401_says_what_it_asks_for(error, challenge):
    assert problem_response(error, "r").headers["www-authenticate"] == challenge


def test_only_401_challenges():
    assert "www-authenticate" not in problem_response(NotPermitted(), "r").headers


def test_429_says_when_to_come_back():
    assert problem_response(TooManyRequests(retry_after_seconds=7), "r").headers["retry-after"] == "7"


def test_extra_members_do_not_shadow_the_standard_ones():
    error = Conflict(extra={"status": 200, "code": "fine", "state": "held"})
    assert b'"code": "conflict"' in problem_response(error, "r").body
    assert b'"state": "held"' in problem_response(error, "r").body


def test_a_sane_request_id_is_kept():
    assert ask(APP, "GET", "/thing/1", headers={"x-request-id": "caller-0001"}).headers["x-request-id"] == "caller-0001"


@pytest.mark.parametrize("given", ["short", "a" * 65, "white space here", "semi;colon;semi", "<script>alert</script>"])
def test_any_other_request_id_is_replaced(given):
    found = ask(APP, "GET", "/thing/1", headers={"x-request-id": given}).headers["x-request-id"]
    assert found != given
    assert len(found) == 32


def test_two_requests_have_two_ids():
    assert len({ask(APP, "GET", "/thing/1").headers["x-request-id"] for _ in range(2)}) == 2


def test_an_answer_is_not_stored_sniffed_or_framed():
    headers = ask(APP, "GET", "/thing/1").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["strict-transport-security"]


def scope(path: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "root_path": ""}


def test_a_client_that_went_away_gets_nothing_and_is_no_error():
    app = FastAPI()

    @app.get("/read")
    async def read(request: Request) -> None:
        await request.body()
        raise AssertionError("unreachable")

    install_problems(app)
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    with capture_logs() as logs:
        asyncio.run(app(scope("/read"), receive, send))
    assert sent == []
    assert [entry["event"] for entry in logs] == ["client-disconnected"]


def test_an_error_after_the_answer_began_leaves_it_unfinished():
    app = FastAPI()

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(SENTINEL)

    app.mount("/half", half)
    install_problems(app)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope("/half/"), None, send))
    assert [message["type"] for message in sent] == ["http.response.start"]


@given(
    st.text(max_size=40), st.sampled_from(["GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"]), st.binary(max_size=60)
)
def test_any_path_and_body_is_answered_below_500(path, method, body):
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asked = {**scope(f"/{path}"), "method": method, "headers": [(b"content-type", b"application/json")]}
    asyncio.run(APP(asked, receive, send))
    expected_500 = path in ("crash", "lost") or path.startswith(("raise/", "http/"))
    assert sent[0]["status"] < 500 or expected_500


@given(st.text(max_size=2000))
def test_any_detail_makes_a_bounded_answer(detail):
    assert len(problem_response(MalformedInput(detail=detail), "r").body) < 7000
