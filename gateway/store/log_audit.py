"""Verification of the exchange log in the database, and of the records against the log: every leaf, tile, opening,
listing and row.

One pass consists of slices. `verify_log` takes them without a pause; a running gateway takes them with pauses while it
goes on appending. This is possible because appended entries never change.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import DBAPIError

from attache.errors import AttacheError, IntegrityLost
from attache.translog.edge import RightEdge, TileWrite, append
from attache.translog.merkle import HASH_BYTES, leaf_hashes
from attache.translog.signing import open_checkpoint
from attache.translog.tiles import TILE_WIDTH, hash_tiles_of
from gateway.exchange.kernel.block_ranges import parse_ranges
from gateway.exchange.kernel.ports import LogAudit
from gateway.exchange_log import EventCode, Group
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.store.log_blocks import verify_blocks
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import open_openings, search_columns
from gateway.store.log_rows import read_checkpoint, read_tile
from gateway.store.log_tables import LOG_ENTRY, LOG_TILE
from gateway.store.row_audit import MAX_FINDINGS, RowAudit
from gateway.store.row_digests import parse_marks

_STEP = "log-audit"
_ENTRIES_AT_ONCE = 4 * TILE_WIDTH


class LogCheck:
    """One pass over log and records. Call `step` until it returns an audit; each call reads a bounded slice from one
    database state.
    """

    def __init__(self, keys: LogKeys) -> None:
        self._keys = keys
        self._edge = RightEdge()
        self._purged = 0
        self._unopened: set[int] = set()
        self._purges: set[int] = set()
        """Entries with commitments that were not opened; and entries that, by a `purge.done` entry, were purged."""
        self._rows = RowAudit()
        self._origin: str | None = None

    @property
    def checked(self) -> int:
        """The number of entries that were verified so far."""
        return self._edge.size

    def step(self, connection: Connection) -> LogAudit | None:
        """Verify the next slice; returns the audit after the last one. Raises IntegrityLost(step="log-audit") for an
        inconsistent log.
        """
        try:
            return self._step(connection)
        except IntegrityLost:
            raise
        except AttacheError as error:
            raise _lost(error.detail or error.title) from error
        except DBAPIError as error:
            raise _lost("the database cannot be read") from error

    def _step(self, connection: Connection) -> LogAudit | None:
        if self._origin is None:
            if not self._take_slice(connection):
                self._require_whole(connection)
            return None
        # Rows must be compared with the log of the same database state.
        while self._take_slice(connection):
            continue
        if self._rows.step(connection):
            return None
        missing = [
            f"log_entry: the private side of entry {index} is missing, and no purge is logged for it"
            for index in self._lost_without_purge()
        ]
        findings = (*missing, *self._rows.findings)[:MAX_FINDINGS]
        return LogAudit(self._origin, self._edge.size, self._edge.root, self._purged, findings)

    def _lost_without_purge(self) -> list[int]:
        # exchange-log P2
        return sorted(self._unopened - self._purges)

    def _take_slice(self, connection: Connection) -> bool:
        """Verify the next entries; returns whether there may be more in this state."""
        rows = _rows(connection, self._edge.size)
        for index, row in enumerate(rows, self._edge.size):
            self._verify_row(row, index)
        growth = append(self._edge, leaf_hashes(row.leaf for row in rows))
        _verify_tiles(connection, growth.tiles)
        # exchange-log A5
        verify_blocks(connection, self._edge.size, growth.edge.size)
        self._edge = growth.edge
        return len(rows) == _ENTRIES_AT_ONCE

    def _require_whole(self, connection: Connection) -> None:
        """After all entries: require that they hash to the signed root, and that there are no other tiles."""
        checkpoint = open_checkpoint(read_checkpoint(connection) or b"", self._keys.verifier_keys).checkpoint
        if (self._edge.size, self._edge.root) != (checkpoint.size, checkpoint.root):
            raise _lost(f"{self._edge.size} entries do not hash to the checkpoint of size {checkpoint.size}")
        _require_no_more_tiles(connection, self._edge.size)
        self._origin = checkpoint.origin

    def _verify_row(self, row: Row[Any], index: int) -> None:
        """Require that the row is entry `index`, that its search columns agree with the leaf, and that its openings
        open the leaf.
        """
        if row.entry_index != index:
            raise _lost(f"entry {index} is missing")
        leaf = parse_leaf(row.leaf)
        from_leaf = (leaf.code.value, leaf.at, leaf.ids["actor"], leaf.ids.get("package"), leaf.ids.get("partner"))
        if from_leaf != (row.code, row.at, row.actor, row.package, row.partner):
            raise _lost(f"the search columns of entry {index} differ from its leaf")
        sealed = row.private_sealed
        openings = () if sealed is None else open_openings(self._keys.vault, index, sealed)
        opened = {opening.group: verify_opening(leaf, opening) for opening in openings}
        if Group.ROWS in opened:
            self._rows.take(parse_marks(opened[Group.ROWS]))
        if search_columns(opened, self._keys.pseudonyms) != {"outcome": row.outcome, "request": row.request}:
            raise _lost(f"the search columns of entry {index} differ from its private side")
        if set(leaf.commitments) - {group.value for group in opened}:
            self._unopened.add(index)
        if Group.ROWS.value in leaf.commitments and Group.ROWS not in opened:
            raise _lost(f"entry {index} has lost its digests of rows")
        if leaf.code is EventCode.PURGE_DONE and Group.RECORD in opened:
            self._purges |= parse_ranges(opened[Group.RECORD]["indexes"], index)
        self._purged += all(opening.group is Group.ROWS for opening in openings)


def verify_log(connection: Connection, keys: LogKeys) -> LogAudit:
    """Verify that all entries hash to the signed checkpoint, that columns and openings agree with the leaves, and
    compare all records.

    Reads some thousand entries at a time. Raises IntegrityLost(step="log-audit") for the first fault of the log
    itself; faults of records are findings. Not checked: the checkpoint lock (a start checks it), and witnesses.
    """
    check = LogCheck(keys)
    while (audit := check.step(connection)) is None:
        pass
    return audit


def _rows(connection: Connection, start: int) -> Sequence[Row[Any]]:
    index = LOG_ENTRY.c.entry_index
    return connection.execute(select(LOG_ENTRY).where(index >= start).order_by(index).limit(_ENTRIES_AT_ONCE)).all()


def _verify_tiles(connection: Connection, expected: Sequence[TileWrite]) -> None:
    read = partial(read_tile, connection)
    for write in expected:
        if read(write.tile) != write.hashes:
            raise _lost(f"the entries do not hash to {write.tile.path}")


def _require_no_more_tiles(connection: Connection, size: int) -> None:
    stored = connection.execute(select(func.coalesce(func.sum(func.length(LOG_TILE.c.hashes)), 0))).scalar_one()
    if stored != sum(tile.width * HASH_BYTES for tile in hash_tiles_of(size)):
        raise _lost("there are tiles without entries")


def _lost(detail: str) -> IntegrityLost:
    return IntegrityLost(detail=detail, step=_STEP)
