"""Turns an answer without success (RFC 9457) into an error."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attache import strict_json
from attache.errors import AttacheError, TooManyRequests, Unreachable, error_of

MAX_DETAIL = 2000

# The codes for answers without a problem object: they come from a proxy, or from a server that is not a gateway.
_BARE_CODES: Mapping[int, str] = {
    401: "not-authenticated",
    403: "not-permitted",
    404: "not-found",
    413: "payload-too-large",
    429: "too-many-requests",
    502: "server-unreachable",
    503: "server-unreachable",
    504: "server-unreachable",
}
_STANDARD_MEMBERS = frozenset({"type", "title", "status", "code", "detail", "step"})


def read_problem(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> AttacheError:
    """The error that an answer describes, for any bytes as body. `extra` holds `request_id` and further members."""
    problem = _problem_object(body)
    if problem is None:
        error = error_of(_BARE_CODES.get(status, "malformed-answer"), f"HTTP {status} without a problem object")
    else:
        extra = {name: value for name, value in problem.items() if name not in _STANDARD_MEMBERS}
        detail, step = problem.get("detail"), problem.get("step")
        error = error_of(
            problem["code"],
            detail[:MAX_DETAIL] if isinstance(detail, str) else "",
            step=step[:MAX_DETAIL] if isinstance(step, str) else None,
            extra=extra,
        )
    if "x-request-id" in headers:
        error.extra.setdefault("request_id", headers["x-request-id"])
    error.retry_after_seconds = read_retry_after(headers.get("retry-after"), at)
    return error


def is_worth_repeating(error: AttacheError) -> bool:
    """Whether the same request is likely to succeed later."""
    return isinstance(error, Unreachable | TooManyRequests)


def read_retry_after(value: str | None, at: datetime) -> int | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3); None if it is absent or invalid."""
    if value is None or len(value) > 40:  # noqa: PLR2004 -- an HTTP date has 29 characters
        return None
    if value.isascii() and value.isdigit():
        return min(int(value), 10**9)
    try:
        until = parsedate_to_datetime(value)
        return max(0, round((until - at).total_seconds())) if until.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None


def _problem_object(body: bytes) -> dict[str, Any] | None:
    try:
        problem = strict_json.parse_object(body)
    except AttacheError:
        return None
    return problem if isinstance(problem.get("code"), str) else None
