"""Errors as a client sees them: RFC 9457 problems, and the only place that knows HTTP status codes.

`install_problems(app)` turns every error answer of an application into an `application/problem+json` object, gives each
answer an `X-Request-Id`, and forbids clients to store it. The text of an unexpected error is never sent to a client.
"""

import json
import re
import secrets
import traceback
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attache.errors import (
    PROBLEMS,
    AttacheError,
    CertificateRejected,
    Conflict,
    DeliveryFailed,
    Gone,
    IntegrityLost,
    MalformedInput,
    Misconfigured,
    NotAuthentic,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    TooManyRequests,
    error_of,
)
from gateway.exchange.kernel.work import REQUEST_ID
from gateway.metrics import Metrics

PROBLEM_JSON = "application/problem+json"

STATUS_BY_FAMILY: Mapping[type[AttacheError], int] = {
    PayloadTooLarge: 413,
    MalformedInput: 400,
    NotAuthentic: 401,
    NotPermitted: 403,
    Gone: 410,
    NotFound: 404,
    Conflict: 409,
    TooManyRequests: 429,
    DeliveryFailed: 502,
    IntegrityLost: 500,
    Misconfigured: 500,
    AttacheError: 500,
}

STATUS_BY_CODE: Mapping[str, int] = {
    "method-not-allowed": 405,
    "unsupported-media-type": 415,
    "request-timeout": 408,
    "not-ready": 503,
    "release-stopped": 503,
    "analysis-unavailable": 501,
    # Well-formed requests that cannot be carried out (RFC 9110, 15.5.21)
    "malformed-request": 422,
    "term-over": 422,
    "unknown-term": 422,
    "unknown-marking": 422,
    "missing-legal-basis": 422,
    "part-missing": 422,
    "digest-mismatch": 422,
    "block-mismatch": 422,
    "policy-not-loaded": 422,
    "policy-case-fails": 422,
}

# Our codes for the answers that the framework itself gives.
CODE_BY_STATUS: Mapping[int, str] = {
    401: "not-authenticated",
    403: "not-permitted",
    404: "not-found",
    405: "method-not-allowed",
    413: "payload-too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}

# RFC 6750, 3.1: a token was presented, and it is not valid.
_INVALID_TOKEN = frozenset({"token-invalid", "token-expired", "token-audience", "token-not-bound"})

STANDARD_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}

MAX_DETAIL = 500
MAX_MEMBERS = 10
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

log = structlog.get_logger("gateway.problems")


def status_of(code: str) -> int:
    """The HTTP status for a problem code."""
    if code in STATUS_BY_CODE:
        return STATUS_BY_CODE[code]
    return next(STATUS_BY_FAMILY[family] for family in PROBLEMS[code].family.__mro__ if family in STATUS_BY_FAMILY)


def problem_object(error: AttacheError, request_id: str) -> dict[str, Any]:
    """The RFC 9457 object of an error. Its extra members never replace the standard ones."""
    problem = {
        **error.extra,
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(error.code),
        "code": error.code,
        "detail": (error.detail or PROBLEMS[error.code].remedy)[:MAX_DETAIL],
        "request_id": request_id,
    }
    return {**problem, "step": error.step} if error.step else problem


def problem_response(error: AttacheError, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The complete answer: object, status, and the headers that the status requires."""
    problem = problem_object(error, request_id)
    response = Response(json.dumps(problem, default=str), problem["status"], media_type=PROBLEM_JSON)
    response.headers.update(headers or {})
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = _challenge(error)
    return response


def invalid_members(errors: Iterable[Mapping[str, Any]]) -> MalformedInput:
    """The problem for pydantic's list of errors. It names the members and what each must be,
    never the values that were sent.
    """
    located = [(_location(e["loc"]), e) for e in errors][:MAX_MEMBERS]
    if any(e["type"] == "json_invalid" for _, e in located):
        return MalformedInput("malformed-json")
    terms_only = all(e["type"] in ("enum", "literal_error") for _, e in located)
    members = [{"member": where, "reason": _reason(e)} for where, e in located]
    detail = "; ".join(f"{m['member']}: {m['reason']}" for m in members)
    return MalformedInput("unknown-term" if terms_only else "malformed-request", detail, extra={"errors": members})


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` with a problem. Call it after all other `add_middleware` calls,
    except that of the request log.
    """
    app.router.redirect_slashes = False  # a redirect would repeat the client's own Host header
    app.add_exception_handler(AttacheError, answer_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_route("/problems/{code}", _problem_page, include_in_schema=False)
    app.add_middleware(EveryAnswer)


class EveryAnswer:
    """ASGI middleware: sets the request id and the standard headers, and answers unexpected errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        REQUEST_ID.set(request_id)
        started, is_read = False, not _announces_body(scope)

        async def receive_and_note_end() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = not message.get("more_body", False)
            return message

        async def send_complete(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _complete(MutableHeaders(scope=message), request_id, is_read=is_read)
            await send(message)

        try:
            await self._app(scope, receive_and_note_end, send_complete)
        except ClientDisconnect:
            log.info("client-disconnected", request_id=request_id)
        except Exception as error:  # noqa: BLE001 -- its text may hold content, so only its place in the code is logged
            log.error("unexpected-error", request_id=request_id, error=type(error).__name__, at=_place(error))  # noqa: TRY400 -- a traceback quotes values
            if not started:  # otherwise the server sees an unfinished answer and cuts the connection
                await problem_response(AttacheError(), request_id)(scope, receive, send_complete)


def new_request_id() -> str:
    """A new id, for a request without one."""
    return secrets.token_hex(16)


def request_id_of(request: Request) -> str:
    """The id under which this request is answered and logged."""
    return str(request.scope["state"]["request_id"])


def render_problem_docs() -> str:
    """The text of `docs/problems.md`: one section for each code; the section's anchor is the code."""
    sections = (_section(code) for code in sorted(PROBLEMS))
    return "\n".join([_DOCS_HEAD, *sections])


_DOCS_HEAD = """\
# Problems

Every error is one of these codes, the same in REST, SDK and CLI. Over HTTP it is an `application/problem+json`
object (RFC 9457) with `type` (`/problems/<code>`, which the gateway answers with the section below), `title`,
`status`, `code`, `detail` and `request_id`; a failed verification adds the `step` that failed, and an invalid
request adds `errors`, a list of `member` and `reason`.

This page is generated from the table in `attache.errors`: `python -m gateway.problems > docs/problems.md`.
"""


def _section(code: str) -> str:
    problem = PROBLEMS[code]
    status = f"HTTP status {status_of(code)}, `{problem.family.__name__}`."
    return f"## {code}\n\n{problem.title}. {status}\n\n{problem.remedy}\n"


async def _problem_page(request: Request) -> Response:
    code = request.path_params["code"]
    if code not in PROBLEMS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return PlainTextResponse(_section(code), media_type="text/markdown")


async def answer_problem(request: Request, error: Exception) -> Response:
    """The exception handler for every AttacheError."""
    if not isinstance(error, AttacheError):
        raise error
    metrics = getattr(request.app.state, "metrics", None)
    if isinstance(metrics, Metrics):
        metrics.problem(request.app.title, error.code)
    if isinstance(error, IntegrityLost | Misconfigured) and status_of(error.code) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("integrity-lost", request_id=request_id_of(request), code=error.code, step=error.step)
        error = type(error)(error.code, step=error.step)  # the detail is for the operator's log, not for clients
    return problem_response(error, request_id_of(request))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return problem_response(invalid_members(error.errors()), request_id_of(request))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    fallback = "internal-error" if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else "malformed-request"
    code = CODE_BY_STATUS.get(error.status_code, fallback)
    headers = dict(error.headers or {})
    if code == "method-not-allowed":
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return problem_response(error_of(code), request_id_of(request), headers)


def _allowed_methods(request: Request) -> list[str]:
    """Every method that any route answers at this path. The framework names only those of the first route."""
    routes = request.app.router.routes

    def is_answered(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(dict(scope))[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if is_answered(method)]


def _request_id(scope: Scope) -> str:
    """The id that the client sent, where it matches our pattern; otherwise a new one."""
    sent_ids: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"]
    if len(sent_ids) == 1 and _REQUEST_ID.fullmatch(sent_ids[0]):
        return sent_ids[0]
    return new_request_id()


def _announces_body(scope: Scope) -> bool:
    """Whether the request has a body (RFC 9112, 6)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _complete(headers: MutableHeaders, request_id: str, *, is_read: bool) -> None:
    headers["X-Request-Id"] = request_id
    if not is_read:  # otherwise the client could go on sending a body to which no limit applies any more
        headers["Connection"] = "close"
    for name, value in STANDARD_HEADERS.items():
        headers.setdefault(name, value)


def _challenge(error: AttacheError) -> str:
    """The WWW-Authenticate header of a 401 (RFC 9110, 11.6.1; RFC 6750, 3)."""
    if error.code in _INVALID_TOKEN:
        return 'Bearer error="invalid_token"'
    if isinstance(error, CertificateRejected):
        return 'ClientCertificate realm="exchange"'
    return "Bearer"


def _location(path: Iterable[str | int]) -> str:
    """A place in the request, as member names and indices; a name that does not match our pattern is shown as `?`."""
    return ".".join(str(p) if isinstance(p, int) or _MEMBER.fullmatch(p) else "?" for p in path) or "body"


def _reason(error: Mapping[str, Any]) -> str:
    """The kind of a pydantic error, in words. Its message and input are not used, because they may quote the client."""
    if error["type"] in ("enum", "literal_error"):
        return f"expected {error['ctx']['expected']}"
    return str(error["type"]).replace("_", " ")


def _place(error: BaseException) -> list[str]:
    """Where an error was raised: file, line and function of the innermost frames, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]


if __name__ == "__main__":
    print(render_problem_docs(), end="")  # noqa: T201 -- the page goes to standard output
