"""Fetching a file that may break off: it goes on where it stopped, also after a restart."""

import os
import re
from pathlib import Path

from attache.client.call import Call, Head, Plan
from attache.errors import AttacheError, MalformedInput, Unreachable

_PARTIAL_CONTENT = 206
_PLACE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})")
_LENGTH = re.compile(r"[0-9]{1,15}")


def fetch(url_path: str, target: Path) -> Plan[None]:
    """Bring what is at `url_path` to the file `target`, of which the beginning may be there already.

    Goes on for as long as each attempt brings something. What is at `url_path` must never change; nothing here checks that.
    """
    while True:
        held = _size_of(target)
        try:
            yield Call("GET", url_path, lambda head: Continued(target, head), fresh_headers=lambda: _rest_of(target))
        except Unreachable:
            if _size_of(target) <= held:
                raise
        except MalformedInput:
            if not held:
                raise
            target.unlink()  # the server knows of no such rest: begin again
        else:
            return


class Continued:
    """Writes an answer where its Content-Range says, into a file of mode 0600. What came is kept when it breaks off."""

    def __init__(self, target: Path, head: Head) -> None:
        start, self._total = _place_of(head)
        self._file = os.fdopen(os.open(target, os.O_CREAT | os.O_RDWR, 0o600), "r+b")
        if start > self._file.seek(0, os.SEEK_END):
            self._file.close()
            raise AttacheError("malformed-answer", "the rest begins behind what was asked for")
        self._file.seek(start)
        self._file.truncate()
        self._position = start

    def feed(self, chunk: bytes) -> None:
        self._position += len(chunk)
        if self._position > self._total:
            raise AttacheError("malformed-answer", "longer than announced")
        self._file.write(chunk)

    def finish(self) -> None:
        """Durable and whole. Raises Unreachable where it ended early."""
        if self._position != self._total:
            raise Unreachable(detail=f"the answer ended after {self._position} of {self._total} bytes")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _place_of(head: Head) -> tuple[int, int]:
    """Where the answer begins, and how long the whole is."""
    if head.status != _PARTIAL_CONTENT:
        length = head.headers.get("content-length", "")
        if not _LENGTH.fullmatch(length):
            raise AttacheError("malformed-answer", "no Content-Length")
        return 0, int(length)
    found = _PLACE.fullmatch(head.headers.get("content-range", ""))
    if found is None:
        raise AttacheError("malformed-answer", "no Content-Range")
    return int(found[1]), int(found[2])


def _rest_of(target: Path) -> dict[str, str]:
    held = _size_of(target)
    return {"Range": f"bytes={held}-"} if held else {}


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
