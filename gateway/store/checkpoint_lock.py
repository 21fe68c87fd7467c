"""The checkpoint lock: the newest checkpoint that anybody may have seen, kept apart from the database.

A database restored from a backup is consistent in itself. Only something that was not restored with it can tell:
so the lock belongs on another volume than the database, and in no backup of it.
"""

from pathlib import Path

from attache.errors import IntegrityLost
from gateway.store.durable import replace_file


class CheckpointLock:
    """One signed checkpoint in a file, replaced by compare-and-swap."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path

    def read(self) -> bytes | None:
        """The checkpoint note; None if the lock was never set."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def swap(self, old: bytes | None, new: bytes) -> None:
        """Durably replace `old` by `new`; raises IntegrityLost if the lock holds anything but `old`."""
        if self.read() != old:
            raise IntegrityLost(detail="the checkpoint lock was changed by somebody else", step="checkpoint-lock")
        replace_file(self._path, new)
