"""Durable writes of files and folders, and the ownership lock of the database."""

import fcntl
import os
from pathlib import Path

from attache.errors import Misconfigured


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file (mode 0600) atomically and durably: after a crash it holds the old content or the new one."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


class Ownership:
    """A lock that lets only one process write a database. The operating system releases it when the process ends."""

    def __init__(self, path: Path) -> None:
        """Raises Misconfigured("gateway-running") while another process holds the lock."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Misconfigured("gateway-running", "another process is writing to this database") from None

    def release(self) -> None:
        """Let another process write."""
        os.close(self._descriptor)
