import asyncio
import io
import json
import logging
from typing import Annotated, Any

import pytest
import structlog
from asking import ask
from fastapi import APIRouter, FastAPI, Header, Request

from gateway.problems import EveryAnswer, install_problems
from gateway.request_log import RequestLog, configure_logging, install_request_log

SENTINEL = "S3NT1NEL-content"


@pytest.fixture
def stream():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    found = io.StringIO()
    configure_logging("debug", found)
    yield found
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def make_app() -> FastAPI:
    app, router = FastAPI(title="agency"), APIRouter(prefix="/packages")

    @router.post("/{package_id}/parts/{name}")
    async def upload(request: Request, package_id: str, name: str) -> dict[str, int]:
        request.scope["state"]["caller"] = "0123456789abcdef"
        return {"bytes": len(await request.body())}

    @router.get("/crash")
    async def crash(x_case: Annotated[str, Header()]) -> None:
        raise RuntimeError(x_case)

    app.include_router(router, prefix="/api/v1")
    install_problems(app)
    install_request_log(app)
    return app


def test_one_line_for_each_request(stream):
    answer = ask(make_app(), "POST", "/api/v1/packages/77/parts/note", content=b"x")
    (line,) = lines(stream)
    assert line.pop("milliseconds") >= 0
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "api": "agency",
        "method": "POST",
        "route": "/api/v1/packages/{package_id}/parts/{name}",
        "status": 200,
        "request_id": answer.headers["x-request-id"],
        "caller": "0123456789abcdef",
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/api/v1/packages/{SENTINEL}/parts/{SENTINEL}?case={SENTINEL}", 200),
        ("GET", f"/{SENTINEL}?case={SENTINEL}", 404),
        ("DELETE", f"/api/v1/packages/{SENTINEL}/parts/{SENTINEL}", 405),
        ("GET", "/api/v1/packages/crash", 500),
        (SENTINEL, "/api/v1/packages/crash", 405),
    ],
)
def test_nothing_of_a_request_is_in_the_log(stream, method, path, status):
    headers = {"authorization": f"Bearer {SENTINEL}", "x-case": SENTINEL, "cookie": SENTINEL, "user-agent": SENTINEL}
    answer = ask(make_app(), method, path, headers=headers, content=SENTINEL.encode())
    assert answer.status_code == status
    assert [line["status"] for line in lines(stream) if line["event"] == "request"] == [status]
    assert SENTINEL not in stream.getvalue()


def test_an_unmatched_path_is_not_named(stream):
    ask(make_app(), "GET", "/nothing")
    assert lines(stream)[0]["route"] == "unmatched"


def test_a_request_without_an_answer_has_its_line_too(stream):
    app = make_app()

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is sent to a client that left")

    path = "/api/v1/packages/1/parts/a"
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "root_path": ""}
    asyncio.run(app(scope, receive, send))
    assert [line["status"] for line in lines(stream) if line["event"] == "request"] == [0]


def test_an_error_of_ours_is_logged_by_its_type(stream):
    try:
        int(SENTINEL)
    except ValueError:
        structlog.get_logger().exception("store-failed", group=3)
    (line,) = lines(stream)
    assert (line["event"], line["error"], line["group"]) == ("store-failed", "ValueError", 3)
    assert SENTINEL not in stream.getvalue()


def test_what_a_library_logs_loses_its_values(stream):
    try:
        int(SENTINEL)
    except ValueError:
        logging.getLogger("uvicorn.error").exception(
            "went wrong: %s\nmore: S3NT1NEL-content", SENTINEL, extra={"case": SENTINEL}
        )
    (line,) = lines(stream)
    assert line.pop("at")
    assert line == {"event": "went wrong: %s", "logger": "uvicorn.error", "level": "error", "error": "ValueError"}


def test_libraries_only_warn(stream):
    logging.getLogger("httpx").info("chatter")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("layer", [EveryAnswer, lambda app: RequestLog(app, "agency")])
def test_what_is_not_http_passes_by(stream, layer):
    seen = []

    async def inner(*connection: Any) -> None:
        seen.append(connection)

    asyncio.run(layer(inner)({"type": "lifespan"}, 1, 2))
    assert seen == [({"type": "lifespan"}, 1, 2)]
    assert stream.getvalue() == ""


def test_the_level_counts(stream):
    configure_logging("warning", stream)
    ask(make_app(), "GET", "/nothing")
    assert stream.getvalue() == ""
