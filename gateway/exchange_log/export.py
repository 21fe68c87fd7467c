"""The log as the files of a static C2SP directory, which any tlog-tiles client can read."""

from collections.abc import Callable, Iterator, Sequence

from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.tiles import TILE_WIDTH, ReadTile, bundles_of, format_bundle, hash_tiles_of

ReadEntries = Callable[[int, int], Sequence[bytes]]
"""Returns `count` raw leaves from the first index on: (first index, count) -> leaves."""


def export_log(checkpoint: bytes, read_tile: ReadTile, read_entries: ReadEntries) -> Iterator[tuple[str, bytes]]:
    """The path of each file below the directory, and its bytes. The checkpoint comes last,
    after all files that it covers.

    Reads one tile or bundle at a time. Not checked: that the files are consistent; `attache.evidence` checks that.
    """
    size = parse_checkpoint_body(parse_note(checkpoint).text).size
    for tile in hash_tiles_of(size):
        yield tile.path, read_tile(tile)
    for bundle in bundles_of(size):
        yield bundle.path, format_bundle(list(read_entries(bundle.index * TILE_WIDTH, bundle.width)))
    yield "checkpoint", checkpoint
