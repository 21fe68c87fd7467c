"""One HTTP request and the reading of its answer, as values: no I/O, so that both clients share every word of it.

A `Call` says what to send and how to read what comes. A plan is a generator that yields calls and is sent their
answers, or thrown their errors: an operation of several requests, run by whichever client drives it.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from attache import strict_json
from attache.client.problem import read_problem
from attache.errors import AttacheError
from attache.wire.view import View

MAX_ANSWER_BYTES = 16 << 20
MAX_PROBLEM_BYTES = 1 << 20

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V", bound=View)


@dataclass(frozen=True)
class Head:
    """The beginning of an answer. Header names are lower case; `at` is when it came."""

    status: int
    headers: Mapping[str, str]
    at: datetime


class Reader(Protocol[T_co]):
    """Takes an answer's body as it comes. Exactly one of `finish` and `abandon` ends it."""

    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> T_co: ...

    def abandon(self) -> None: ...


@dataclass(frozen=True)
class Body:
    """What a request carries. `chunks` starts from the beginning at each call, unless it is not repeatable."""

    media_type: str
    chunks: Callable[[], Iterator[bytes]]
    size: int | None = None
    is_repeatable: bool = True


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. `answer` makes a fresh reader for each attempt, and `fresh_headers` headers that depend on how far the
    last one came. `patience_seconds` is how long the server may think.
    """

    method: str
    path: str
    answer: Callable[[Head], Reader[T]]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    patience_seconds: float = 0.0
    fresh_headers: Callable[[], Mapping[str, str]] = dict

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent a second time."""
        return self.body is None or self.body.is_repeatable

    def reader(self, head: Head) -> Reader[T]:
        """What reads the body of an answer with this head: a success as `answer` says, anything else as a problem."""
        if 200 <= head.status < 300:  # noqa: PLR2004 -- RFC 9110, 15.3
            return self.answer(head)
        return ProblemReader(head)


Plan = Generator[Call[Any], Any, T]


class WholeReader(Generic[T]):
    """Collects a small answer, then parses it; more than `limit` bytes are refused as they come."""

    def __init__(self, parse: Callable[[bytes], T], limit: int = MAX_ANSWER_BYTES) -> None:
        self._parse = parse
        self._limit = limit
        self._body = bytearray()

    def feed(self, chunk: bytes) -> None:
        if len(self._body) + len(chunk) > self._limit:
            raise AttacheError("malformed-answer", f"larger than {self._limit} bytes")
        self._body += chunk

    def finish(self) -> T:
        return self._parse(bytes(self._body))

    def abandon(self) -> None:
        self._body.clear()


class ProblemReader(WholeReader[Any]):
    """Raises the error that an answer outside 2xx stands for."""

    def __init__(self, head: Head) -> None:
        super().__init__(lambda body: body, MAX_PROBLEM_BYTES)
        self._head = head

    def finish(self) -> Any:
        raise read_problem(self._head.status, self._head.headers, bytes(self._body), self._head.at)


def whole(parse: Callable[[bytes], T]) -> Callable[[Head], Reader[T]]:
    """The answer's body, parsed once it is complete."""
    return lambda _head: WholeReader(parse)


def json_body(value: Any) -> Body:
    """A JSON request body."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Body("application/json", lambda: iter((raw,)), len(raw))


def bytes_body(raw: bytes, media_type: str) -> Body:
    """A request body that is at hand."""
    return Body(media_type, lambda: iter((raw,)), len(raw))


def view_of(model: type[V]) -> Callable[[bytes], V]:
    """Parses one JSON object as `model`; raises AttacheError("malformed-answer") for any other bytes."""
    return lambda raw: as_view(model, as_object(raw))


def views_of(model: type[V], member: str) -> Callable[[bytes], tuple[V, ...]]:
    """Parses the list that is the object's `member`."""
    return lambda raw: tuple(as_view(model, value) for value in _list(as_object(raw), member))


def text_of(raw: bytes) -> str:
    """Parses UTF-8 text."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise AttacheError("malformed-answer", "not UTF-8") from None


def nothing_of(raw: bytes) -> None:
    """Parses an answer that has no body; a body is ignored."""


def as_view(model: type[V], value: Any) -> V:
    """`value` as `model`; the error names the members that do not fit, never their values."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, found["loc"])) for found in error.errors(include_input=False)[:5])
        raise AttacheError("malformed-answer", f"{model.__name__}: {where[:200]}") from None


def as_object(raw: bytes) -> dict[str, Any]:
    """One JSON object; raises AttacheError("malformed-answer")."""
    try:
        return strict_json.parse_object(raw)
    except AttacheError as error:
        raise AttacheError("malformed-answer", error.detail) from None


def _list(value: dict[str, Any], member: str) -> list[Any]:
    found = value.get(member)
    if not isinstance(found, list):
        raise AttacheError("malformed-answer", f"{member} is not a list")
    return found


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list, and the cursor of what follows; None at the end."""

    items: list[T]
    next: str | None


def page_of(model: type[V], member: str) -> Callable[[bytes], Page[V]]:
    """Parses one page of a list."""

    def parse(raw: bytes) -> Page[V]:
        value = as_object(raw)
        following = value.get("next")
        if following is not None and not isinstance(following, str):
            raise AttacheError("malformed-answer", "next is not a string")
        return Page([as_view(model, item) for item in _list(value, member)], following or None)

    return parse


class Cursor:
    """Walks a list page by page, and refuses a list that does not advance."""

    def __init__(self, after: str = "") -> None:
        self.after = after
        self._seen = {after}

    def advance(self, page: Page[Any]) -> bool:
        """Go to the page after this one; False if it was the last. A repeated cursor or an empty page is an error."""
        if page.next is None:
            return False
        if page.next in self._seen or not page.items:
            raise AttacheError("malformed-answer", "the list does not advance")
        self.after = page.next
        self._seen.add(page.next)
        return True
