"""The checkpoint lock: a file with the newest checkpoint that others may have seen, kept apart from the database.

A database that was restored from a backup is consistent in itself. Only a file that was not restored with it can prove
that it is too old: so keep the lock on another volume than the database, and out of all its backups.
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
        """The signed checkpoint; None if the lock was never written."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def swap(self, old: bytes | None, new: bytes) -> None:
        """Durably replace `old` by `new`; raises IntegrityLost if the lock holds anything but `old`."""
        if self.read() != old:
            raise IntegrityLost(detail="another process has changed the checkpoint lock", step="checkpoint-lock")
        replace_file(self._path, new)
