"""Tile names, hash tiles, entry bundles and appending."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import AttacheError, IntegrityLost
from attache.translog import edge, merkle, tiles
from attache.translog.proving import prove_consistency, prove_inclusion
from attache.translog.tiles import ENTRIES, Tile
from tests.protocol.translog.roots import root_of


def code_of(call, *args):
    with pytest.raises(AttacheError) as caught:
        call(*args)
    return caught.value.code, caught.value.step


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(63, 999), "tile/63/999"),
        (Tile(1, 1000, 1), "tile/1/x001/000.p/1"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(ENTRIES, 100_000, 255), "tile/entries/x100/000.p/255"),
        (Tile(0, 2**63 - 1), "tile/0/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_tile_paths(tile, path):
    assert tile.path == path
    assert tiles.parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000",
        "tile/+1/000", "tile/0/x000/000", "tile/0/x001", "tile/0/001/000", "tile/0/X001/000", "tile/0/x01/000", "tile/0/x0001/000",
        "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/999",
        "tile/0/000.p/1/", "tile/0/000/1", "tile/0/000\n", " tile/0/000", "tile/0/000.P/1", "/tile/0/000", "tile/entries/x1/000", "tile/data/000",
        "tile/Entries/000", "tile/0/\u0660\u0660\u0660", "tile/0/x009/x223/x372/x036/x854/x775/808", "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/../0/000", "tile\\0\\000", "tile/0//000", "checkpoint", "\ud800",
    ],
)  # fmt: skip
def test_what_is_not_a_tile_path(path):
    assert code_of(tiles.parse_tile_path, path) == ("malformed-log", "tile-path")


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_a_tile_path_parses_back(level, index, width):
    tile = Tile(level, index, width)
    assert tiles.parse_tile_path(tile.path) == tile


@given(st.text())
def test_any_text_is_a_path_in_its_one_spelling_or_refused(text):
    try:
        assert tiles.parse_tile_path(text).path == text
    except AttacheError as error:
        assert error.code == "malformed-log"


def test_the_tiles_of_70_000_entries():
    found = list(tiles.hash_tiles_of(70_000))
    assert [t for t in found if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [(level, sum(t.level == level and t.width == 256 for t in found)) for level in range(3)] == [
        (0, 273),
        (1, 1),
        (2, 0),
    ]
    assert list(tiles.bundles_of(70_000))[-1] == Tile(ENTRIES, 273, 112)


def test_the_tiles_of_few_entries():
    assert list(tiles.hash_tiles_of(0)) == list(tiles.bundles_of(0)) == []
    assert list(tiles.hash_tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles.hash_tiles_of(255)) == [Tile(0, 0, 255)]


@pytest.mark.parametrize("raw", [b"", b"\0" * 31, b"\0" * 33, b"\0" * 96])
def test_a_tile_has_exactly_its_hashes(raw):
    assert code_of(tiles.parse_hashes, raw, Tile(0, 0, 2)) == ("malformed-log", "tile")


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=8))
def test_bundles_parse_back_and_refuse_more_or_less(entries):
    raw, tile = tiles.format_bundle(entries), Tile(ENTRIES, 0, len(entries))
    assert tiles.parse_bundle(raw, tile) == entries
    for wrong in (raw + b"\0", raw[:-1], raw + raw):
        assert code_of(tiles.parse_bundle, wrong, tile) == ("malformed-log", "entry-bundle")
    assert code_of(tiles.parse_bundle, raw, Tile(ENTRIES, 0, len(entries) + 1)) == ("malformed-log", "entry-bundle")


@given(st.binary(max_size=600), st.integers(1, 256))
def test_any_bytes_are_a_bundle_or_refused(raw, width):
    try:
        assert tiles.format_bundle(tiles.parse_bundle(raw, Tile(ENTRIES, 0, width))) == raw
    except AttacheError as error:
        assert (error.code, error.step) == ("malformed-log", "entry-bundle")


def test_the_largest_entry():
    raw = tiles.format_bundle([b"x" * 65_535])
    assert tiles.parse_bundle(raw, Tile(ENTRIES, 0, 1)) == [b"x" * 65_535]
    assert code_of(tiles.format_bundle, [b"x" * 65_536]) == ("malformed-log", "entry-bundle")


class Stored:
    """Tiles as a store keeps them: the widest of each, partials served as prefixes."""

    def __init__(self):
        self.edge = edge.RightEdge()
        self.tiles = {}
        self.reads = 0

    def append(self, leaves):
        growth = edge.append(self.edge, leaves)
        for write in growth.tiles:
            assert len(write.hashes) == 32 * write.tile.width
            key = write.tile.level, write.tile.index
            assert write.hashes.startswith(self.tiles.get(key, b""))
            self.tiles[key] = write.hashes
        self.edge = growth.edge
        return growth

    def read(self, tile):
        self.reads += 1
        return self.tiles[tile.level, tile.index][: 32 * tile.width]


def leaves_of(count, seed=1):
    source = random.Random(seed)
    return [source.randbytes(32) for _ in range(count)]


def test_appending_one_by_one_gives_every_root_and_every_partial():
    leaves, log = leaves_of(600), Stored()
    assert log.edge.root == merkle.EMPTY_ROOT
    for size, leaf in enumerate(leaves, 1):
        growth = log.append([leaf])
        assert log.edge.root == merkle.root_of_leaf_hashes(leaves[:size])
        expected = {t for t in tiles.hash_tiles_of(size) if t not in set(tiles.hash_tiles_of(size - 1))}
        assert {w.tile for w in growth.tiles} == expected
        assert edge.read_edge(size, log.read) == log.edge


@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_batches_of_any_size_give_the_same_tree(batches):
    leaves, log, at = leaves_of(sum(batches)), Stored(), 0
    for count in batches:
        log.append(leaves[at : at + count])
        at += count
    assert log.edge.root == merkle.root_of_leaf_hashes(leaves)
    assert set(tiles.hash_tiles_of(at)) == {
        Tile(level, index, len(raw) // 32) for (level, index), raw in log.tiles.items()
    }
    assert edge.read_edge(at, log.read) == log.edge


def test_nothing_appended_changes_nothing():
    before = edge.append(edge.RightEdge(), leaves_of(300)).edge
    growth = edge.append(before, [])
    assert (growth.edge, growth.tiles) == (before, ())


def test_a_leaf_hash_of_another_length_is_a_programming_error():
    with pytest.raises(ValueError, match="32 bytes"):
        edge.append(edge.RightEdge(), [b"short"])


@pytest.fixture(scope="module")
def million():
    log = Stored()
    log.append(merkle.leaf_hashes(i.to_bytes(4, "big") for i in range(1_000_000)))
    return log


def test_proofs_at_a_million_entries_read_few_tiles(million):
    source = random.Random(7)
    for index in [0, 999_999, *(source.randrange(1_000_000) for _ in range(30))]:
        size = source.randrange(index + 1, 1_000_001)
        million.reads = 0
        proof = prove_inclusion(index, size, tiles.TileHashes(size, million.read))
        assert million.reads <= 6
        root = root_of(size, tiles.TileHashes(size, million.read))
        merkle.verify_inclusion(merkle.leaf_hash(index.to_bytes(4, "big")), index, size, proof, root)


def test_consistency_at_a_million_entries(million):
    source = random.Random(8)
    for _ in range(30):
        old, new = sorted(source.sample(range(1, 1_000_001), 2))
        million.reads = 0
        proof = prove_consistency(old, new, tiles.TileHashes(new, million.read))
        assert million.reads <= 6
        roots = [root_of(size, tiles.TileHashes(size, million.read)) for size in (old, new)]
        merkle.verify_consistency(old, new, *roots, proof)


def test_the_edge_of_a_million_entries_reads_back(million):
    assert edge.read_edge(1_000_000, million.read) == million.edge


@pytest.mark.parametrize("key", [(0, 1), (1, 0), (0, 0)])
def test_a_changed_last_full_tile_is_found(key):
    log = Stored()
    log.append(leaves_of(512 if key != (0, 0) else 256))
    log.tiles[key] = bytes([log.tiles[key][0] ^ 1]) + log.tiles[key][1:-1] + bytes([log.tiles[key][-1] ^ 1])
    with pytest.raises(IntegrityLost) as caught:
        edge.read_edge(log.edge.size, log.read)
    assert caught.value.step == "right-edge"


def test_a_changed_partial_tile_changes_the_root():
    log = Stored()
    log.append(leaves_of(300))
    log.tiles[0, 1] = log.tiles[0, 1][:-1] + bytes([log.tiles[0, 1][-1] ^ 1])
    assert edge.read_edge(300, log.read).root != log.edge.root
