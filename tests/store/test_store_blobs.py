import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from store_place import package

from attache.errors import IntegrityLost
from gateway.exchange.kernel.records import PartRecord
from gateway.store.blobs import CHUNK_BYTES, FileBlobs

NOW = datetime.now(UTC)


@pytest.fixture
def blobs(tmp_path):
    return FileBlobs(tmp_path / "blobs")


def files_of(blobs):
    return [path for path in blobs._folder.rglob("*") if path.is_file()]


def put(blobs, content=b"ciphertext"):
    with blobs.create() as blob:
        blob.write(content)
        return blob.commit()


def test_a_blob_is_what_was_written(blobs):
    with blobs.create() as blob:
        blob.write(b"one ")
        blob.write(b"two")
        blob_id = blob.commit()
    assert blob_id == blob.blob_id
    with blobs.open(blob_id) as content:
        assert content.read() == b"one two"


def test_nothing_is_under_its_id_before_commit(blobs):
    with blobs.create() as blob:
        blob.write(b"x")
        with pytest.raises(IntegrityLost):
            blobs.open(blob.blob_id)
        blob.commit()
    blobs.open(blob.blob_id).close()


@pytest.mark.parametrize("how", ["abandon", "leave", "raise"])
def test_an_abandoned_blob_leaves_nothing(blobs, how):
    with pytest.raises(LookupError) if how == "raise" else blobs.create(), blobs.create() as blob:
        blob.write(b"x")
        if how == "abandon":
            blob.abandon()
        if how == "raise":
            raise LookupError
    assert files_of(blobs) == []


def test_a_finished_blob_takes_no_more(blobs):
    with blobs.create() as blob:
        blob.commit()
        with pytest.raises(ValueError, match="already committed"):
            blob.write(b"x")
        with pytest.raises(ValueError, match="already committed"):
            blob.commit()


def test_files_and_folders_are_their_owners_alone(blobs):
    put(blobs)
    blobs.reserve(5)
    for path in blobs._folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_reserved_blob_is_filled_in_any_order(blobs):
    blob_id = blobs.reserve(10)
    blobs.write_at(blob_id, 5, b"world")
    blobs.write_at(blob_id, 0, b"hello")
    blobs.sync(blob_id)
    assert b"".join(blobs.chunks(blob_id)) == b"helloworld"


@pytest.mark.parametrize(("offset", "data"), [(-1, b"x"), (10, b"x"), (8, b"xyz")])
def test_nothing_is_written_outside_what_was_reserved(blobs, offset, data):
    blob_id = blobs.reserve(10)
    with pytest.raises(IntegrityLost):
        blobs.write_at(blob_id, offset, data)
    assert b"".join(blobs.chunks(blob_id)) == bytes(10)


def test_an_empty_blob(blobs):
    assert b"".join(blobs.chunks(blobs.reserve(0))) == b""
    assert b"".join(blobs.chunks(put(blobs, b""))) == b""


def test_chunks_are_at_most_a_mebibyte(blobs):
    content = os.urandom(2 * CHUNK_BYTES + 5)
    blob_id = put(blobs, content)
    assert [len(chunk) for chunk in blobs.chunks(blob_id)] == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert b"".join(blobs.chunks(blob_id)) == content
    assert b"".join(blobs.chunks(blob_id, 7)) == content[7:]
    assert b"".join(blobs.chunks(blob_id, 7, CHUNK_BYTES + 9)) == content[7 : CHUNK_BYTES + 9]
    assert list(blobs.chunks(blob_id, 7, 7)) == []


def test_a_blob_that_lost_its_end_is_noticed(blobs):
    blob_id = put(blobs, b"0123456789")
    os.truncate(next(iter(files_of(blobs))), 4)
    with pytest.raises(IntegrityLost, match="shorter"):
        list(blobs.chunks(blob_id, 0, 10))


def test_a_blob_that_is_gone_is_noticed(blobs):
    blob_id = put(blobs)
    blobs.delete(blob_id)
    blobs.delete(blob_id)
    for use in (
        lambda: blobs.open(blob_id),
        lambda: list(blobs.chunks(blob_id)),
        lambda: blobs.write_at(blob_id, 0, b"x"),
        lambda: blobs.sync(blob_id),
    ):
        with pytest.raises(IntegrityLost, match="missing"):
            use()


@pytest.mark.parametrize(
    "blob_id", ["", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "/" * 32, "coming", "é" * 32]
)
def test_an_id_is_never_a_path(blobs, blob_id):
    for use in (blobs.open, blobs.delete, blobs.sync, lambda each: blobs.write_at(each, 0, b"x")):
        with pytest.raises(IntegrityLost, match="id"):
            use(blob_id)


def test_collecting_keeps_what_is_named_and_what_is_young(blobs):
    named, orphan, young = put(blobs), put(blobs), put(blobs)
    unfinished = blobs.create()
    hour_ago = (NOW - timedelta(hours=1)).timestamp()
    for path in files_of(blobs):
        if path.name != young:
            os.utime(path, (hour_ago, hour_ago))
    removed = blobs.collect(
        lambda low, high: [each for each in (named,) if low <= each < high], NOW - timedelta(minutes=1)
    )
    assert removed == 2
    assert {path.name for path in files_of(blobs)} == {named, young}
    unfinished._close()
    assert orphan not in {named, young}


async def test_a_start_collects_what_no_record_names(place):
    async with place.open(clock=lambda: NOW) as store:
        named, orphan = put(store.blobs), put(store.blobs)

        def unit(tx):
            tx.add(package(1))
            tx.add(PartRecord(package(1).package_id, 0, named, 10, b"sealed"))

        await store.write(unit)
    async with place.open(clock=lambda: NOW) as store:
        store.blobs.open(orphan).close()
    async with place.open(clock=lambda: NOW + timedelta(days=2)) as store:
        store.blobs.open(named).close()
        with pytest.raises(IntegrityLost):
            store.blobs.open(orphan)


def test_a_reservation_that_does_not_fit_leaves_nothing(blobs):
    with pytest.raises(OSError, match=r"File too large|No space"):
        blobs.reserve(2**62)
    assert files_of(blobs) == []


def test_ids_come_from_the_source_of_randomness_and_never_twice(tmp_path):
    blobs = FileBlobs(tmp_path / "blobs", random=lambda size: b"\xab" * size)
    assert put(blobs) == "ab" * 16
    with pytest.raises(FileExistsError):
        blobs.reserve(3)
    assert b"".join(blobs.chunks("ab" * 16)) == b"ciphertext"
