"""Functions shared by the requests of the agency API: paths, the query of a page, POST with an Idempotency-Key, answers saved as files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from attache.client.call import AnswerReader, Call, Head, json_body, view_of, whole
from attache.client.quarantine import Quarantine
from attache.errors import AttacheError
from attache.wire.view import View

BASE = "/api/v1"
PAGE_SIZE = 100

V = TypeVar("V", bound=View)


def path_of(*segments: str | int) -> str:
    """A path of the API; each segment is percent-encoded, so that it stays one segment."""
    return "/".join([BASE, *(quote(str(segment), safe="") for segment in segments)])


def post(segments: Sequence[str], model: type[V], idempotency_key: str, body: Any = None) -> Call[V]:
    """A POST with an Idempotency-Key; the answer is one `model`."""
    request_body = None if body is None else json_body(body)
    headers = {"Idempotency-Key": idempotency_key}
    return Call("POST", path_of(*segments), whole(view_of(model)), headers=headers, body=request_body)


def paging(after: str) -> dict[str, str]:
    """The query of the page after the cursor `after`; of the first page if it is empty."""
    return {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}


def to_file(target: Path, size: int | None, sha256: str | None) -> Callable[[Head], AnswerReader[Path]]:
    """Save the answer as the new file `target`; it is published after its size and SHA-256 (hex), if known, were checked.

    If `sha256` is None, the digest in the answer's header is used, if there is one.
    """

    def reader(head: Head) -> AnswerReader[Path]:
        digest = head.headers.get("attache-sha256", sha256)
        if sha256 is not None and digest != sha256:
            raise AttacheError("malformed-answer", "the answer states the digest of other content")
        return Quarantine(target, size=size, sha256=digest)

    return reader
