"""Ciphertext in files: one file with mode 0600 for each blob, in folders (0700) named by the first two characters of
its id.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from attache.errors import IntegrityLost
from gateway.store.durable import sync_folder

CHUNK_BYTES = 1 << 20

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ID_BYTES = 16
_SHARD_CHARACTERS = 2
_UNFINISHED = "coming"


class FileBlobs:
    """The Blobs port on a folder. Only one process may use the folder.

    A blob is durable before a record refers to it. So a crash can only leave blobs without a record, which `collect`
    removes.
    """

    def __init__(self, folder: Path, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._folder = folder
        self._random = random
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _UNFINISHED).mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder)

    def create(self) -> "FileBlobWriter":
        """See exchange.kernel.ports.Blobs."""
        blob_id = self._new_id()
        return FileBlobWriter(blob_id, self._folder / _UNFINISHED / blob_id, self._place(blob_id))

    def reserve(self, size: int) -> str:
        """See exchange.kernel.ports.Blobs. The space is allocated at once, so a full disk raises OSError here."""
        blob_id = self._new_id()
        place = self._place(blob_id)
        descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            if size:
                os.posix_fallocate(descriptor, 0, size)
            os.fsync(descriptor)
        except OSError:
            place.unlink()
            raise
        finally:
            os.close(descriptor)
        sync_folder(place.parent)
        return blob_id

    def write_at(self, blob_id: str, offset: int, data: bytes) -> None:
        """See exchange.kernel.ports.Blobs. Raises IntegrityLost beyond the reserved size."""
        descriptor = self._descriptor(blob_id, os.O_WRONLY)
        try:
            if not 0 <= offset <= os.fstat(descriptor).st_size - len(data):
                raise IntegrityLost(detail="a write outside the reserved blob")
            rest = memoryview(data)
            while rest:
                written = os.pwrite(descriptor, rest, offset)
                rest, offset = rest[written:], offset + written
        finally:
            os.close(descriptor)

    def sync(self, blob_id: str) -> None:
        """See exchange.kernel.ports.Blobs."""
        descriptor = self._descriptor(blob_id, os.O_WRONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open(self, blob_id: str) -> BinaryIO:
        """See exchange.kernel.ports.Blobs."""
        return os.fdopen(self._descriptor(blob_id, os.O_RDONLY), "rb")

    def chunks(self, blob_id: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See exchange.kernel.ports.Blobs. Raises IntegrityLost where the blob ends before `end`."""
        with self.open(blob_id) as blob:
            blob.seek(start)
            at = start
            while end is None or at < end:
                chunk = blob.read(CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - at))
                if not chunk and end is None:
                    return
                if not chunk:
                    raise IntegrityLost(detail="a blob is shorter than on record")
                at += len(chunk)
                yield chunk

    def delete(self, blob_id: str) -> None:
        """See exchange.kernel.ports.Blobs."""
        self._path(blob_id).unlink(missing_ok=True)

    def collect(self, referenced_ids: Callable[[str, str], Iterable[str]], before: datetime) -> int:
        """Remove what crashes have left: unfinished blobs, and blobs last written before `before` to which no record
        refers.

        `referenced_ids(low, high)` returns the ids from `low` to below `high` that records refer to.
        Call it at the start only, while nothing writes. Returns the number of removed blobs.
        """
        unfinished = list((self._folder / _UNFINISHED).iterdir())
        orphans = [orphan for shard in self._shards() for orphan in _orphans(shard, referenced_ids, before)]
        for path in (*unfinished, *orphans):
            path.unlink()
        return len(unfinished) + len(orphans)

    def _shards(self) -> Iterator[Path]:
        return (path for path in self._folder.iterdir() if path.name != _UNFINISHED)

    def _new_id(self) -> str:
        return self._random(_ID_BYTES).hex()

    def _path(self, blob_id: str) -> Path:
        if not _ID.fullmatch(blob_id):
            raise IntegrityLost(detail="not a blob's id")
        return self._folder / blob_id[:_SHARD_CHARACTERS] / blob_id

    def _place(self, blob_id: str) -> Path:
        """The final path of the blob; its folder exists and is durable."""
        place = self._path(blob_id)
        if not place.parent.is_dir():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
        return place

    def _descriptor(self, blob_id: str, flags: int) -> int:
        try:
            return os.open(self._path(blob_id), flags)
        except FileNotFoundError:
            raise IntegrityLost(detail="a blob on record is missing") from None


class FileBlobWriter:
    """A blob that is being written, under a temporary name. Leaving its context without `commit` removes it."""

    def __init__(self, blob_id: str, temporary: Path, place: Path) -> None:
        self.blob_id = blob_id
        self._temporary = temporary
        self._place = place
        self._descriptor: int | None = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._open_descriptor(), rest) :]

    def commit(self) -> str:
        """See exchange.kernel.ports.BlobWriter."""
        os.fsync(self._open_descriptor())
        self._close()
        self._temporary.rename(self._place)
        sync_folder(self._place.parent)
        return self.blob_id

    def abandon(self) -> None:
        """See exchange.kernel.ports.BlobWriter. After `commit` it does nothing."""
        if self._descriptor is not None:
            self._close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abandon()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("the blob is already committed or abandoned")
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._open_descriptor(), None
        os.close(descriptor)


def _orphans(shard: Path, referenced_ids: Callable[[str, str], Iterable[str]], before: datetime) -> Iterator[Path]:
    referenced = set(referenced_ids(shard.name, shard.name + "g"))  # "g" sorts after every hex digit
    for path in shard.iterdir():
        if path.name not in referenced and path.stat().st_mtime < before.timestamp():
            yield path
