"""Tiles of hashes and bundles of entries, as named and laid out by C2SP tlog-tiles.

Hash i of tile n at level l is that of the complete subtree of height 8·l and index 256·n + i.
A partial tile is a prefix of the full one, so a store needs only the tile with the most hashes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from attache.errors import MalformedInput
from attache.translog.merkle import HASH_BYTES, MAX_SIZE, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 2**16 - 1
ENTRIES = -1
"""The `level` of an entry bundle, whose entries are those of the tile of level 0 with the same index."""

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII)
_CODE = "malformed-log"


@dataclass(frozen=True, order=True)
class Tile:
    """Which tile or bundle, and how many of its hashes or entries: 1 to 256."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix, without leading slash."""
        return tile_path(self)


ReadTile = Callable[[Tile], bytes]
"""The bytes of a tile, with exactly the hashes or entries that `Tile.width` names; raises AttacheError if there are none."""


def tile_path(tile: Tile) -> str:
    """`tile/<L>/<N>[.p/<W>]`."""
    digits = str(tile.index)
    digits = digits.zfill(len(digits) + -len(digits) % 3)
    *high, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    number = "/".join([*(f"x{group}" for group in high), last])
    level = "entries" if tile.level == ENTRIES else tile.level
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{number}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile that `path` names; raises MalformedInput("malformed-log") unless `tile_path` writes it exactly so."""
    match = _PATH.fullmatch(path)
    if match:
        level = ENTRIES if match[1] == "entries" else int(match[1])
        width = TILE_WIDTH if match[3] is None else int(match[3])
        tile = Tile(level, int(match[2].replace("/", "").replace("x", "")), width)
        is_in_range = level <= MAX_LEVEL and (match[3] is None or 0 < width < TILE_WIDTH) and tile.index <= MAX_SIZE
        # exchange-log T1
        if is_in_range and tile_path(tile) == path:
            return tile
    raise MalformedInput(_CODE, f"not the path of a tile: {path[:80]!a}", step="tile-path")


def tile_width(level: int, index: int, size: int) -> int:
    """How wide this tile is in a tree of `size` entries: 0 (absent) to 256."""
    hashes = size >> (TILE_HEIGHT * max(level, 0))
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def hash_tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of hashes in a tree of `size` entries, level by level."""
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        for index in range(-(-hashes // TILE_WIDTH)):
            yield Tile(level, index, tile_width(level, index, size))
        level += 1


def bundles_of(size: int) -> Iterator[Tile]:
    """Every entry bundle in a tree of `size` entries."""
    for index in range(-(-size // TILE_WIDTH)):
        yield Tile(ENTRIES, index, tile_width(0, index, size))


def parse_hashes(raw: bytes, tile: Tile) -> list[bytes]:
    """The hashes of a tile; raises MalformedInput unless there are exactly `tile.width`."""
    if len(raw) != tile.width * HASH_BYTES:
        raise MalformedInput(_CODE, f"{tile.path} is not {tile.width} hashes", step="tile")
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]


def format_bundle(entries: list[bytes]) -> bytes:
    """The entries, each preceded by its length in two bytes, big-endian. Raises MalformedInput for one over 65,535 bytes."""
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise MalformedInput(_CODE, f"an entry is longer than {MAX_ENTRY_BYTES} bytes", step="entry-bundle")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(raw: bytes, tile: Tile) -> list[bytes]:
    """The entries of a bundle; raises MalformedInput unless there are exactly `tile.width` and no bytes after them."""
    entries, at = [], 0
    for _ in range(tile.width):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        if at > len(raw) or start > len(raw):
            raise MalformedInput(_CODE, f"{tile.path} ends within an entry", step="entry-bundle")
        entries.append(raw[start:at])
    # exchange-log T2
    if at != len(raw):
        raise MalformedInput(_CODE, f"{tile.path} has bytes after its last entry", step="entry-bundle")
    return entries


class TileHashes:
    """Hashes of complete subtrees, read from the tiles of a tree of `size` entries, each tile at most once.

    For one proof or a few: it keeps every tile that it read in memory. Not checked: that the tiles belong to any signed root.
    """

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self.size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, height: int, index: int) -> bytes:
        """The hash of the complete subtree of this height and index."""
        level, inner = divmod(height, TILE_HEIGHT)
        tile_index, offset = divmod(index << inner, TILE_WIDTH)
        return _subtree_root(self._tile(level, tile_index)[offset : offset + (1 << inner)])

    def _tile(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            tile = Tile(level, index, tile_width(level, index, self.size))
            self._tiles[level, index] = parse_hashes(self._read_tile(tile), tile)
        return self._tiles[level, index]


def _subtree_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]
