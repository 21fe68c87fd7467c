"""The log as a static C2SP directory, file by file; any tlog-tiles client can read it."""

from collections.abc import Callable, Iterator, Sequence

from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.tiles import TILE_WIDTH, ReadTile, bundles_of, format_bundle, hash_tiles_of

ReadEntries = Callable[[int, int], Sequence[bytes]]
"""(first index, count) -> that many raw leaves, in order."""


def export_log(checkpoint: bytes, read_tile: ReadTile, read_entries: ReadEntries) -> Iterator[tuple[str, bytes]]:
    """Each file's path below the directory, and its bytes; the checkpoint last, when all that it needs is there.

    Reads one tile or bundle at a time. Not checked: that any of it is consistent; `attache.evidence` does.
    """
    size = parse_checkpoint_body(parse_note(checkpoint).text).size
    for tile in hash_tiles_of(size):
        yield tile.path, read_tile(tile)
    for bundle in bundles_of(size):
        yield bundle.path, format_bundle(list(read_entries(bundle.index * TILE_WIDTH, bundle.width)))
    yield "checkpoint", checkpoint
