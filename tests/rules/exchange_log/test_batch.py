"""Appending, restarting and exporting, as values."""

import pytest

from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey
from attache.errors import IntegrityLost, MalformedInput, UnknownKey
from attache.translog import merkle
from attache.translog.signing import open_checkpoint, signer_of
from attache.translog.tiles import ENTRIES, Tile, parse_bundle, parse_tile_path, tile_width
from attache.translog.vkey import SignatureType
from gateway.exchange_log.batch import empty_head, integrate, open_head
from gateway.exchange_log.export import export_log
from gateway.exchange_log.restart import LockAction, check_lock, require_database

ORIGIN = "irs-ci.example/log"
SIGNER = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
PQ_SIGNER = signer_of(ORIGIN, SignatureType.MLDSA44, MLDSA44LogKey(b"\2" * 32))
KEYS = [SIGNER.verifier_key]


class Store:
    """What a database keeps of a log."""

    def __init__(self, signers=(SIGNER,), origin=ORIGIN):
        self.signers = signers
        self.head = empty_head(origin, signers, 1)
        self.tiles = {}
        self.entries = []

    def append(self, *leaves, at=2):
        batch = integrate(self.head, leaves, self.signers, at)
        assert [row.index for row in batch.entries] == list(range(self.head.size, batch.head.size))
        for write in batch.tiles:
            self.tiles[write.tile.level, write.tile.index] = write.hashes
        self.entries += [row.leaf for row in batch.entries]
        self.head = batch.head
        return batch

    def read_tile(self, tile):
        return self.tiles[tile.level, tile.index][: 32 * tile.width]

    def read_entries(self, first, count):
        return self.entries[first : first + count]

    def restart(self):
        return open_head(self.head.checkpoint, KEYS, self.read_tile)


def leaf(number):
    return b"leaf %d" % number


def test_a_new_log_is_empty_and_signed():
    checkpoint = open_checkpoint(Store().head.checkpoint, KEYS).checkpoint
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 0, merkle.EMPTY_ROOT)


def test_a_batch_gives_rows_tiles_and_a_signed_head():
    store = Store()
    batch = store.append(leaf(0), leaf(1), leaf(2))
    assert [row.leaf_hash for row in batch.entries] == merkle.leaf_hashes([leaf(0), leaf(1), leaf(2)])
    assert [write.tile for write in batch.tiles] == [Tile(0, 0, 3)]
    assert open_checkpoint(batch.head.checkpoint, KEYS).checkpoint.root == merkle.root_of_leaf_hashes(
        [row.leaf_hash for row in batch.entries]
    )


def test_an_empty_batch_is_a_fresh_checkpoint_of_the_same_tree():
    store = Store((SIGNER, PQ_SIGNER))
    store.append(leaf(0))
    before = store.head
    batch = store.append(at=99)
    assert (batch.entries, batch.tiles, batch.head.edge) == ((), (), before.edge)
    opened = open_checkpoint(batch.head.checkpoint, [PQ_SIGNER.verifier_key])
    assert opened.verified[0].signed_at == 99


def test_every_signer_signs():
    store = Store((SIGNER, PQ_SIGNER))
    store.append(leaf(0))
    opened = open_checkpoint(store.head.checkpoint, [SIGNER.verifier_key, PQ_SIGNER.verifier_key])
    assert [each.key for each in opened.verified] == [SIGNER.verifier_key, PQ_SIGNER.verifier_key]


def test_restarting_after_every_entry_around_a_tile_border():
    store = Store()
    store.append(*(leaf(n) for n in range(254)))
    for number in range(254, 260):
        store.append(leaf(number))
        assert store.restart() == store.head
    assert store.head.edge.root == merkle.root_of_leaf_hashes(merkle.leaf_hashes(leaf(n) for n in range(260)))


def test_an_oversized_leaf_is_a_programming_error():
    with pytest.raises(ValueError, match="65535"):
        Store().append(b"x" * 65_536)


def test_a_start_refuses_tiles_that_do_not_hash_to_the_checkpoint():
    store = Store()
    store.append(leaf(0), leaf(1))
    store.tiles[0, 0] = store.tiles[0, 0][:-1] + b"\0"
    with pytest.raises(IntegrityLost) as caught:
        store.restart()
    assert caught.value.step == "right-edge"


def test_a_start_refuses_a_checkpoint_of_another_key():
    store = Store((signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\7" * 32)),))
    with pytest.raises(UnknownKey):
        store.restart()


def lock_refusal(*arguments):
    with pytest.raises(IntegrityLost) as caught:
        check_lock(*arguments)
    assert caught.value.step == "checkpoint-lock"
    return caught.value.detail


def test_the_lock_of_a_new_log_is_created():
    store = Store()
    assert check_lock(store.head.checkpoint, None, KEYS, store.read_tile) is LockAction.CREATE


def test_the_lock_at_the_database_is_kept():
    store = Store()
    store.append(leaf(0))
    assert check_lock(store.head.checkpoint, store.head.checkpoint, KEYS, store.read_tile) is LockAction.KEEP


@pytest.mark.parametrize("locked_size", [0, 1, 5, 255, 256, 300])
def test_a_lock_one_commit_behind_is_advanced(locked_size):
    store = Store()
    store.append(*(leaf(n) for n in range(locked_size)))
    locked = store.head.checkpoint
    store.append(leaf(1000), leaf(1001))
    assert check_lock(store.head.checkpoint, locked, KEYS, store.read_tile) is LockAction.ADVANCE


def test_a_restored_old_database_is_refused():
    store = Store()
    store.append(leaf(0))
    old = store.head.checkpoint
    store.append(leaf(1))
    assert "rolled back" in lock_refusal(old, store.head.checkpoint, KEYS, store.read_tile)


@pytest.mark.parametrize("more", [0, 3])
def test_a_database_with_another_history_is_refused(more):
    store, other = Store(), Store()
    other.append(leaf(0), leaf(99))
    store.append(leaf(0), leaf(1), *(leaf(2) for _ in range(more)))
    assert "contradict" in lock_refusal(store.head.checkpoint, other.head.checkpoint, KEYS, store.read_tile)


def test_entries_without_a_lock_are_refused():
    store = Store()
    store.append(leaf(0))
    assert "missing" in lock_refusal(store.head.checkpoint, None, KEYS, store.read_tile)


def test_the_lock_of_another_log_is_refused():
    store, other = Store(), Store(origin="irs-ci.example/other")
    assert "belongs to" in lock_refusal(store.head.checkpoint, other.head.checkpoint, KEYS, store.read_tile)


def test_a_damaged_lock_is_refused():
    store = Store()
    with pytest.raises(MalformedInput):
        check_lock(store.head.checkpoint, store.head.checkpoint[:-1], KEYS, store.read_tile)


def test_a_lock_without_database_is_refused():
    require_database(None)
    with pytest.raises(IntegrityLost) as caught:
        require_database(Store().head.checkpoint)
    assert caught.value.step == "checkpoint-lock"


def test_the_export_is_the_whole_directory_and_the_checkpoint_last():
    store = Store()
    store.append(*(leaf(n) for n in range(600)))
    files = dict(export_log(store.head.checkpoint, store.read_tile, store.read_entries))
    assert sorted(files) == sorted(
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/88",
            "tile/1/000.p/2",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/88",
        ]
    )
    assert list(files)[-1] == "checkpoint"
    for path in [p for p in files if p.startswith("tile/entries")]:
        tile = parse_tile_path(path)
        entries = parse_bundle(files[path], tile)
        hashes = merkle.leaf_hashes(entries)
        assert entries == store.entries[tile.index * 256 :][:256]
        assert b"".join(hashes) == files[Tile(0, tile.index, tile_width(ENTRIES, tile.index, 600)).path]


def test_the_export_of_an_empty_log_is_its_checkpoint():
    store = Store()
    assert dict(export_log(store.head.checkpoint, store.read_tile, store.read_entries)) == {
        "checkpoint": store.head.checkpoint
    }
