"""Backup of the database: one committed state in one file, durable, readable by its owner only."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from attache.errors import IntegrityLost, Misconfigured
from gateway.store.durable import sync_folder


def copy_database(database: Path, target: Path) -> None:
    """Copy the database into the new file `target` with SQLite's backup API, and check the copy. Blocking.

    Raises Misconfigured if the file exists or cannot be created, IntegrityLost(step="backup") if the copy is damaged.
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
        copy.execute("PRAGMA journal_mode=DELETE")  # so that the copy is one file
        (result,) = copy.execute("PRAGMA quick_check").fetchone()
    if result != "ok":
        raise IntegrityLost(detail="the copy is damaged", step="backup")
    with target.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(target.parent)
