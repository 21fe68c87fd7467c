"""Digests, comparison in constant time, and hashing on a second core."""

import hashlib
import hmac
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 (FIPS 180-4), 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes | memoryview) -> str:
    """SHA-256 as 64 lowercase hex digits: how digests are written in JSON."""
    return hashlib.sha256(data).hexdigest()


def is_equal(one: bytes, other: bytes) -> bool:
    """Compare in time that depends on the lengths alone."""
    return hmac.compare_digest(one, other)


_MIN_THREADED_BYTES = 128 * 1024


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="sha256")


class BackgroundSha256:
    """SHA-256 of a stream, on another core: `update` returns before its bytes are hashed.

    At most one update is under way, so memory stays constant and the order is kept. The caller must not change the bytes afterwards.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._under_way: Future[None] | None = None

    def update(self, data: bytes | memoryview) -> None:
        """Hash `data` next; waits until the previous update is done."""
        self._join()
        if len(data) < _MIN_THREADED_BYTES:
            self._hash.update(data)
        else:
            self._under_way = _pool().submit(self._hash.update, data)

    def hexdigest(self) -> str:
        """The digest of all updates, as lowercase hex."""
        self._join()
        return self._hash.hexdigest()

    def _join(self) -> None:
        if self._under_way:
            self._under_way.result()
            self._under_way = None
