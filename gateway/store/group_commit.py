"""The steps by which a group of units becomes durable, in the order in which the writer takes them.

A class of its own so that a test can put a fault, or the end of the process, before and after each step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.exchange.kernel.ports import Transaction
from gateway.store.checkpoint_lock import CheckpointLock
from gateway.store.key_store import KeyStore
from gateway.store.log_book import LogBook
from gateway.store.log_keys import LogKeys
from gateway.store.log_view import LogView
from gateway.store.opening import driver_of
from gateway.store.transaction import SqlTransaction

UnitOfWork = Callable[[Transaction], Any]


@dataclass(frozen=True)
class UnitResult:
    """What came of one unit: its answer, or the error that undid it."""

    answer: Any = None
    error: Exception | None = None
    has_written: bool = False


NOT_RUN = UnitResult()


class GroupCommit:
    """One group at a time, on the write connection. Used by the writer's thread alone."""

    def __init__(
        self,
        connection: Connection,
        book: LogBook,
        lock: CheckpointLock,
        locked: bytes,
        keys: LogKeys,
        key_store: KeyStore,
    ) -> None:
        self._connection = connection
        self._driver = driver_of(connection)
        self._key_store = key_store
        self._book = book
        self._lock = lock
        self._keys = keys
        self.locked = locked
        """The checkpoint that the lock holds: the newest that anybody may be shown."""

    def begin(self) -> None:
        """Take the database's write lock."""
        self._connection.begin()

    def run(self, unit: UnitOfWork) -> UnitResult:
        """Run one unit in its savepoint. Its error undoes it alone, log entries included.

        Raises only if the savepoint cannot be undone, and then the whole transaction must be.
        """
        position = self._book.position()
        view = LogView(self._connection, self.locked, self._keys)
        transaction = SqlTransaction(self._connection, view, self._book)
        self._driver.execute("SAVEPOINT unit")
        try:
            answer = unit(transaction)
            self._book.close_unit(transaction.marks())
            self._driver.execute("RELEASE unit")
        except Exception as error:  # noqa: BLE001 -- whatever a unit raises belongs to its caller
            self._driver.execute("ROLLBACK TO unit")
            self._driver.execute("RELEASE unit")
            self._book.rewind(position)
            return UnitResult(error=error)
        return UnitResult(answer, has_written=transaction.has_written)

    def write_log(self) -> None:
        """Entries, tiles and signed head, into the same transaction."""
        self._book.write(self._connection)

    def keep_keys(self) -> None:
        """Make the data keys durable that the group has sealed under: one sync, none where there are no new ones."""
        self._key_store.keep()

    @property
    def entries(self) -> list[tuple[str, str | None]]:
        """Event and outcome of the entries that were committed last."""
        return self._book.accepted

    def commit(self) -> None:
        """Make the transaction durable."""
        self._connection.commit()
        self._book.accept()

    def lock_checkpoint(self) -> None:
        """Swap the new checkpoint into the lock, if there is one."""
        new = self._book.head.checkpoint
        if new != self.locked:
            self._lock.swap(self.locked, new)
            self.locked = new

    def rollback(self) -> None:
        """Undo the transaction: nothing of the group was written."""
        self._book.forget()
        self._connection.rollback()
