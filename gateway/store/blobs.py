"""Ciphertext on the filesystem: a file for each blob, 0600, in folders 0700 by the first two characters of its id."""

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
_COMING = "coming"


class FileBlobs:
    """The Blobs port on a folder that this process alone owns.

    A blob is durable before anything can name it,
    so a crash leaves at most blobs that nothing names: `collect` removes them.
    """

    def __init__(self, folder: Path, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._folder = folder
        self._random = random
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _COMING).mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder)

    def create(self) -> "FileBlobWriter":
        """See exchange.ports.Blobs."""
        blob_id = self._new_id()
        return FileBlobWriter(blob_id, self._folder / _COMING / blob_id, self._place(blob_id))

    def reserve(self, size: int) -> str:
        """See exchange.ports.Blobs. The space is taken at once, so a full disk says so here."""
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
        """See exchange.ports.Blobs. Raises IntegrityLost beyond the reserved size."""
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
        """See exchange.ports.Blobs."""
        descriptor = self._descriptor(blob_id, os.O_WRONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open(self, blob_id: str) -> BinaryIO:
        """See exchange.ports.Blobs."""
        return os.fdopen(self._descriptor(blob_id, os.O_RDONLY), "rb")

    def chunks(self, blob_id: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See exchange.ports.Blobs. Raises IntegrityLost where the blob ends before `end`."""
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
        """See exchange.ports.Blobs."""
        self._path(blob_id).unlink(missing_ok=True)

    def collect(self, is_named: Callable[[str, str], Iterable[str]], before: datetime) -> int:
        """Remove what crashes left: every unfinished blob, and blobs last written before `before` that nothing names.

        `is_named(low, high)` answers which ids from `low` up to, not including, `high` are named by the database.
        For the start, when nothing is being written. Returns how many it removed.
        """
        unfinished = list((self._folder / _COMING).iterdir())
        orphans = [orphan for shard in self._shards() for orphan in _orphans(shard, is_named, before)]
        for path in (*unfinished, *orphans):
            path.unlink()
        return len(unfinished) + len(orphans)

    def _shards(self) -> Iterator[Path]:
        return (path for path in self._folder.iterdir() if path.name != _COMING)

    def _new_id(self) -> str:
        return self._random(_ID_BYTES).hex()

    def _path(self, blob_id: str) -> Path:
        if not _ID.fullmatch(blob_id):
            raise IntegrityLost(detail="not the id of a blob")
        return self._folder / blob_id[:_SHARD_CHARACTERS] / blob_id

    def _place(self, blob_id: str) -> Path:
        """Where the blob belongs, in a folder that is there to stay."""
        place = self._path(blob_id)
        if not place.parent.is_dir():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
        return place

    def _descriptor(self, blob_id: str, flags: int) -> int:
        try:
            return os.open(self._path(blob_id), flags)
        except FileNotFoundError:
            raise IntegrityLost(detail="a blob on record is gone") from None


class FileBlobWriter:
    """A blob in the making, under a temporary name. Leaving its `with` block without `commit` abandons it."""

    def __init__(self, blob_id: str, temporary: Path, place: Path) -> None:
        self.blob_id = blob_id
        self._temporary = temporary
        self._place = place
        self._descriptor: int | None = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def write(self, data: bytes) -> None:
        """Append."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._open_descriptor(), rest) :]

    def commit(self) -> str:
        """See exchange.ports.BlobWriter."""
        os.fsync(self._open_descriptor())
        self._close()
        self._temporary.rename(self._place)
        sync_folder(self._place.parent)
        return self.blob_id

    def abandon(self) -> None:
        """See exchange.ports.BlobWriter. After `commit` it does nothing."""
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
            raise ValueError("the blob is finished")
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._open_descriptor(), None
        os.close(descriptor)


def _orphans(shard: Path, is_named: Callable[[str, str], Iterable[str]], before: datetime) -> Iterator[Path]:
    named = set(is_named(shard.name, shard.name + "g"))  # "g" sorts behind every hex digit
    for path in shard.iterdir():
        if path.name not in named and path.stat().st_mtime < before.timestamp():
            yield path
