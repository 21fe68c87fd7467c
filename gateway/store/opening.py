"""Connections to the SQLite database: one that writes, and a pool of read-only ones."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from attache.errors import Misconfigured
from gateway.store.durable import sync_folder

BUSY_MILLISECONDS = 5_000
EMPTYING_SECONDS = 0.25

_COMMON = ("PRAGMA trusted_schema=OFF", f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
_WRITER = (
    *_COMMON,
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit is on the disk before it is reported
    # exchange-log P4
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten, not just unlinked
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",  # no temporary files on disk
)
_READER = (*_COMMON, "PRAGMA query_only=ON")
_DRIVER = {"check_same_thread": False, "cached_statements": 512}


def database_path(url: str) -> Path:
    """The file that `sqlite:///path` names; raises Misconfigured for any other URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured(detail="the database URL cannot be read") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise Misconfigured(detail="the database URL is not sqlite:///path")
    return Path(parsed.database)


def writing_engine(path: Path) -> Engine:
    """An engine whose transactions begin IMMEDIATE. Creates the file, accessible to its owner only, if it does not
    exist.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    sync_folder(path.parent)
    # `hide_parameters`: error messages contain statements, never their parameters.
    engine = create_engine(f"sqlite:///{path}", connect_args=_DRIVER, hide_parameters=True, poolclass=NullPool)
    return _prepared(engine, _WRITER, "BEGIN IMMEDIATE")


def reading_engine(path: Path, *, connections: int) -> Engine:
    """An engine for read-only snapshots. The file must exist."""
    engine = create_engine(
        f"sqlite:///file:{path}?mode=ro&uri=true",
        connect_args=_DRIVER,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_reset_on_return=None,  # not needed: a connection returns to the pool after its snapshot has ended
    )
    return _prepared(engine, _READER, "BEGIN DEFERRED")


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one committed state for the whole context."""
    with engine.connect() as connection, connection.begin():
        yield connection


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection below `connection`, in the same transaction."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def empty_write_ahead_log(path: Path) -> bool:
    """Move all committed pages from the write-ahead log into the database file, and empty the log.

    Returns False, without emptying it, if a reader still uses an older state. Writers wait meanwhile, so it gives up
    quickly.
    """
    connection = sqlite3.connect(path, timeout=EMPTYING_SECONDS, isolation_level=None)
    try:
        connection.execute("pragma secure_delete=on").close()
        [(busy, _, _)] = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        return not busy
    finally:
        connection.close()


def _prepared(engine: Engine, pragmas: tuple[str, ...], begin: str) -> Engine:
    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions itself
        for pragma in pragmas:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        driver_of(connection).execute(begin)

    return engine
