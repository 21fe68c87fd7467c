"""The operator's log: one JSON line for each request, on standard error.

A line names the route's template, never the path, the query, a header or the body: those may hold content, names of
cases or tokens. Lines may be lost; evidence is in the exchange log.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict

from gateway.metrics import Metrics

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_TEMPLATE = 200

log = structlog.get_logger("gateway.request")


class RequestLog:
    """ASGI middleware, the outermost: writes the line when the request has ended, with an answer or without.

    `status` is 0 where no answer was sent. `caller` is the authenticated caller: a pseudonym, or a participant.
    """

    def __init__(self, app: ASGIApp, api: str) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        started_at, status = time.perf_counter(), 0

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            self._measure(scope, status, time.perf_counter() - started_at)
            log.info(
                "request",
                api=self._api,
                method=scope["method"] if scope["method"] in KNOWN_METHODS else "other",
                route=route_template(scope),
                status=status,
                milliseconds=round((time.perf_counter() - started_at) * 1000, 1),
                request_id=state.get("request_id"),
                caller=state.get("caller"),
            )

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        metrics = getattr(scope["app"].state, "metrics", None)
        if isinstance(metrics, Metrics):
            method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
            metrics.request(self._api, method, route_template(scope), status, seconds)


def install_request_log(app: FastAPI) -> None:
    """Log the requests of `app`, under its title. Call it after `install_problems`."""
    app.add_middleware(RequestLog, api=app.title)


def route_template(scope: Scope) -> str:
    """The path as the application declares it, such as `/packages/{package_id}`; `unmatched` where no route matches."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    template = getattr(included, "path_format", None) or getattr(scope.get("route"), "path_format", None)
    return template if isinstance(template, str) else "unmatched"


def configure_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """Write our own log, and the warnings of libraries, to `stream`, one JSON object on each line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _without_traceback,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    lines = logging.StreamHandler(stream)
    lines.setFormatter(_LibraryLine())
    logging.basicConfig(handlers=[lines], level=logging.WARNING, force=True)


class _LibraryLine(logging.Formatter):
    """A library's log record: the first line of its template, without arguments, and the type of its error.

    Arguments, further lines and tracebacks are left out because they quote values, which may be content.
    """

    def format(self, record: logging.LogRecord) -> str:
        template = str(record.msg).partition("\n")[0][:MAX_TEMPLATE]
        line = {"event": template, "logger": record.name, "level": record.levelname.lower()}
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        return json.dumps({**line, "at": at, **_error_of(record.exc_info)})


def _without_traceback(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """The event with the type of an error instead of its text."""
    exc_info = event.pop("exc_info", None)
    return {**event, **_error_of(sys.exc_info() if exc_info is True else exc_info)}


def _error_of(exc_info: Any) -> dict[str, str]:
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return {"error": type(error).__name__} if isinstance(error, BaseException) else {}
