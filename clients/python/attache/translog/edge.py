"""Appending to a tree: from its right edge and the new leaves to the new right edge and the tiles that change."""

from collections.abc import Sequence
from dataclasses import dataclass

from attache.errors import IntegrityLost
from attache.translog.merkle import HASH_BYTES, fold, node_hash, root_of_leaf_hashes
from attache.translog.tiles import TILE_HEIGHT, TILE_WIDTH, ReadTile, Tile, parse_hashes, tile_width

_TILE_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True)
class RightEdge:
    """The right edge of a tree of `size` entries.

    `subtrees`: the roots of its complete subtrees, left to right, one for each binary digit 1 of `size`.
    `partials`: for each tile level from 0, the bytes of the partial tile there, possibly empty.
    """

    size: int = 0
    subtrees: tuple[bytes, ...] = ()
    partials: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root of the whole tree."""
        return fold(self.subtrees)


@dataclass(frozen=True)
class TileWrite:
    """A tile that an append has to store. A later append may store the same tile with more hashes; these bytes are then its prefix."""

    tile: Tile
    hashes: bytes


@dataclass(frozen=True)
class Growth:
    """The edge after an append, and every tile, full or partial, that the append changed: each tile once, with all its hashes."""

    edge: RightEdge
    tiles: tuple[TileWrite, ...]


def append(edge: RightEdge, leaves: Sequence[bytes]) -> Growth:
    """Append leaf hashes. Costs one node hash per leaf plus O(log size); reads nothing."""
    if any(len(leaf) != HASH_BYTES for leaf in leaves):
        raise ValueError("a leaf hash has 32 bytes")
    building = _Building(edge)
    for leaf in leaves:
        building.push(leaf)
    return building.growth(edge)


def read_edge(size: int, read_tile: ReadTile) -> RightEdge:
    """The right edge of a tree of `size` entries, read from its stored tiles.

    Re-hashes the last full tile of each level against its hash one level up, so that every byte of the edge is checked against the root.
    Raises IntegrityLost where they differ. Not checked: that the root is the signed one (`exchange_log.restart` does).
    """
    subtrees: list[bytes] = []
    partials: list[bytes] = []
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        width = hashes % TILE_WIDTH
        partial = _read(Tile(level, hashes // TILE_WIDTH, width), read_tile) if width else []
        if hashes >= TILE_WIDTH:
            _require_parent(level, hashes // TILE_WIDTH - 1, size, read_tile)
        partials.append(b"".join(partial))
        subtrees[:0] = complete_subtrees(partial)
        level += 1
    return RightEdge(size, tuple(subtrees), tuple(partials))


class _Building:
    """An edge under construction."""

    def __init__(self, edge: RightEdge) -> None:
        self.size = edge.size
        self.subtrees = list(edge.subtrees)
        self.tails = [bytearray(partial) for partial in edge.partials]
        self.full: list[TileWrite] = []

    def push(self, leaf: bytes) -> None:
        subtrees, height, below = self.subtrees, 0, self.size
        subtrees.append(leaf)
        self.size += 1
        self._extend_tile(0, leaf)
        while below & 1:
            right = subtrees.pop()
            subtrees[-1] = node_hash(subtrees[-1], right)
            height, below = height + 1, below >> 1
            if height % TILE_HEIGHT == 0:
                self._extend_tile(height // TILE_HEIGHT, subtrees[-1])

    def _extend_tile(self, level: int, subtree: bytes) -> None:
        if level == len(self.tails):
            self.tails.append(bytearray())
        tail = self.tails[level]
        tail += subtree
        if len(tail) == _TILE_BYTES:
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            self.full.append(TileWrite(Tile(level, index), bytes(tail)))
            tail.clear()

    def growth(self, before: RightEdge) -> Growth:
        partials = tuple(bytes(tail) for tail in self.tails)
        changed = [
            TileWrite(Tile(level, self.size >> (TILE_HEIGHT * (level + 1)), len(partial) // HASH_BYTES), partial)
            for level, partial in enumerate(partials)
            if partial and (self.size >> (TILE_HEIGHT * level)) != (before.size >> (TILE_HEIGHT * level))
        ]
        return Growth(RightEdge(self.size, tuple(self.subtrees), partials), (*self.full, *changed))


def complete_subtrees(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots over a partial tile's hashes, one for each binary digit 1 of its width, left to right."""
    roots, start = [], 0
    while start < len(hashes):
        width = 1 << ((len(hashes) - start).bit_length() - 1)
        roots.append(root_of_leaf_hashes(hashes[start : start + width]))
        start += width
    return roots


def _require_parent(level: int, index: int, size: int, read_tile: ReadTile) -> None:
    above = Tile(level + 1, index // TILE_WIDTH, tile_width(level + 1, index // TILE_WIDTH, size))
    root = root_of_leaf_hashes(_read(Tile(level, index), read_tile))
    # exchange-log A3
    if _read(above, read_tile)[index % TILE_WIDTH] != root:
        raise IntegrityLost(
            detail=f"{Tile(level, index).path} does not hash to its place in {above.path}", step="right-edge"
        )


def _read(tile: Tile, read_tile: ReadTile) -> list[bytes]:
    return parse_hashes(read_tile(tile), tile)
