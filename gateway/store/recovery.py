"""Opening the log at a start. The steps are the same after a crash, after an orderly stop, and for a new database."""

from datetime import datetime
from functools import partial

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from attache.errors import AttacheError, IntegrityLost
from attache.translog.merkle import HASH_BYTES, leaf_hashes
from attache.translog.tiles import TILE_WIDTH
from gateway.exchange_log.batch import LogHead, empty_head, open_head
from gateway.exchange_log.restart import LockAction, check_lock, require_database
from gateway.store.checkpoint_lock import CheckpointLock
from gateway.store.log_keys import LogKeys
from gateway.store.log_rows import add_head, read_checkpoint, read_leaves, read_tile
from gateway.store.log_tables import LOG_ENTRY


def begin_log(connection: Connection, lock: CheckpointLock, keys: LogKeys, now: datetime) -> None:
    """Create an empty, signed log if the database has none. Raises IntegrityLost if the lock or entries prove that it
    had one.
    """
    if read_checkpoint(connection) is None:
        require_database(lock.read())
        head = empty_head(keys.origin, keys.signers, int(now.timestamp()))
        _require_entries(connection, head)
        add_head(connection, head)


def recover_log(connection: Connection, lock: CheckpointLock, keys: LogKeys) -> tuple[LogHead, bytes]:
    """The head, with its right edge computed from the tiles, and the checkpoint that is now in the lock.

    An older lock, which a crash between COMMIT and the write of the lock leaves, is brought up to date. Any other
    difference raises IntegrityLost.
    """
    try:
        return _recover(connection, lock, keys)
    except IntegrityLost:
        raise
    except AttacheError as error:
        raise IntegrityLost(
            detail=f"the exchange log does not open: {error.detail or error.title}", step=error.step
        ) from error
    except DBAPIError as error:
        raise IntegrityLost(detail="the exchange log cannot be read", step="log-head") from error


def _recover(connection: Connection, lock: CheckpointLock, keys: LogKeys) -> tuple[LogHead, bytes]:
    stored = read_checkpoint(connection)
    if stored is None:
        raise IntegrityLost(detail="the exchange log has no head", step="log-head")
    read = partial(read_tile, connection)
    head = open_head(stored, keys.verifier_keys, read)
    _require_entries(connection, head)
    locked = lock.read()
    action = check_lock(stored, locked, keys.verifier_keys, read)
    if action is LockAction.KEEP and locked is not None:
        return head, locked
    lock.swap(locked, stored)
    return head, stored


def _require_entries(connection: Connection, head: LogHead) -> None:
    """Require that the last entry is the one before the head's size, and that the newest entries hash to the right
    edge.

    Not checked: older entries; `verify_log` checks all of them.
    """
    last = connection.execute(select(func.max(LOG_ENTRY.c.entry_index))).scalar_one()
    if (-1 if last is None else last) != head.size - 1:
        raise IntegrityLost(detail=f"the log has size {head.size}, and its last entry is {last}", step="log-entries")
    width = head.size % TILE_WIDTH
    hashes = b"".join(leaf_hashes(read_leaves(connection, head.size - width, width)))
    if width and hashes != head.edge.partials[0][: width * HASH_BYTES]:
        raise IntegrityLost(detail="the newest entries do not hash to the right edge", step="right-edge")
