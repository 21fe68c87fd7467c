"""Appending leaves to the log, as a pure function:
its result must be written in the transaction that changes the records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attache.errors import IntegrityLost
from attache.translog.checkpoint import Checkpoint
from attache.translog.edge import RightEdge, TileWrite, append, read_edge
from attache.translog.merkle import leaf_hashes
from attache.translog.signing import NoteSigner, open_checkpoint, sign_checkpoint
from attache.translog.tiles import MAX_ENTRY_BYTES, ReadTile
from attache.translog.vkey import VerifierKey


@dataclass(frozen=True)
class LogHead:
    """The log at one size. `checkpoint` is the signed note. The store keeps it;
    the right edge is computed from the tiles.
    """

    origin: str
    edge: RightEdge
    checkpoint: bytes

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.edge.size


@dataclass(frozen=True)
class HashedLeaf:
    """One appended leaf, with its index and its hash."""

    index: int
    leaf: bytes
    leaf_hash: bytes


@dataclass(frozen=True)
class Batch:
    """The log's part of one commit. Each tile replaces the narrower tile of the same level and index."""

    head: LogHead
    entries: tuple[HashedLeaf, ...]
    tiles: tuple[TileWrite, ...]


def empty_head(origin: str, signers: Sequence[NoteSigner], at: int) -> LogHead:
    """The head of a new log: size 0, signed."""
    return _signed(origin, RightEdge(), signers, at)


def open_head(checkpoint: bytes, keys: Iterable[VerifierKey], read_tile: ReadTile) -> LogHead:
    """The head of the stored checkpoint, with its right edge computed from the tiles.

    Raises what `open_checkpoint` raises, and IntegrityLost(step="right-edge") where tiles and checkpoint disagree.
    """
    opened = open_checkpoint(checkpoint, keys).checkpoint
    edge = read_edge(opened.size, read_tile)
    # exchange-log A3
    if edge.root != opened.root:
        raise IntegrityLost(detail=f"the tiles do not hash to the checkpoint of size {opened.size}", step="right-edge")
    return LogHead(opened.origin, edge, checkpoint)


def integrate(head: LogHead, leaves: Sequence[bytes], signers: Sequence[NoteSigner], at: int) -> Batch:
    """Append raw `leaves` to `head`, and sign the checkpoint at POSIX time `at`. Without leaves,
    it is a new checkpoint of the same tree.

    The caller must commit the batch as a whole or not at all. It must not sign another batch on `head`, unless this one
    was rolled back and nobody has seen its checkpoint.
    """
    if any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves):
        raise ValueError(f"a leaf has at most {MAX_ENTRY_BYTES} bytes")
    hashes = leaf_hashes(leaves)
    growth = append(head.edge, hashes)
    entries = tuple(
        HashedLeaf(index, leaf, hashed)
        for index, (leaf, hashed) in enumerate(zip(leaves, hashes, strict=True), head.size)
    )
    return Batch(_signed(head.origin, growth.edge, signers, at), entries, growth.tiles)


def _signed(origin: str, edge: RightEdge, signers: Sequence[NoteSigner], at: int) -> LogHead:
    return LogHead(origin, edge, sign_checkpoint(Checkpoint(origin, edge.size, edge.root), signers, at))
