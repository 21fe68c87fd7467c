"""One HTTP request and the reading of its answer, as values without I/O, so that both clients share this code.

A `Call` describes what to send and how to read the answer. A plan is an operation of several requests: a generator that
yields calls. The driver of the client sends the answer of each call into the generator, or throws the error.
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
    """Status and headers of an answer. Header names are in lower case; `at` is the time at which it arrived."""

    status: int
    headers: Mapping[str, str]
    at: datetime


class AnswerReader(Protocol[T_co]):
    """Takes an answer's body in chunks. At the end, exactly one of `finish` and `abandon` is called."""

    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> T_co: ...

    def abandon(self) -> None: ...


@dataclass(frozen=True)
class Body:
    """The body of a request. Each call of `chunks` starts from the beginning, unless the body is not repeatable."""

    media_type: str
    chunks: Callable[[], Iterator[bytes]]
    size: int | None = None
    is_repeatable: bool = True


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. For each attempt, `answer` makes a new reader, and `fresh_headers` the headers that depend on how far the
    previous attempt came. `patience_seconds` is added to the read timeout, for requests that the server takes long to answer.
    """

    method: str
    path: str
    answer: Callable[[Head], AnswerReader[T]]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    patience_seconds: float = 0.0
    fresh_headers: Callable[[], Mapping[str, str]] = dict

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent a second time."""
        return self.body is None or self.body.is_repeatable

    def reader(self, head: Head) -> AnswerReader[T]:
        """The reader for the body of an answer: that of `answer` for a 2xx status, a ProblemReader for any other."""
        if 200 <= head.status < 300:  # noqa: PLR2004 -- RFC 9110, 15.3
            return self.answer(head)
        return ProblemReader(head)


Plan = Generator[Call[Any], Any, T]


class WholeReader(Generic[T]):
    """Collects an answer in memory, then parses it; raises AttacheError("malformed-answer") beyond `limit` bytes."""

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
    """Raises the error that an answer with a status outside 2xx describes."""

    def __init__(self, head: Head) -> None:
        super().__init__(lambda body: body, MAX_PROBLEM_BYTES)
        self._head = head

    def finish(self) -> Any:
        raise read_problem(self._head.status, self._head.headers, bytes(self._body), self._head.at)


def whole(parse: Callable[[bytes], T]) -> Callable[[Head], AnswerReader[T]]:
    """The answer's body, parsed once it is complete."""
    return lambda _head: WholeReader(parse)


def json_body(value: Any) -> Body:
    """A JSON request body."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Body("application/json", lambda: iter((raw,)), len(raw))


def bytes_body(raw: bytes, media_type: str) -> Body:
    """A request body of bytes in memory."""
    return Body(media_type, lambda: iter((raw,)), len(raw))


def view_of(model: type[V]) -> Callable[[bytes], V]:
    """Parses one JSON object as `model`; raises AttacheError("malformed-answer") for any other bytes."""
    return lambda raw: as_view(model, as_object(raw))


def views_of(model: type[V], member: str) -> Callable[[bytes], tuple[V, ...]]:
    """Parses a JSON object whose `member` is a list of `model`."""
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
        members = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)[:5])
        raise AttacheError("malformed-answer", f"{model.__name__}: {members[:200]}") from None


def as_object(raw: bytes) -> dict[str, Any]:
    """One JSON object; raises AttacheError("malformed-answer")."""
    try:
        return strict_json.parse_object(raw)
    except AttacheError as error:
        raise AttacheError("malformed-answer", error.detail) from None


def _list(value: dict[str, Any], member: str) -> list[Any]:
    items = value.get(member)
    if not isinstance(items, list):
        raise AttacheError("malformed-answer", f"{member} is not a list")
    return items


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list. `next` is the cursor of the next page; None on the last one."""

    items: list[T]
    next: str | None


def page_of(model: type[V], member: str) -> Callable[[bytes], Page[V]]:
    """Parses one page of a list."""

    def parse(raw: bytes) -> Page[V]:
        value = as_object(raw)
        next_cursor = value.get("next")
        if next_cursor is not None and not isinstance(next_cursor, str):
            raise AttacheError("malformed-answer", "next is not a string")
        return Page([as_view(model, item) for item in _list(value, member)], next_cursor or None)

    return parse


class Cursor:
    """The position in a list that is read page by page; refuses a list that does not advance."""

    def __init__(self, after: str = "") -> None:
        self.after = after
        self._seen = {after}

    def advance(self, page: Page[Any]) -> bool:
        """Move to the page after this one; returns False if it was the last. Raises AttacheError for a repeated cursor or an empty page."""
        if page.next is None:
            return False
        if page.next in self._seen or not page.items:
            raise AttacheError("malformed-answer", "the list does not advance")
        self.after = page.next
        self._seen.add(page.next)
        return True
