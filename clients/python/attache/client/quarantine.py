"""Files and folders that become visible only when they are complete and verified."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from attache.errors import Conflict, MalformedInput, NotAuthentic

MAX_NAME_BYTES = 255


class Quarantine:
    """Writes a hidden file beside `target`, mode 0600, and publishes it by a rename after all checks.

    `size` and `sha256`, if given, are checked before the file is published; `feed` refuses bytes beyond `size`.
    Until `finish` returns, `target` does not exist; after `abandon`, no file remains.
    """

    def __init__(self, target: Path, *, size: int | None = None, sha256: str | None = None) -> None:
        if target.exists() or target.is_symlink():
            raise Conflict("conflict", f"{target.name} exists already")
        self._target = target
        self._size = size
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._path = _hidden_beside(target)
        self._file = os.fdopen(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._bytes += len(chunk)
        if self._size is not None and self._bytes > self._size:
            raise NotAuthentic("part-mismatch", f"{self._target.name} is larger than the {self._size} bytes declared")
        self._digest.update(chunk)
        self._file.write(chunk)

    def finish(self) -> Path:
        """Check the file, make it durable and publish it; returns its path."""
        if self._size is not None and self._bytes != self._size:
            raise NotAuthentic("part-mismatch", f"{self._target.name} ended after {self._bytes} of {self._size} bytes")
        if self._sha256 is not None and self._digest.hexdigest() != self._sha256:
            raise NotAuthentic("part-mismatch", f"{self._target.name} does not have the declared digest")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._target.exists():
            raise Conflict("conflict", f"{self._target.name} exists already")
        # protocol P5
        self._path.rename(self._target)
        sync_folder(self._target.parent)
        return self._target

    def abandon(self) -> None:
        """Delete the hidden file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abandon()


class QuarantineFolder:
    """A new folder, mode 0700, under a hidden name beside `target`; one rename publishes it with its content.

    Until `publish` returns, `target` does not exist; after `abandon`, no folder remains.
    """

    def __init__(self, target: Path) -> None:
        if target.exists() or target.is_symlink():
            raise Conflict("conflict", f"{target.name} exists already")
        self._target = target
        self.path = _hidden_beside(target)
        self.path.mkdir(mode=0o700)

    def publish(self) -> Path:
        """Make the folder visible and durable; returns its path."""
        if self._target.exists():
            raise Conflict("conflict", f"{self._target.name} exists already")
        # protocol P5
        self.path.rename(self._target)
        sync_folder(self._target.parent)
        return self._target

    def abandon(self) -> None:
        """Delete the hidden folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abandon()


def plain_name(name: str) -> str:
    """`name`, a name from outside, if it can only be the name of a file directly in a folder.

    Raises MalformedInput("malformed-package") for separators, leading dots, control characters and excessive length.
    """
    plain = name.isprintable() and not name.startswith(".") and not set(name) & set('/\\:*?"<>|')
    if not plain or name != name.strip() or not 0 < len(name.encode(errors="replace")) <= MAX_NAME_BYTES:
        raise MalformedInput("malformed-package", f"{name[:80]!r} cannot be the name of a file")
    return name


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, mode 0600, atomically: after a crash it has the old content or the new."""
    temporary = _hidden_beside(path)
    file = os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Delete the hidden files and folders that a killed process left in `folder`. No other process may use the folder meanwhile."""
    for leftover in folder.glob(".*.quarantine"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hidden_beside(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(8)}.quarantine")
