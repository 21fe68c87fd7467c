"""The entries and tiles of a log directory, recomputed from the entries up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attache.evidence.report import Findings
from attache.translog.checkpoint import Checkpoint
from attache.translog.edge import complete_subtrees
from attache.translog.merkle import fold, leaf_hashes, root_of_leaf_hashes
from attache.translog.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, parse_bundle, parse_hashes

ReadFile = Callable[[str], bytes | None]
"""The bytes of the file at a path relative to the directory, or None if there is no such file."""

Hashes = Sequence[bytes | None]
"""The hashes of a tile; None for a hash that cannot be computed because files are missing."""


@dataclass(frozen=True)
class TreeCheck:
    """How many entries agreed with their tile, and how many tiles with the tiles or entries below them."""

    entries: int
    tiles: int


def verify_tree(read: ReadFile, checkpoint: Checkpoint, findings: Findings) -> TreeCheck:
    """Steps 3 to 5 of `verify_log_directory`. Reads each file once, and keeps one tile of each level in memory."""
    tree = _Tree(read, checkpoint, findings)
    tree.verify()
    return TreeCheck(tree.entries, tree.tiles)


class _Tree:
    def __init__(self, read: ReadFile, checkpoint: Checkpoint, findings: Findings) -> None:
        self._read = read
        self._checkpoint = checkpoint
        self._findings = findings
        self.entries = self.tiles = 0

    def verify(self) -> None:
        """Verify all tiles from the partial tile of each level downwards: every full tile is below one of them."""
        size, upper = self._checkpoint.size, [0]
        while size >> (TILE_HEIGHT * upper[0]) >= TILE_WIDTH:
            upper.insert(0, upper[0] + 1)
        subtrees: list[bytes | None] = []
        for level in upper[:-1]:
            hashes = size >> (TILE_HEIGHT * level)
            subtrees += _complete_subtrees(self._inner_tile(Tile(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)))
        self._leaf_edge(Tile(0, size // TILE_WIDTH, size % TILE_WIDTH), subtrees)

    def _inner_tile(self, tile: Tile) -> Hashes:
        """The hashes of a tile above the leaves, each recomputed from the full tile below it."""
        stored = self._stored(tile)
        hashes = [
            self._full_tile(tile.level - 1, tile.index * TILE_WIDTH + place, above)
            for place, above in enumerate(stored)
        ]
        wrong = [
            place
            for place, (here, below) in enumerate(zip(stored, hashes, strict=True))
            if here and below and here != below
        ]
        for place in wrong:
            self._findings.add("tile", "proof-invalid", tile.path, f"hash {place} is not that of the tile below it")
        self.tiles += None not in stored and not wrong
        return hashes

    def _full_tile(self, level: int, index: int, above: bytes | None) -> bytes | None:
        """The root of a full tile: recomputed, or, if that is impossible, the hash that the tile above states."""
        if self._findings.is_full:
            return None
        if level:
            return _root(self._inner_tile(Tile(level, index))) or above
        tile = Tile(0, index)
        entries, hashes = self._entries(tile), self._stored(tile)
        by_entries, by_hashes = _root(entries), _root(hashes)
        self._compare(tile, entries, hashes, is_bundle_right=by_entries == above, is_tile_right=by_hashes == above)
        return by_hashes if by_hashes == above else by_entries or by_hashes or above

    def _leaf_edge(self, tile: Tile, subtrees: list[bytes | None]) -> None:
        """The partial tile of leaf hashes, if any, and with it the root."""
        entries = hashes = subtrees[:0]
        if tile.width:
            entries, hashes = list(self._entries(tile)), list(self._stored(tile))
        by_entries, by_hashes = (_folded([*subtrees, *_complete_subtrees(edge)]) for edge in (entries, hashes))
        signed = self._checkpoint.root
        self._compare(tile, entries, hashes, is_bundle_right=by_entries == signed, is_tile_right=by_hashes == signed)
        if signed not in (by_entries, by_hashes) and not self._findings.is_full:
            known = by_entries or by_hashes
            why = f"the entries hash to {known.hex()}" if known else "too many files are missing to compute it"
            self._findings.add("root", "proof-invalid", "checkpoint", f"the signed root is {signed.hex()}; {why}")

    def _compare(
        self, tile: Tile, entries: Hashes, hashes: Hashes, *, is_bundle_right: bool, is_tile_right: bool
    ) -> None:
        """Compare entries with the tile of their hashes. Where they differ, the finding names the one that does not lead to the hash above; both, if neither does."""
        bundle, first = Tile(ENTRIES, tile.index, tile.width), tile.index * TILE_WIDTH
        wrong = [
            place
            for place, (entry, stored) in enumerate(zip(entries, hashes, strict=True))
            if entry and stored and entry != stored
        ]
        for place in wrong:
            # exchange-log D2
            if not is_bundle_right:
                self._findings.add(
                    "entry-bundle",
                    "proof-invalid",
                    bundle.path,
                    f"entry {first + place} is not the one that was logged",
                )
            # exchange-log D2
            if not is_tile_right:
                self._findings.add(
                    "tile", "proof-invalid", tile.path, f"hash {place} is not that of entry {first + place}"
                )
        is_whole = tile.width and None not in entries and None not in hashes and not wrong
        self.entries += tile.width if is_whole else 0
        self.tiles += 1 if is_whole else 0

    def _entries(self, tile: Tile) -> Hashes:
        """The leaf hashes of the entries of the bundle that belongs to `tile`."""
        bundle = Tile(ENTRIES, tile.index, tile.width)
        raw = self._file(bundle, "entry-bundle")
        if raw is not None:
            with self._findings.at("entry-bundle", bundle.path):
                return leaf_hashes(parse_bundle(raw, bundle))
        return [None] * tile.width

    def _stored(self, tile: Tile) -> Hashes:
        raw = self._file(tile, "tile")
        if raw is not None:
            with self._findings.at("tile", tile.path):
                return parse_hashes(raw, tile)
        return [None] * tile.width

    def _file(self, tile: Tile, step: str) -> bytes | None:
        raw = self._read(tile.path)
        if raw is None:
            self._findings.add(step, "malformed-log", tile.path, "missing")
        return raw


def _known(hashes: Hashes) -> list[bytes] | None:
    """The hashes, if all of them are known."""
    known = [value for value in hashes if value is not None]
    return known if len(known) == len(hashes) else None


def _root(hashes: Hashes) -> bytes | None:
    known = _known(hashes)
    return root_of_leaf_hashes(known) if known is not None else None


def _complete_subtrees(hashes: Hashes) -> list[bytes | None]:
    known = _known(hashes)
    return [*complete_subtrees(known)] if known is not None else [None]


def _folded(subtrees: Hashes) -> bytes | None:
    known = _known(subtrees)
    return fold(known) if known is not None else None
