"""The store of data keys: one random key for each package, wrapped by the storage key, in a small SQLite database of
its own.

It is separate so that backups of the main database contain no keys: once a key is destroyed here, no backup of the
main database can be opened with it. New keys are made durable before the commit that needs them (`keep`), and
destroyed after the commit of a purge. A row never changes its size or position, so SQLite overwrites a key in its
place.
"""

import hmac
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attache.crypto import open_at_rest, seal_at_rest
from attache.errors import Gone, IntegrityLost, NotAuthentic
from attache.package.ids import PackageId, ParticipantId
from gateway.store.durable import sync_folder

KEY_BYTES = 32
LABEL_BYTES = 16
REMEMBERED = 4_096
_BUSY_SECONDS = 5.0
_AT_ONCE = 1_000
_EMPTY = bytes(12 + KEY_BYTES + 16)
"""The bytes that overwrite a wrapped key."""

_MAKE = """create table if not exists data_key (
    number integer primary key,
    label blob not null unique,
    originator text not null,
    package_id text not null,
    wrapped blob not null,
    is_destroyed integer not null)"""
_PUT = """insert into data_key (label, originator, package_id, wrapped, is_destroyed) values (?, ?, ?, ?, ?)
    on conflict (label) do update set wrapped = excluded.wrapped, is_destroyed = excluded.is_destroyed"""
_UNLESS_THERE = f"{_PUT} where is_destroyed = 0 and wrapped = zeroblob({len(_EMPTY)})"


@dataclass(frozen=True)
class StoredKey:
    """The row number of a key, and its package."""

    number: int
    originator: ParticipantId
    package_id: PackageId


class KeyStore:
    """See exchange.kernel.at_rest.DataKeys. Any thread may read, at any time. Call `begin` before writing."""

    def __init__(self, path: Path, storage_key: bytes, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._path = path
        self._storage_key = storage_key
        self._label_key = hmac.digest(storage_key, b"attache/1 data key labels", "sha256")
        self._random = random
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._fresh: dict[bytes, tuple[str, str, bytes]] = {}
        self._retired: set[bytes] = set()
        self._reading: sqlite3.Connection | None = None
        self._writing: sqlite3.Connection | None = None

    def begin(self) -> None:
        """Open the database for writing. Creates the file, accessible to its owner only, if it does not exist."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        sync_folder(self._path.parent)
        self._writing = _connect(self._path.as_posix(), uri=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            self._writing.execute(f"pragma {pragma}").close()
        self._writing.execute(_MAKE)

    def close(self) -> None:
        """Close the connections. Keys that were not made durable are lost; no commit has needed them."""
        for connection in (self._reading, self._writing):
            if connection is not None:
                connection.close()
        self._reading = self._writing = None

    def label(self, originator: ParticipantId, package_id: PackageId) -> bytes:
        """See exchange.kernel.at_rest.DataKeys."""
        return hmac.digest(self._label_key, f"{originator}\x00{package_id}".encode(), "sha256")[:LABEL_BYTES]

    def sealing_key(self, originator: ParticipantId, package_id: PackageId) -> bytes:
        """See exchange.kernel.at_rest.DataKeys."""
        label = self.label(originator, package_id)
        with self._lock:
            if label in self._retired:
                raise Gone
            key = self._found(label)
            if key is None:
                key = self._random(KEY_BYTES)
                self._fresh[label] = (originator, package_id, key)
            return key

    def opening_key(self, label: bytes) -> bytes:
        """See exchange.kernel.at_rest.DataKeys."""
        with self._lock:
            key = self._found(label)
        if key is None:
            raise IntegrityLost(
                detail="the data key of a package is missing, and the package was not purged", step="at-rest"
            )
        return key

    def is_retired(self, label: bytes) -> bool:
        """See exchange.kernel.at_rest.DataKeys."""
        with self._lock:
            if label in self._retired:
                return True
            try:
                self._found(label)
            except Gone:
                return True
            return False

    def retire(self, label: bytes) -> None:
        """Stop sealing under this key. It still opens existing values until it is destroyed."""
        with self._lock:
            self._retired.add(label)

    def reinstate(self, labels: Iterable[bytes]) -> None:
        """Undo `retire`, because the purge was not committed."""
        with self._lock:
            self._retired.difference_update(labels)

    def keep(self) -> None:
        """Make all new keys durable with one sync. Does nothing without new keys."""
        with self._lock:
            fresh = dict(self._fresh)
        if not fresh:
            return
        rows = [
            (label, originator, name, self._wrap(label, key), 0) for label, (originator, name, key) in fresh.items()
        ]
        self._write(_UNLESS_THERE, rows)
        with self._lock:
            for label, (_, _, key) in fresh.items():
                self._fresh.pop(label, None)
                self._remember(label, key)

    def destroy(self, packages: Iterable[tuple[ParticipantId, PackageId]]) -> bool:
        """Overwrite the keys of these packages. False if the old bytes are still in the write-ahead log; then call it
        again later.
        """
        rows = [(self.label(*package), *package, _EMPTY, 1) for package in packages]
        self._write(_PUT, rows)
        with self._lock:
            for row in rows:
                self._known.pop(row[0], None)
                self._fresh.pop(row[0], None)
                self._retired.discard(row[0])
        return self._truncated()

    def clear(self, in_use: Callable[[list[StoredKey]], Iterable[StoredKey]]) -> int:
        """Overwrite keys without a package: those that `in_use` does not return, among the keys made since the last
        such call.

        Call it at the start only, while nothing writes. Returns the number of overwritten keys.
        """
        last = 0
        orphans: list[tuple[object, ...]] = []
        for page in self._pages():
            used = set(in_use(page))
            orphans += [(_EMPTY, each.number) for each in page if each not in used]
            last = page[-1].number
        if orphans:
            self._write("update data_key set wrapped = ? where number = ?", orphans)
            self._truncated()
        if last:
            self._writer.execute(f"pragma user_version = {last}").close()
        return len(orphans)

    def _pages(self) -> Iterator[list[StoredKey]]:
        """The keys that no earlier `clear` has checked, in pages."""
        [(after,)] = self._writer.execute("pragma user_version").fetchall()
        query = (
            "select number, originator, package_id from data_key"
            " where number > ? and wrapped <> ? order by number limit ?"
        )
        while page := [StoredKey(*row) for row in self._writer.execute(query, (after, _EMPTY, _AT_ONCE)).fetchall()]:
            yield page
            after = page[-1].number

    def _found(self, label: bytes) -> bytes | None:
        """The key, from memory or from the database; raises Gone if it was destroyed. The caller holds the lock."""
        if label in self._known:
            self._known.move_to_end(label)
            return self._known[label]
        if label in self._fresh:
            return self._fresh[label][2]
        rows = self._reader.execute("select wrapped, is_destroyed from data_key where label = ?", (label,)).fetchall()
        if not rows or rows[0] == (_EMPTY, 0):
            return None
        [(wrapped, is_destroyed)] = rows
        if is_destroyed:
            raise Gone
        key = self._unwrap(label, wrapped)
        self._remember(label, key)
        return key

    def _remember(self, label: bytes, key: bytes) -> None:
        self._known[label] = key
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _wrap(self, label: bytes, key: bytes) -> bytes:
        return seal_at_rest(self._storage_key, key, b"attache data key/1\x00" + label, self._random)

    def _unwrap(self, label: bytes, wrapped: bytes) -> bytes:
        try:
            return open_at_rest(self._storage_key, wrapped, b"attache data key/1\x00" + label)
        except NotAuthentic:
            raise IntegrityLost(detail="a data key does not unwrap", step="at-rest") from None

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run one transaction; it is durable on return."""
        with self._write_lock, self._writer as transaction:
            transaction.execute("begin immediate")
            transaction.executemany(statement, rows)

    def _truncated(self) -> bool:
        """Empty the write-ahead log; False if a reader prevents it."""
        with self._write_lock:
            [(busy, _, _)] = self._writer.execute("pragma wal_checkpoint(truncate)").fetchall()
        return not busy

    @property
    def _writer(self) -> sqlite3.Connection:
        if self._writing is None:
            raise IntegrityLost(detail="the database of data keys is not open", step="at-rest")
        return self._writing

    @property
    def _reader(self) -> sqlite3.Connection:
        if self._reading is None:
            try:
                self._reading = _connect(f"file:{self._path}?mode=ro", uri=True)
            except sqlite3.OperationalError:
                raise IntegrityLost(detail="the database of data keys is missing", step="at-rest") from None
        return self._reading


def _connect(name: str, *, uri: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, uri=uri, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=16
    )
    connection.execute("pragma trusted_schema=off").close()
    return connection
