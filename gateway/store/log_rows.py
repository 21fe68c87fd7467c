"""Reading and writing the rows of the exchange log."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from attache.errors import IntegrityLost, NotFound
from attache.translog.edge import TileWrite
from attache.translog.merkle import HASH_BYTES
from attache.translog.tiles import ENTRIES, TILE_WIDTH, Tile, format_bundle
from gateway.exchange_log.batch import Batch, LogHead
from gateway.store.log_blocks import list_blocks
from gateway.store.log_tables import LOG_ENTRY, LOG_HEAD, LOG_TILE, THE_HEAD
from gateway.store.opening import driver_of
from gateway.store.statements import Prepared

_TILE = select(LOG_TILE.c.hashes).where(
    LOG_TILE.c.level == bindparam("level"), LOG_TILE.c.tile_index == bindparam("tile_index")
)
_LEAVES = (
    select(LOG_ENTRY.c.leaf)
    .where(LOG_ENTRY.c.entry_index >= bindparam("start"), LOG_ENTRY.c.entry_index < bindparam("end"))
    .order_by(LOG_ENTRY.c.entry_index)
)
_HEAD = select(LOG_HEAD.c.size, LOG_HEAD.c.checkpoint).where(LOG_HEAD.c.head == THE_HEAD)
_ADD_ENTRY = str(insert(LOG_ENTRY).compile(dialect=sqlite.dialect()))
"""For the driver, which accepts an `EntryRow` without conversion."""
_NEW_TILE = insert(LOG_TILE)
_PUT_TILE = Prepared(
    _NEW_TILE.on_conflict_do_update(index_elements=["level", "tile_index"], set_={"hashes": _NEW_TILE.excluded.hashes})
)
_MOVE_HEAD = Prepared(
    update(LOG_HEAD)
    .where(LOG_HEAD.c.head == THE_HEAD, LOG_HEAD.c.size == bindparam("old_size"))
    .values(size=bindparam("new_size"), checkpoint=bindparam("note"))
)


class EntryRow(NamedTuple):
    """A row of `log_entry`, in the form that the driver accepts."""

    entry_index: int
    leaf: bytes
    code: str
    at: str
    actor: str
    package: str | None
    partner: str | None
    outcome: str | None
    request: str | None
    private_sealed: bytes | None


def read_tile(connection: Connection, tile: Tile) -> bytes:
    """A tile or entry bundle of the requested width; raises NotFound unless the log has all of it."""
    if tile.level == ENTRIES:
        return format_bundle(read_leaves(connection, tile.index * TILE_WIDTH, tile.width))
    hashes = connection.execute(_TILE, {"level": tile.level, "tile_index": tile.index}).scalar_one_or_none()
    if hashes is None or len(hashes) < tile.width * HASH_BYTES:
        raise NotFound(detail=f"no {tile.path}")
    # exchange-log T3
    return bytes(hashes[: tile.width * HASH_BYTES])


def read_leaves(connection: Connection, start: int, count: int) -> list[bytes]:
    """The leaves of `count` entries from `start` on; raises NotFound unless the log has all of them."""
    leaves = list(connection.execute(_LEAVES, {"start": start, "end": start + count}).scalars())
    if len(leaves) != count:
        raise NotFound(detail=f"the log does not have all entries from {start} to {start + count - 1}")
    return leaves


def read_checkpoint(connection: Connection) -> bytes | None:
    """The last committed checkpoint, as a signed note; None if there is no log yet."""
    row = connection.execute(_HEAD).one_or_none()
    return None if row is None else bytes(row.checkpoint)


def add_head(connection: Connection, head: LogHead) -> None:
    """Write the first head of a log."""
    connection.execute(insert(LOG_HEAD), {"head": THE_HEAD, "size": head.size, "checkpoint": head.checkpoint})


def write_batch(connection: Connection, old_size: int, batch: Batch, entries: list[EntryRow]) -> None:
    """Write entries, the listings of blocks that became full, tiles and head. Raises IntegrityLost if another writer
    has moved the head.
    """
    driver = driver_of(connection)
    driver.executemany(_ADD_ENTRY, entries)
    list_blocks(connection, old_size, batch.head.size)
    for write in batch.tiles:
        _PUT_TILE.run(driver, _tile_row(write))
    moved = _MOVE_HEAD.run(driver, {"old_size": old_size, "new_size": batch.head.size, "note": batch.head.checkpoint})
    if moved.rowcount != 1:
        raise IntegrityLost(detail="another writer has appended to the exchange log", step="log-head")


def _tile_row(write: TileWrite) -> dict[str, Any]:
    return {"level": write.tile.level, "tile_index": write.tile.index, "hashes": write.hashes}
