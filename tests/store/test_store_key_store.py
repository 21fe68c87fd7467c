"""Data keys: durable before the commit that needs them, gone for good after the purge, and never made twice."""

import sqlite3
import stat
from contextlib import closing

import pytest
from store_place import START, keys_of, package, submitted, submitting

from attache.errors import Gone, IntegrityLost
from gateway.exchange.kernel.records import PurgedRecord
from gateway.exchange_log import Group
from gateway.store.key_store import REMEMBERED, KeyStore

KEY = b"\x05" * 32


@pytest.fixture
def path(tmp_path):
    return tmp_path / "key_store" / "data-keys.sqlite3"


def opened(path, key: bytes = KEY) -> KeyStore:
    key_store = KeyStore(path, key)
    key_store.begin()
    return key_store


def content(path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.iterdir())


def count(path, where: str = "1 = 1") -> int:
    with closing(sqlite3.connect(path)) as key_store:
        return key_store.execute(f"select count(*) from data_key where {where}").fetchone()[0]


def test_a_key_is_made_once_and_comes_back(path):
    key_store = opened(path)
    key = key_store.sealing_key("us", "a")
    assert key_store.sealing_key("us", "a") == key == key_store.opening_key(key_store.label("us", "a"))
    assert len({key, key_store.sealing_key("us", "b"), key_store.sealing_key("them", "a")}) == 3
    key_store.keep()
    key_store.close()
    assert opened(path).sealing_key("us", "a") == key
    assert key not in content(path), "it is wrapped"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_not_kept_was_needed_by_no_commit(path):
    key_store = opened(path)
    key_store.sealing_key("us", "a")
    key_store.close()
    with pytest.raises(IntegrityLost, match="was not purged"):
        opened(path).opening_key(key_store.label("us", "a"))


def test_keys_of_a_group_are_kept_with_one_transaction(path):
    key_store = opened(path)
    for number in range(64):
        key_store.sealing_key("us", str(number))
    statements = []
    key_store._writing.set_trace_callback(statements.append)
    key_store.keep()
    key_store.keep()
    assert [each.lower() for each in statements].count("commit") == 1
    assert count(path) == 64


def test_another_storage_key_unwraps_nothing(path):
    opened(path).sealing_key("us", "a")
    key_store = opened(path)
    key_store.sealing_key("us", "a")
    key_store.keep()
    other = opened(path, b"\x06" * 32)
    assert other.label("us", "a") != key_store.label("us", "a"), "a label says nothing without the storage key"
    with pytest.raises(IntegrityLost, match="does not unwrap"):
        other.opening_key(key_store.label("us", "a"))


def test_a_destroyed_key_is_gone_from_the_files_and_says_so(path):
    key_store = opened(path)
    keys = {name: key_store.sealing_key("us", name) for name in "abc"}
    key_store.keep()
    with closing(sqlite3.connect(path)) as look:
        wrapped = dict(look.execute("select package_id, wrapped from data_key"))
    assert key_store.destroy([("us", "b")])
    for name in "abc":
        assert (wrapped[name] in content(path)) == (name != "b")
    for again in (key_store, opened(path)):
        for use in (lambda s=again: s.sealing_key("us", "b"), lambda s=again: s.opening_key(s.label("us", "b"))):
            with pytest.raises(Gone):
                use()
        assert again.is_retired(again.label("us", "b"))
        assert again.sealing_key("us", "a") == keys["a"]
    assert key_store.destroy([("us", "b")]), "again changes nothing"
    assert key_store.destroy([("us", "never-there")])
    assert opened(path).is_retired(key_store.label("us", "never-there"))


def test_a_retired_key_seals_nothing_and_opens_still(path):
    key_store = opened(path)
    key, label = key_store.sealing_key("us", "a"), key_store.label("us", "a")
    key_store.retire(label)
    with pytest.raises(Gone):
        key_store.sealing_key("us", "a")
    assert key_store.opening_key(label) == key
    key_store.reinstate([label])
    assert key_store.sealing_key("us", "a") == key


def test_more_packages_than_are_remembered(path):
    key_store = opened(path)
    first = key_store.sealing_key("us", "first")
    for number in range(REMEMBERED + 10):
        key_store.sealing_key("us", str(number))
    key_store.keep()
    assert len(key_store._known) == REMEMBERED
    assert key_store.sealing_key("us", "first") == first


def test_a_start_looks_at_the_keys_of_the_run_before_alone(path):
    key_store, asked = opened(path), []

    def looked_at(page):
        asked.append([each.package_id for each in page])
        return page

    for names in ("ab", "", "c"):
        for name in names:
            key_store.sealing_key("us", name)
        key_store.keep()
        assert key_store.clear(looked_at) == 0
    assert asked == [["a", "b"], ["c"]]


def test_a_place_that_was_emptied_takes_a_new_key(path):
    key_store = opened(path)
    key = key_store.sealing_key("us", "a")
    key_store.keep()
    key_store.close()
    key_store = opened(path)
    assert key_store.clear(lambda page: []) == 1
    assert key_store.clear(lambda page: []) == 0
    assert not key_store.is_retired(key_store.label("us", "a"))
    assert key_store.sealing_key("us", "a") != key
    key_store.keep()
    assert (count(path), count(path, "is_destroyed = 1")) == (1, 0)


def about(n: int):
    return submitted(package(n).package_id, originator="us")


async def test_a_start_empties_keys_without_a_package_and_no_others(place):
    """On record are: a package, and one of which nothing but a log entry is there. Of the third, the commit never came."""
    async with place.open() as store:
        vault = store.vault
        await store.write(lambda tx: (tx.add(package(1)), tx.log(about(1)))[1])
        await store.write(lambda tx: tx.log(about(2)))

        def undone(tx):
            vault.of("us", package(3).package_id).seal("facts", "package")
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(undone)
        await store.write(submitting(4))
    key_store = place.database.with_name("data-keys.sqlite3")
    assert count(key_store) == 3
    async with place.open() as store:
        entries = await store.read_log(lambda log: log.entries_after(-1, 10))
        assert {opening.group for entry in entries for opening in entry.openings} >= {Group.RECORD}
        assert (await store.read_log(lambda log: log.verify())).findings == ()
    empty = "wrapped = zeroblob(60)"
    assert (count(key_store, empty), count(key_store, f"{empty} and package_id = '{package(3).package_id}'")) == (1, 1)


async def test_a_key_of_a_purge_that_was_not_finished_seals_nothing_after_a_start(place):
    async with place.open() as store:
        await store.write(lambda tx: (tx.add(package(1)), tx.log(about(1)))[1])

        def purge(tx):
            tx.purge_entries("us", package(1).package_id)
            tx.add(PurgedRecord("us", package(1).package_id, START, ""))

        await store.write(purge)
    async with place.open() as store:
        with pytest.raises(Gone):
            store.vault.of("us", package(1).package_id).seal("late", "package")
        late = await store.write(lambda tx: tx.log(about(1)))
        assert await store.destroy([("us", package(1).package_id)], [])
        entry = await store.read_log(lambda log: log.entry(late))
        assert Group.RECORD in {opening.group for opening in entry.openings}, "it outlasts the package"


async def test_a_key_store_that_is_gone_is_lost_integrity(place):
    async with place.open() as store:
        await store.write(lambda tx: (tx.add(package(1)), tx.log(about(1)))[1])
    for path in place.database.parent.glob("data-keys*"):
        path.unlink()
    with place.log(keys_of()) as log, pytest.raises(IntegrityLost) as lost:
        log.entry(0)
    assert lost.value.step == "at-rest"
