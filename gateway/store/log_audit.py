"""Verifying the exchange log in the database as a whole: every leaf, tile, row and opening."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import DBAPIError

from attache.errors import AttacheError, IntegrityLost
from attache.translog.edge import RightEdge, TileWrite, append
from attache.translog.merkle import HASH_BYTES, leaf_hashes
from attache.translog.signing import open_checkpoint
from attache.translog.tiles import TILE_WIDTH, hash_tiles_of
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import open_openings
from gateway.store.log_rows import read_checkpoint, read_tile
from gateway.store.log_tables import LOG_ENTRY, LOG_TILE

_STEP = "log-audit"
_ENTRIES_AT_ONCE = 16 * TILE_WIDTH


@dataclass(frozen=True)
class LogAudit:
    """What was verified: `size` entries under `root`, of which `purged` have no private side any more."""

    origin: str
    size: int
    root: bytes
    purged: int


def verify_log(connection: Connection, keys: LogKeys) -> LogAudit:
    """Prove that the log is what its signed checkpoint says, and that rows and openings are what the leaves say.

    Reads everything, a few thousand entries at a time. Raises IntegrityLost(step="log-audit") with the first thing that is wrong.
    Not checked: the checkpoint lock (the start does), and witnesses.
    """
    try:
        return _verify(connection, keys)
    except IntegrityLost:
        raise
    except AttacheError as error:
        raise _lost(error.detail or error.title) from error
    except DBAPIError as error:
        raise _lost("the database cannot be read") from error


def _verify(connection: Connection, keys: LogKeys) -> LogAudit:
    checkpoint = open_checkpoint(read_checkpoint(connection) or b"", keys.verifier_keys).checkpoint
    edge, purged = RightEdge(), 0
    while rows := _rows(connection, edge.size):
        for index, row in enumerate(rows, edge.size):
            _verify_row(row, index, keys)
        purged += sum(row.private_sealed is None for row in rows)
        growth = append(edge, leaf_hashes(row.leaf for row in rows))
        _verify_tiles(connection, growth.tiles)
        edge = growth.edge
    if (edge.size, edge.root) != (checkpoint.size, checkpoint.root):
        raise _lost(f"{edge.size} entries do not hash to the checkpoint of size {checkpoint.size}")
    _require_no_more_tiles(connection, edge.size)
    return LogAudit(checkpoint.origin, edge.size, edge.root, purged)


def _rows(connection: Connection, start: int) -> Sequence[Row[Any]]:
    index = LOG_ENTRY.c.entry_index
    return connection.execute(select(LOG_ENTRY).where(index >= start).order_by(index).limit(_ENTRIES_AT_ONCE)).all()


def _verify_row(row: Row[Any], index: int, keys: LogKeys) -> None:
    """The row is entry `index`, its search columns say what the leaf says, and its openings open the leaf."""
    if row.entry_index != index:
        raise _lost(f"entry {index} is missing")
    leaf = parse_leaf(row.leaf)
    said = (leaf.code.value, leaf.at, leaf.ids["actor"], leaf.ids.get("package"), leaf.ids.get("partner"))
    if said != (row.code, row.at, row.actor, row.package, row.partner):
        raise _lost(f"entry {index} is listed as something else than its leaf says")
    if row.private_sealed is not None:
        for opening in open_openings(keys.vault, index, row.private_sealed):
            verify_opening(leaf, opening)


def _verify_tiles(connection: Connection, expected: Sequence[TileWrite]) -> None:
    read = partial(read_tile, connection)
    for write in expected:
        if read(write.tile) != write.hashes:
            raise _lost(f"the entries do not hash to {write.tile.path}")


def _require_no_more_tiles(connection: Connection, size: int) -> None:
    stored = connection.execute(select(func.coalesce(func.sum(func.length(LOG_TILE.c.hashes)), 0))).scalar_one()
    if stored != sum(tile.width * HASH_BYTES for tile in hash_tiles_of(size)):
        raise _lost("there are tiles that no entry has made")


def _lost(why: str) -> IntegrityLost:
    return IntegrityLost(detail=why, step=_STEP)
