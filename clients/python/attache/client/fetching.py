"""Fetching a file in several attempts: a broken transfer continues where it stopped, also after a restart."""

import os
import re
from pathlib import Path

from attache.client.call import Call, Head, Plan
from attache.errors import AttacheError, MalformedInput, Unreachable

_PARTIAL_CONTENT = 206
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})")
_LENGTH = re.compile(r"[0-9]{1,15}")


def fetch(url_path: str, target: Path) -> Plan[None]:
    """Fetch the resource at `url_path` into the file `target`, which may hold the beginning of it already.

    Tries again as long as each attempt adds bytes. The resource must never change; this function does not check that.
    """
    while True:
        size_before = _size_of(target)
        try:
            yield Call("GET", url_path, lambda head: RangeWriter(target, head), fresh_headers=lambda: _rest_of(target))
        except Unreachable:
            if _size_of(target) <= size_before:
                raise
        except MalformedInput:
            if not size_before:
                raise
            target.unlink()  # the server refuses the range: begin again
        else:
            return


class RangeWriter:
    """Writes an answer into a file of mode 0600, at the position of its Content-Range. Keeps the bytes of a transfer that breaks off."""

    def __init__(self, target: Path, head: Head) -> None:
        start, self._total = _range_of(head)
        self._file = os.fdopen(os.open(target, os.O_CREAT | os.O_RDWR, 0o600), "r+b")
        if start > self._file.seek(0, os.SEEK_END):
            self._file.close()
            raise AttacheError("malformed-answer", "the answer begins after the position that was asked for")
        self._file.seek(start)
        self._file.truncate()
        self._position = start

    def feed(self, chunk: bytes) -> None:
        self._position += len(chunk)
        if self._position > self._total:
            raise AttacheError("malformed-answer", "longer than announced")
        self._file.write(chunk)

    def finish(self) -> None:
        """Make the complete file durable. Raises Unreachable if the answer ended early."""
        if self._position != self._total:
            raise Unreachable(detail=f"the answer ended after {self._position} of {self._total} bytes")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _range_of(head: Head) -> tuple[int, int]:
    """The position at which the answer begins, and the length of the whole resource."""
    if head.status != _PARTIAL_CONTENT:
        length = head.headers.get("content-length", "")
        if not _LENGTH.fullmatch(length):
            raise AttacheError("malformed-answer", "no Content-Length")
        return 0, int(length)
    found = _CONTENT_RANGE.fullmatch(head.headers.get("content-range", ""))
    if found is None:
        raise AttacheError("malformed-answer", "no Content-Range")
    return int(found[1]), int(found[2])


def _rest_of(target: Path) -> dict[str, str]:
    size = _size_of(target)
    return {"Range": f"bytes={size}-"} if size else {}


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
