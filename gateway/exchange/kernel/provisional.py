"""Blobs that no record names yet."""

import asyncio
from types import TracebackType
from typing import Self

from attache.errors import IntegrityLost
from gateway.exchange.kernel.ports import Blobs


class ProvisionalBlobs:
    """What was put into blobs for one request. What the block does not `keep` is deleted when it ends.

    Where it is open whether a commit names them (the caller was cancelled, the store broke), they stay: the next start
    collects what nothing names.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self._ids: list[str] = []

    def add(self, blob_id: str) -> str:
        """Answer for a blob that is about to be, or was just, made; returns its id."""
        self._ids.append(blob_id)
        return blob_id

    def keep(self) -> None:
        """They are named by what was committed."""
        self._ids.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_open = kind is not None and (not issubclass(kind, Exception) or issubclass(kind, IntegrityLost))
        if self._ids and not is_open:
            await asyncio.to_thread(self._delete)

    def _delete(self) -> None:
        for blob_id in self._ids:
            self.blobs.delete(blob_id)
