"""What the requests of the agency API share: paths, the query of a page, bodies under an Idempotency-Key, answers that are files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from attache.client.call import Call, Head, Reader, json_body, view_of, whole
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
    """A POST under an Idempotency-Key, answered by one `model`."""
    carried = None if body is None else json_body(body)
    headers = {"Idempotency-Key": idempotency_key}
    return Call("POST", path_of(*segments), whole(view_of(model)), headers=headers, body=carried)


def paging(after: str) -> dict[str, str]:
    """The query of the page behind the cursor `after`; of the first page where that is empty."""
    return {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}


def to_file(target: Path, size: int | None, sha256: str | None) -> Callable[[Head], Reader[Path]]:
    """The answer as the new file `target`, published once its size and SHA-256 (hex) are checked as far as they are known.

    Where `sha256` is None, the digest is the one that the answer's header states, if any.
    """

    def reader(head: Head) -> Reader[Path]:
        stated = head.headers.get("attache-sha256", sha256)
        if sha256 is not None and stated != sha256:
            raise AttacheError("malformed-answer", "the answer is about other content")
        return Quarantine(target, size=size, sha256=stated)

    return reader
