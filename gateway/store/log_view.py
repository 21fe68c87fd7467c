"""Reading the exchange log: entries, proofs, C2SP resources and export."""

from collections.abc import Iterator
from functools import cached_property, partial

from sqlalchemy import Connection

from attache.errors import NotFound
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.proving import prove_consistency, prove_inclusion
from attache.translog.tiles import Tile, TileHashes, parse_tile_path, tile_width
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.ports import LogAudit, LogFilter, LoggedEntry, LogProof
from gateway.exchange_log.export import export_log
from gateway.store.log_audit import verify_log
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import open_openings
from gateway.store.log_rows import read_leaves, read_tile
from gateway.store.log_search import search


class LogView:
    """The log up to `checkpoint`, on one connection. Entries that are committed but not yet covered by the checkpoint
    lock are not visible.
    """

    def __init__(self, connection: Connection, checkpoint: bytes, keys: LogKeys) -> None:
        self.checkpoint = checkpoint
        self._connection = connection
        self._keys = keys

    @property
    def vault(self) -> Vault:
        """The vault under which records and private sides are sealed."""
        return self._keys.vault

    @cached_property
    def size(self) -> int:
        """The number of visible entries."""
        return parse_checkpoint_body(parse_note(self.checkpoint).text).size

    def read_tile(self, tile: Tile) -> bytes:
        """See log_rows.read_tile."""
        return read_tile(self._connection, tile)

    def prove_consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new_size` extends that of `old_size`; raises NotFound beyond the checkpoint."""
        if new_size > self.size:
            raise NotFound(detail="the log is not that large yet")
        return tuple(prove_consistency(old_size, new_size, TileHashes(new_size, self.read_tile)))

    def prove_entry(self, index: int) -> LogProof:
        """An entry and its inclusion proof; raises NotFound beyond the checkpoint."""
        self._require(index)
        (leaf,) = read_leaves(self._connection, index, 1)
        hashes = TileHashes(self.size, partial(read_tile, self._connection))
        proof = tuple(prove_inclusion(index, self.size, hashes))
        return LogProof(self._keys.origin, index, leaf, self.checkpoint, proof)

    def entries_after(self, after: int, limit: int, log_filter: LogFilter | None = None) -> list[LoggedEntry]:
        """The first `limit` matching entries with an index above `after` (-1 for all), in the order of the log."""
        found = search(
            self._connection, log_filter or LogFilter(), self._keys.pseudonyms, range(after + 1, self.size), limit
        )
        return [self._entry(index, leaf, sealed) for index, leaf, sealed in found]

    def entry(self, index: int) -> LoggedEntry:
        """One entry; raises NotFound beyond the checkpoint."""
        self._require(index)
        return self.entries_after(index - 1, 1)[0]

    def resource(self, path: str) -> bytes:
        """What C2SP tlog-tiles serves under `path`: `checkpoint`, a tile of hashes or a bundle of entries.

        Raises MalformedInput for an invalid path, NotFound for a tile that the checkpoint does not cover.
        """
        if path == "checkpoint":
            return self.checkpoint
        tile = parse_tile_path(path)
        if tile.width > tile_width(tile.level, tile.index, self.size):
            raise NotFound(detail="the log has no such tile yet")
        return read_tile(self._connection, tile)

    def export(self) -> Iterator[tuple[str, bytes]]:
        """The whole log as the files of a static C2SP directory; the checkpoint comes last."""
        return export_log(self.checkpoint, partial(read_tile, self._connection), partial(read_leaves, self._connection))

    def verify(self) -> LogAudit:
        """See log_audit.verify_log. It covers all committed entries, which may be one commit more than `checkpoint`."""
        return verify_log(self._connection, self._keys)

    def _require(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise NotFound(detail="the log has no such entry yet")

    def _entry(self, index: int, leaf: bytes, sealed: bytes | None) -> LoggedEntry:
        return LoggedEntry(index, leaf, () if sealed is None else open_openings(self._keys.vault, index, sealed))
