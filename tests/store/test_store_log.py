"""Reading, proving, exporting and verifying the exchange log."""

import asyncio
import shutil
import sqlite3
from dataclasses import replace

import pytest
from store_place import ORIGIN, START, Place, denied, keys_of, package, submitted, submitting

from attache.errors import IntegrityLost, MalformedInput, Misconfigured, NotFound
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.merkle import leaf_hash, root_of_leaf_hashes, verify_inclusion
from attache.translog.note import parse_note
from attache.translog.signing import open_checkpoint
from attache.translog.tiles import Tile, bundles_of, hash_tiles_of, parse_bundle, parse_hashes, parse_tile_path
from gateway.exchange.kernel.block_ranges import format_ranges
from gateway.exchange.kernel.ports import LogFilter
from gateway.exchange_log import Entry, EventCode, Group
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.store import open_reading
from gateway.store.log_privacy import seal_openings


def execute(place: Place, sql: str) -> None:
    connection = sqlite3.connect(place.database)
    connection.execute(sql)
    connection.commit()
    connection.close()


async def test_the_checkpoint_is_signed_by_every_signer(place):
    await place.fill(3)
    with place.log() as log:
        opened = open_checkpoint(log.checkpoint, keys_of().verifier_keys)
    assert (opened.checkpoint.origin, opened.checkpoint.size) == (ORIGIN, 3)
    assert [each.key for each in opened.verified] == keys_of().verifier_keys


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 520])
async def test_every_entry_is_proven_under_the_newest_checkpoint(place, size):
    await place.fill(size)
    async with place.open() as store:
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            proof = await store.read(lambda reader, index=index: reader.prove_entry(index))
            leaf = (await store.read_log(lambda log, index=index: log.entry(index))).leaf
            checkpoint = parse_checkpoint_body(parse_note(proof.checkpoint).text)
            assert (proof.index, proof.leaf, checkpoint.size) == (index, leaf, size)
            assert proof.origin == checkpoint.origin == ORIGIN
            verify_inclusion(leaf_hash(leaf), index, size, proof.proof, checkpoint.root)


async def test_a_proof_is_to_be_had_as_soon_as_the_write_is_answered(place):
    async with place.open() as store:
        for n in range(20):
            index = await store.write(submitting(n))
            assert (await store.read(lambda reader, index=index: reader.prove_entry(index))).index == n


@pytest.mark.parametrize("index", [-1, 3, 4])
async def test_an_entry_that_is_not_there_is_not_found(place, index):
    await place.fill(3)
    async with place.open() as store:
        with pytest.raises(NotFound):
            await store.read(lambda reader: reader.prove_entry(index))
        with pytest.raises(NotFound):
            await store.read_log(lambda log: log.entry(index))


async def test_a_unit_cannot_prove_what_it_has_not_committed(place):
    async with place.open() as store:
        with pytest.raises(NotFound):
            await store.write(lambda tx: tx.prove_entry(tx.log(submitted("p"))))
        assert await store.read_log(lambda log: log.size) == 0


async def test_every_partial_tile_of_every_checkpoint_is_served(place):
    """C2SP tlog-tiles: for each size that had a checkpoint."""
    async with place.open() as store:
        sizes = []
        for start in range(0, 600, 75):
            await asyncio.gather(*(store.write(submitting(n)) for n in range(start, start + 75)))
            sizes.append(await store.read_log(lambda log: log.size))
        leaves = [each.leaf for each in await store.read_log(lambda log: log.entries_after(-1, 1000))]
        hashes = [leaf_hash(leaf) for leaf in leaves]

        def look(log):
            for size in sizes:
                for tile in hash_tiles_of(size):
                    width = 256**tile.level
                    starts = [(tile.index * 256 + n) * width for n in range(tile.width)]
                    expected = [root_of_leaf_hashes(hashes[start : start + width]) for start in starts]
                    assert parse_hashes(log.resource(tile.path), tile) == expected
                for bundle in bundles_of(size):
                    entries = leaves[bundle.index * 256 :][: bundle.width]
                    assert parse_bundle(log.resource(bundle.path), bundle) == entries

        await store.read_log(look)
    assert sizes[-1] == 600


@pytest.mark.parametrize(
    "path", ["tile/0/001.p/5", "tile/0/001", "tile/1/000.p/2", "tile/entries/001.p/5", "tile/7/000"]
)
async def test_a_tile_wider_than_the_checkpoint_makes_it_is_not_found(place, path):
    await place.fill(260)
    assert parse_tile_path(path)
    with place.log() as log, pytest.raises(NotFound):
        log.resource(path)


@pytest.mark.parametrize("path", ["", "tile/0/1", "../../etc/passwd", "tile/0/000.p/0", "checkpoint/"])
async def test_a_path_that_is_none_is_malformed(place, path):
    await place.fill(1)
    with place.log() as log, pytest.raises(MalformedInput):
        log.resource(path)


async def test_the_export_is_the_whole_log(place):
    await place.fill(300)
    with place.log() as log:
        files = dict(log.export())
        assert files["checkpoint"] == log.checkpoint
        assert list(files)[-1] == "checkpoint"
        assert set(files) == {"checkpoint", *(t.path for t in (*hash_tiles_of(300), *bundles_of(300)))}
        assert all(files[path] == log.resource(path) for path in files)
    leaves = parse_bundle(files["tile/entries/000"], Tile(-1, 0)) + parse_bundle(
        files["tile/entries/001.p/44"], Tile(-1, 1, 44)
    )
    root = parse_checkpoint_body(parse_note(files["checkpoint"]).text).root
    assert root_of_leaf_hashes([leaf_hash(leaf) for leaf in leaves]) == root


async def test_entries_are_paged_in_the_order_of_the_log(place):
    await place.fill(7)
    with place.log() as log:
        pages = [[each.index for each in log.entries_after(after, 3)] for after in (-1, 2, 5, 6)]
    assert pages == [[0, 1, 2], [3, 4, 5], [6], []]


async def test_entries_are_found_by_what_they_are_about(place):
    events = [
        submitted("package-a", "alice"),
        submitted("package-b", "bob"),
        denied("package-a", "europol"),
        denied("package-b", "partner-bogota"),
    ]
    async with place.open() as store:
        for event in events:
            await store.write(lambda tx, event=event: tx.log(event))

        async def found(**wanted):
            return [
                each.index for each in await store.read_log(lambda log: log.entries_after(-1, 9, LogFilter(**wanted)))
            ]

        assert await found() == [0, 1, 2, 3]
        assert await found(code=EventCode.PACKAGE_DENIED) == [2, 3]
        assert await found(actor="alice") == [0]
        assert await found(package_id="package-a") == [0, 2]
        assert await found(partner="partner-bogota") == [3]
        assert await found(package_id="package-a", partner="partner-bogota") == []
        assert await found(package_id="europol") == []


async def test_an_entry_comes_with_openings_that_its_leaf_commits_to(place):
    async with place.open() as store:
        index = await store.write(lambda tx: tx.log(submitted("package-a", "alice", parts=17)))
        entry = await store.read_log(lambda log: log.entry(index))
    facts = parse_leaf(entry.leaf)
    opened = {opening.group.value: verify_opening(facts, opening) for opening in entry.openings}
    assert opened == {"record": {"package_id": "package-a", "parts": 17}, "person": {"actor": "alice"}, "reason": {}}


async def test_a_purged_entry_has_no_openings_and_still_verifies(place):
    await place.fill(5)
    async with place.open() as store:
        about = submitted("another", originator="us")
        await store.write(lambda tx: tx.log(about))
        row = await store.write(lambda tx: (tx.add(package(9)), tx.log(about))[1])
        await store.write(lambda tx: purge(tx, "another"))
    with place.log() as log:
        assert log.entry(5).openings == ()
        assert [opening.group for opening in log.entry(row).openings] == [Group.ROWS]
        audit = log.verify()
        assert (audit.size, audit.purged, audit.origin, audit.findings) == (8, 2, ORIGIN, ())
        assert [entry.index for entry in log.entries_after(-1, 9, LogFilter(package_id="another"))] == [5, row]


def purge(tx, package_id: str, indexes: str | None = None) -> int:
    found = tx.purge_entries("us", package_id)
    said = {"indexes": indexes or format_ranges(found.indexes), "groups": sorted(found.groups)}
    return tx.log(Entry(EventCode.PURGE_DONE, START, "system", {}, {Group.RECORD: said}))


@pytest.mark.parametrize("indexes", ["0", "0-2", "2"])
async def test_a_private_side_that_is_gone_without_a_purge_is_found(place, indexes):
    await place.fill(3)
    async with place.open() as store:
        await store.write(lambda tx: tx.log(submitted("another", originator="us")))
        await store.write(lambda tx: purge(tx, "another", indexes))
    execute(place, "UPDATE log_entry SET private_sealed = NULL WHERE entry_index = 3")
    with place.log() as log:
        finding = "log_entry: the private side of entry 3 is missing, and no purge is logged for it"
        assert log.verify().findings == (finding,)


async def test_row_digests_that_are_gone_are_never_a_purge(place):
    await place.fill(3)
    async with place.open() as store:
        await store.write(lambda tx: purge(tx, "another", "0-2"))
    execute(place, "UPDATE log_entry SET private_sealed = NULL WHERE entry_index = 1")
    with place.log() as log, pytest.raises(IntegrityLost, match="has lost its digests of rows"):
        log.verify()


async def test_the_log_is_read_with_and_without_a_gateway_on_it(place):
    async with place.open() as store:
        await store.write(submitting(0))
        with place.log() as log:
            assert log.verify().size == 1
            await store.write(submitting(1))
            assert log.verify().size == 1
    with place.log() as log:
        assert log.verify().size == 2


async def test_a_log_that_is_not_there_is_misconfigured_and_not_made(place):
    with pytest.raises(Misconfigured), open_reading(place.url, keys_of()):
        raise AssertionError("there is a log")
    assert not place.database.exists()


async def test_openings_under_another_storage_key_do_not_open(place):
    await place.fill(1)
    with place.log(keys_of(storage_key=b"\x06" * 32)) as log, pytest.raises(IntegrityLost):
        log.entry(0)


TAMPERING = {
    "a leaf in the middle": "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE entry_index = 8) WHERE entry_index = 7",
    "a leaf that is none": "UPDATE log_entry SET leaf = x'7b7d' WHERE entry_index = 7",
    "an entry is gone": "DELETE FROM log_entry WHERE entry_index = 7",
    "the code it is listed under": "UPDATE log_entry SET code = 'package.denied' WHERE entry_index = 7",
    "the time it is listed under": "UPDATE log_entry SET at = '2020-01-01 00:00:00.000000' WHERE entry_index = 7",
    "the actor it is listed under": "UPDATE log_entry SET actor = '00' WHERE entry_index = 7",
    "the package it is listed under": "UPDATE log_entry SET package = NULL WHERE entry_index = 7",
    "the partner it is listed under": "UPDATE log_entry SET partner = '00' WHERE entry_index = 7",
    "the private side of another": (
        "UPDATE log_entry SET private_sealed = (SELECT private_sealed FROM log_entry WHERE entry_index = 8) WHERE entry_index = 7"
    ),
    "a hash in a full tile": "UPDATE log_tile SET hashes = zeroblob(8192) WHERE level = 0 AND tile_index = 0",
    "a hash above": "UPDATE log_tile SET hashes = zeroblob(64) WHERE level = 1",
    "a tile too wide": "UPDATE log_tile SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE level = 1",
    "a tile that is text": "UPDATE log_tile SET hashes = CAST(hashes AS TEXT) WHERE level = 0",
    "a tile too many": "INSERT INTO log_tile VALUES (2, 0, zeroblob(32))",
    "a tile is gone": "DELETE FROM log_tile WHERE level = 0 AND tile_index = 0",
    "an older checkpoint": None,
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A place with 530 entries, and the checkpoint that it had at 500."""
    place = Place(tmp_path_factory.mktemp("filled"))
    asyncio.run(place.fill(500))
    with place.log() as log:
        before = log.checkpoint
    asyncio.run(place.fill(30, start=500))
    with place.log() as log:
        assert log.verify().size == 530
    return place, before


@pytest.mark.parametrize("tampering", TAMPERING)
async def test_verification_finds(tmp_path, filled, tampering):
    original, before = filled
    place = Place(tmp_path / "copy")
    shutil.copytree(original.folder, place.folder)
    older = f"UPDATE log_head SET checkpoint = x'{before.hex()}'"
    execute(place, TAMPERING[tampering] or older)
    with place.log() as log, pytest.raises(IntegrityLost) as lost:
        log.verify()
    assert lost.value.step in ("log-audit", "at-rest")


async def test_verification_names_the_entry_that_is_missing(place):
    await place.fill(9)
    execute(place, "DELETE FROM log_entry WHERE entry_index = 7")
    with place.log() as log, pytest.raises(IntegrityLost, match="entry 7 is missing"):
        log.verify()


async def test_verification_finds_a_private_side_that_somebody_with_the_key_rewrote(place):
    await place.fill(9)
    with place.log() as log:
        true = log.entry(7).openings
    false = tuple(replace(each, payload=each.payload.replace(b"package", b"another")) for each in true)
    sealed = seal_openings(keys_of().vault, 7, false).hex()
    execute(place, f"UPDATE log_entry SET private_sealed = x'{sealed}' WHERE entry_index = 7")
    with place.log() as log, pytest.raises(IntegrityLost, match="does not commit"):
        log.verify()


async def test_nothing_private_is_on_the_disk(place):
    """What an entry keeps privately is in no file: not in the database, its write-ahead log, the lock or the blobs."""
    sentinel, person, number = "SENTINEL-secret-of-the-case", "sentinel.person@example.org", 9_182_736_455
    async with place.open() as store:
        index = await store.write(lambda tx: tx.log(submitted(sentinel, person, parts=number)))

        def failing(tx):
            tx.log(submitted(sentinel, person))
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(failing)
        await store.write(lambda tx: tx.add(package(1)))
        kept = await store.read_log(lambda log: log.entry(index))
        assert any(sentinel.encode() in opening.payload for opening in kept.openings)
        files = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    files |= {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    assert {path.suffix for path in files} >= {".db", ".db-wal", ".lock"}
    assert any(package(1).package_id.encode() in content for content in files.values())
    for content in files.values():
        for secret in (sentinel, person, str(number)):
            assert secret.encode() not in content
            assert secret.encode().hex().encode() not in content
