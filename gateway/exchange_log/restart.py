"""The check at a start: the checkpoint in the database against the one in
the checkpoint lock, which is a separate file.

Each commit first commits the database, then writes the lock, and only then shows the checkpoint to others. So after a
crash the lock is equal to the database's checkpoint or older. A newer lock proves that the database was rolled back.
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
    """What the start must do with the lock before it shows any checkpoint."""

    KEEP = "keep"
    CREATE = "create"
    """The log is new: write its first checkpoint to the lock."""
    ADVANCE = "advance"
    """The lock lacks the last commit: write the database's checkpoint to it."""


def check_lock(stored: bytes, locked: bytes | None, keys: Iterable[VerifierKey], read_tile: ReadTile) -> LockAction:
    """Compare the database's checkpoint with the lock's; both must open under `keys`, the log's own.

    Raises IntegrityLost(step="checkpoint-lock") where the database is older than the lock,
    contradicts it, or has entries but no lock.
    """
    verifier_keys = list(keys)
    ours = open_checkpoint(stored, verifier_keys).checkpoint
    # exchange-log A4
    if locked is None:
        if ours.size == 0:
            return LockAction.CREATE
        raise _lost(
            "the log has entries and its checkpoint lock is missing; restore the lock file,"
            " or declare the log closed and begin another"
        )
    last = open_checkpoint(locked, verifier_keys).checkpoint
    _require_same_history(ours, last, read_tile)
    return LockAction.KEEP if ours.size == last.size else LockAction.ADVANCE


def require_database(locked: bytes | None) -> None:
    """Refuse a database without a head if the lock proves that there was one."""
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
            f"the database is at size {ours.size}, the lock at {theirs.size}:"
            " the database was rolled back; restore the newer one"
        )
    try:
        proof = prove_consistency(theirs.size, ours.size, TileHashes(ours.size, read_tile))
        # exchange-log A4
        verify_consistency(theirs.size, ours.size, theirs.root, ours.root, proof)
    except AttacheError as error:
        raise _lost(f"database and lock contradict each other: {error.detail}") from error


def _lost(why: str) -> IntegrityLost:
    return IntegrityLost(detail=why, step=_STEP)
