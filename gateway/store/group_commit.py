"""The steps that make a group of units of work durable, in the order in which the writer calls them.

They are a separate class so that a test can put a fault, or a crash of the process, before and after each step.
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
    """The result of one unit of work: its answer, or the error because of which it was undone."""

    answer: Any = None
    error: Exception | None = None
    has_written: bool = False


NOT_RUN = UnitResult()


class GroupCommit:
    """Commits one group at a time on the write connection. Only the writer's thread uses it."""

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
        """The checkpoint in the lock: the newest one that others may see."""

    def begin(self) -> None:
        """Take the database's write lock."""
        self._connection.begin()

    def run(self, unit: UnitOfWork) -> UnitResult:
        """Run one unit of work in a savepoint. An error undoes this unit only, with its log entries.

        Raises only if the savepoint cannot be undone; then the caller must undo the whole transaction.
        """
        position = self._book.position()
        view = LogView(self._connection, self.locked, self._keys)
        transaction = SqlTransaction(self._connection, view, self._book)
        self._driver.execute("SAVEPOINT unit")
        try:
            answer = unit(transaction)
            self._book.close_unit(transaction.marks())
            self._driver.execute("RELEASE unit")
        except Exception as error:  # noqa: BLE001 -- any error of a unit is for its caller
            self._driver.execute("ROLLBACK TO unit")
            self._driver.execute("RELEASE unit")
            self._book.rewind(position)
            return UnitResult(error=error)
        return UnitResult(answer, has_written=transaction.has_written)

    def write_log(self) -> None:
        """Write entries, tiles and the signed head in the same transaction."""
        self._book.write(self._connection)

    def keep_keys(self) -> None:
        """Make the new data keys of the group durable with one sync; does nothing without new keys."""
        self._key_store.keep()

    @property
    def entries(self) -> list[tuple[str, str | None]]:
        """Event and outcome of each entry of the last commit."""
        return self._book.accepted

    def commit(self) -> None:
        """Make the transaction durable."""
        self._connection.commit()
        self._book.accept()

    def lock_checkpoint(self) -> None:
        """Write the new checkpoint to the lock, if the log has grown."""
        new = self._book.head.checkpoint
        if new != self.locked:
            self._lock.swap(self.locked, new)
            self.locked = new

    def rollback(self) -> None:
        """Undo the transaction: nothing of the group is written."""
        self._book.forget()
        self._connection.rollback()
