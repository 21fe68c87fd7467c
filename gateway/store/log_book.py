"""The exchange log as the writer holds it: the head in memory, and the entries that its present transaction adds."""

from typing import Any

from sqlalchemy import Connection

from attache.clock import Clock
from gateway.exchange_log import Event
from gateway.exchange_log.batch import LogHead, integrate
from gateway.exchange_log.leaf import make_leaf
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import seal_openings
from gateway.store.log_rows import write_batch


class LogBook:
    """Appends to one log. Used by the writer's thread alone."""

    def __init__(self, head: LogHead, keys: LogKeys, clock: Clock) -> None:
        self.head = head
        """The log as it is committed."""
        self._keys = keys
        self._clock = clock
        self._pending: list[dict[str, Any]] = []
        self._next = head

    def append(self, event: Event) -> int:
        """The index that the event has if its unit and its transaction commit."""
        index = self.head.size + len(self._pending)
        leaf = make_leaf(event, self._keys.pseudonyms)
        ids = {kind: self._keys.pseudonyms.of(kind, name) for kind, name in event.objects.items()}
        self._pending.append(
            {
                "entry_index": index,
                "leaf": leaf.raw,
                "code": event.code.value,
                "at": event.at,
                "actor": self._keys.pseudonyms.of("actor", event.actor),
                "package": ids.get("package"),
                "partner": ids.get("partner"),
                "private_sealed": seal_openings(self._keys.vault, index, leaf.openings),
            }
        )
        return index

    def mark(self) -> int:
        """Where the transaction is now; see `rewind`."""
        return len(self._pending)

    def rewind(self, mark: int) -> None:
        """Forget the entries since `mark`; their indices are free again."""
        del self._pending[mark:]

    def write(self, connection: Connection) -> None:
        """Write the pending entries, their tiles and the new signed head into the transaction."""
        if self._pending:
            leaves = [entry["leaf"] for entry in self._pending]
            batch = integrate(self.head, leaves, self._keys.signers, int(self._clock().timestamp()))
            write_batch(connection, self.head.size, batch, self._pending)
            self._next = batch.head

    def accept(self) -> None:
        """The transaction has committed."""
        self.head = self._next
        self._pending.clear()

    def forget(self) -> None:
        """The transaction was rolled back."""
        self._next = self.head
        self._pending.clear()
