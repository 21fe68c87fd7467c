"""A copy of the database as one file: one committed state, durable, for its owner only."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from attache.errors import IntegrityLost, Misconfigured
from gateway.store.durable import sync_folder


def copy_database(database: Path, target: Path) -> None:
    """Copy by SQLite's own backup into the new file `target`, and have SQLite check the copy. Blocking.

    Raises Misconfigured where the file exists or cannot be made,
    IntegrityLost(step="backup") for a copy that is damaged.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise Misconfigured(detail=f"{target}: {error.strerror}") from None
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # a copy that is one file
        (found,) = copy.execute("PRAGMA quick_check").fetchone()
    if found != "ok":
        raise IntegrityLost(detail="the copy is damaged", step="backup")
    with target.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(target.parent)
