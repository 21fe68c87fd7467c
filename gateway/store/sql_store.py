"""The Store port on SQLite."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, select, union_all

from attache.clock import Clock
from attache.errors import IntegrityLost, Misconfigured, TooManyRequests
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.ports import LogAudit, Reader, Transaction
from gateway.exchange.kernel.records import ArrivalPartRecord, PartRecord, PurgedRecord, RedactedPartRecord
from gateway.store.backup import copy_database
from gateway.store.blobs import FileBlobs
from gateway.store.checkpoint_lock import CheckpointLock
from gateway.store.durable import Ownership
from gateway.store.group_commit import GroupCommit
from gateway.store.key_store import KeyStore
from gateway.store.log_audit import LogCheck
from gateway.store.log_blocks import list_missing
from gateway.store.log_book import LogBook
from gateway.store.log_keys import LogKeys
from gateway.store.log_rows import read_checkpoint
from gateway.store.log_view import LogView
from gateway.store.migrating import migrate
from gateway.store.named_keys import named_keys
from gateway.store.opening import database_path, empty_write_ahead_log, reading_engine, snapshot, writing_engine
from gateway.store.reading import SqlReader
from gateway.store.recovery import begin_log, recover_log
from gateway.store.statements import SQL
from gateway.store.writer import Committed, Writer, ignore_commits

T = TypeVar("T")

READERS = 4
MAX_READS_WAITING = 1_024
COLLECT_AFTER = timedelta(days=1)


class SqlStore:
    """The store of one process. Enter its context on the event loop that uses it. Leaving it commits waiting units and
    closes everything.
    """

    def __init__(
        self,
        database: Path,
        blobs: FileBlobs,
        lock: CheckpointLock,
        keys: LogKeys,
        *,
        clock: Clock,
        steps: type[GroupCommit] = GroupCommit,
        key_store_path: Path | None = None,
        committed: Committed = ignore_commits,
    ) -> None:
        self.blobs = blobs
        self._database = database
        self._lock = lock
        self._key_store, self._keys = _with_key_store(keys, database, key_store_path)
        self._clock = clock
        self._steps_type = steps
        self._committed = committed
        self._reads_waiting = 0

    @property
    def vault(self) -> Vault:
        """The storage key, and the data keys of packages."""
        return self._keys.vault

    async def __aenter__(self) -> Self:
        """Migrate, recover the log, remove unused blobs and data keys, and start the writer.

        Raises Misconfigured or IntegrityLost; then nothing stays open.
        """
        await asyncio.to_thread(self._open)
        self._writer = Writer(self._steps, committed=self._committed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)

    async def write(self, unit: Callable[[Transaction], T]) -> T:
        """See exchange.kernel.ports.Store and Writer.write."""
        return await self._writer.write(unit)

    async def read(self, query: Callable[[Reader], T]) -> T:
        """See exchange.kernel.ports.Store. Raises TooManyRequests if too many reads are waiting."""
        return await self._read(lambda connection, log: query(SqlReader(connection, log)))

    async def read_log(self, query: Callable[[LogView], T]) -> T:
        """Run `query` on a consistent view of the exchange log, off the event loop."""
        return await self._read(lambda _, log: query(log))

    async def copy_to(self, target: Path) -> None:
        """See exchange.kernel.ports.Store and backup.copy_database."""
        await asyncio.to_thread(copy_database, self._database, target)

    async def destroy(self, packages: Sequence[tuple[ParticipantId, PackageId]], blob_ids: Sequence[str]) -> bool:
        """See exchange.kernel.ports.Store."""
        return await asyncio.to_thread(self._destroy, packages, blob_ids)

    def begin_check(self) -> "StoreCheck":
        """See exchange.kernel.ports.Store."""
        return StoreCheck(LogCheck(self._keys), self._read)

    def changed(self) -> asyncio.Event:
        """See Writer.changed."""
        return self._writer.changed()

    def require_writable(self) -> None:
        """For a readiness check: see Writer.require_open."""
        self._writer.require_open()

    async def _read(self, query: Callable[[Connection, LogView], T]) -> T:
        if self._reads_waiting >= MAX_READS_WAITING:
            raise TooManyRequests(detail="too many reads are waiting", retry_after_seconds=1)
        self._reads_waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)
        finally:
            self._reads_waiting -= 1

    def _query(self, query: Callable[[Connection, LogView], T]) -> T:
        # Read before the snapshot begins, so that the snapshot contains all entries of this checkpoint.
        locked = self._steps.locked
        with snapshot(self._read_engine) as connection:
            return query(connection, LogView(connection, locked, self._keys))

    def _destroy(self, packages: Sequence[tuple[ParticipantId, PackageId]], blob_ids: Sequence[str]) -> bool:
        # Keys are destroyed last: until then, readers of an older state can open what they see.
        for blob_id in blob_ids:
            self.blobs.delete(blob_id)
        return empty_write_ahead_log(self._database) and self._key_store.destroy(packages)

    def _open(self) -> None:
        self._ownership = Ownership(self._database.with_name(self._database.name + ".owner"))
        try:
            self._write_engine = writing_engine(self._database)
            migrate(self._write_engine)
            with self._write_engine.begin() as connection:
                begin_log(connection, self._lock, self._keys, self._clock())
            with self._write_engine.begin() as connection:
                head, locked = recover_log(connection, self._lock, self._keys)
                list_missing(connection, head.size)
                self.blobs.collect(partial(_referenced_blobs, connection), self._clock() - COLLECT_AFTER)
                self._open_key_store(connection, head.size)
            self._connection = self._write_engine.connect()
        except BaseException:
            self._key_store.close()
            self._ownership.release()
            raise
        book = LogBook(head, self._keys, self._clock, self._key_store)
        self._steps = self._steps_type(self._connection, book, self._lock, locked, self._keys, self._key_store)
        self._read_engine: Engine = reading_engine(self._database, connections=READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def _open_key_store(self, connection: Connection, size: int) -> None:
        """Overwrite keys without a package, and retire the keys of unfinished purges until upkeep destroys them."""
        self._key_store.begin()
        self._key_store.clear(partial(named_keys, connection, self._keys, size))
        purged = SQL[PurgedRecord].table.c
        unfinished = select(purged.originator, purged.package_id).where(purged.destroyed_at.is_(None))
        for originator, package_id in connection.execute(unfinished):
            self._key_store.retire(self._key_store.label(originator, package_id))

    def _close(self) -> None:
        self._writer.close()
        self._threads.shutdown()
        self._read_engine.dispose()
        self._connection.close()
        self._write_engine.dispose()
        self._key_store.close()
        self._ownership.release()


class StoreCheck:
    """See exchange.kernel.ports.RecordsCheck. Each step reads one committed state, off the event loop."""

    def __init__(self, check: LogCheck, read: Callable[..., Awaitable[LogAudit | None]]) -> None:
        self._check = check
        self._read = read

    @property
    def checked(self) -> int:
        return self._check.checked

    async def step(self) -> LogAudit | None:
        return await self._read(lambda connection, _: self._check.step(connection))


def open_store(
    url: str,
    *,
    blobs_dir: Path,
    lock_path: Path,
    keys: LogKeys,
    clock: Clock,
    steps: type[GroupCommit] = GroupCommit,
    key_store_path: Path | None = None,
    committed: Committed = ignore_commits,
) -> SqlStore:
    """The store in the database at `url` (sqlite:///path). Enter it with `async with`.

    `lock_path` is the checkpoint lock; keep it on another volume than the database, and out of its backups
    (gateway.store.checkpoint_lock). `key_store_path` is the database of data keys; by default it is in the folder of
    the database.
    """
    return SqlStore(
        database_path(url),
        FileBlobs(blobs_dir),
        CheckpointLock(lock_path),
        keys,
        clock=clock,
        steps=steps,
        key_store_path=key_store_path,
        committed=committed,
    )


@contextmanager
def open_reading(url: str, keys: LogKeys, *, key_store_path: Path | None = None) -> Iterator[tuple[Reader, LogView]]:
    """Read-only access to records and exchange log: one committed state of the database, also while a gateway runs.

    Raises Misconfigured if there is no such file. Not checked: the checkpoint lock.
    """
    path = database_path(url)
    if not path.is_file():
        raise Misconfigured(detail="there is no database at the database URL")
    key_store, keys = _with_key_store(keys, path, key_store_path)
    engine = reading_engine(path, connections=1)
    try:
        with snapshot(engine) as connection:
            checkpoint = read_checkpoint(connection)
            if checkpoint is None:
                raise IntegrityLost(detail="the exchange log has no head", step="log-head")
            log = LogView(connection, checkpoint, keys)
            yield SqlReader(connection, log), log
    finally:
        engine.dispose()
        key_store.close()


def _with_key_store(keys: LogKeys, database: Path, key_store_path: Path | None) -> tuple[KeyStore, LogKeys]:
    key_store = KeyStore(key_store_path or database.with_name("data-keys.sqlite3"), keys.vault.storage_key)
    return key_store, replace(keys, vault=replace(keys.vault, data_keys=key_store))


def _referenced_blobs(connection: Connection, low: str, high: str) -> Iterable[str]:
    columns = tuple(SQL[kind].table.c.blob_id for kind in (PartRecord, RedactedPartRecord, ArrivalPartRecord))
    named = union_all(*(select(column).where(column >= low, column < high) for column in columns))
    return connection.execute(named).scalars()
