"""What a start may do, given the checkpoint in the database and the one in the checkpoint lock.

The lock lies on another path. Order at each commit: COMMIT in the database, swap in the lock, release to anybody. So a crash leaves
the lock at the database's checkpoint or behind it, never ahead: a lock that is ahead proves that the database was rolled back.
"""

from collections.abc import Iterable
from enum import Enum

from attache.errors import AttacheError, IntegrityLost
from attache.translog.checkpoint import Checkpoint
from attache.translog.merkle import verify_consistency
from attache.translog.proving import prove_consistency
from attache.translog.signing import open_checkpoint
from attache.translog.tiles import ReadTile, TileHashes
from attache.translog.vkey import VerifierKey

_STEP = "checkpoint-lock"


class LockAction(Enum):
    """What to do with the lock before anything is released."""

    KEEP = "keep"
    CREATE = "create"
    """A new log: write its first checkpoint to the lock."""
    ADVANCE = "advance"
    """The last commit was not yet swapped in: swap it in now, then release it."""


def check_lock(stored: bytes, locked: bytes | None, keys: Iterable[VerifierKey], read_tile: ReadTile) -> LockAction:
    """Compare the database's checkpoint with the lock's; both must open under `keys`, the log's own.

    Raises IntegrityLost(step="checkpoint-lock") where the database is behind the lock, contradicts it, or has entries and no lock.
    """
    known = list(keys)
    ours = open_checkpoint(stored, known).checkpoint
    # exchange-log A4
    if locked is None:
        if ours.size == 0:
            return LockAction.CREATE
        raise _lost(
            "the log has entries and its checkpoint lock is missing; restore the lock file, or declare the log closed and begin another"
        )
    theirs = open_checkpoint(locked, known).checkpoint
    _require_same_history(ours, theirs, read_tile)
    return LockAction.KEEP if ours.size == theirs.size else LockAction.ADVANCE


def require_database(locked: bytes | None) -> None:
    """For a database without any head: refuse where the lock says that there was one."""
    # exchange-log A4
    if locked is not None:
        raise _lost(
            "the database has no log and the checkpoint lock has one; restore the database that belongs to the lock"
        )


def _require_same_history(ours: Checkpoint, theirs: Checkpoint, read_tile: ReadTile) -> None:
    if ours.origin != theirs.origin:
        raise _lost(f"the lock belongs to {theirs.origin}, the database to {ours.origin}")
    # exchange-log A4
    if theirs.size > ours.size:
        raise _lost(
            f"the database is at size {ours.size}, the lock at {theirs.size}: the database was rolled back; restore the newer one"
        )
    try:
        proof = prove_consistency(theirs.size, ours.size, TileHashes(ours.size, read_tile))
        # exchange-log A4
        verify_consistency(theirs.size, ours.size, theirs.root, ours.root, proof)
    except AttacheError as error:
        raise _lost(f"database and lock contradict each other: {error.detail}") from error


def _lost(why: str) -> IntegrityLost:
    return IntegrityLost(detail=why, step=_STEP)
