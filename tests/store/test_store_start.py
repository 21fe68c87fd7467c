"""What a start accepts, recovers and refuses."""

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from store_place import Place, keys_of, package, submitting

from attache.errors import IntegrityLost, Misconfigured
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from gateway.exchange.kernel.records import RECORDS, PackageRecord, key_names
from gateway.store import migrating, open_store
from gateway.store.opening import writing_engine
from gateway.store.statements import SQL
from gateway.store.table import Table
from gateway.store.tables import TABLES


def size_of(note: bytes) -> int:
    return parse_checkpoint_body(parse_note(note).text).size


def execute(place: Place, sql: str) -> list[tuple]:
    connection = sqlite3.connect(place.database)
    rows = connection.execute(sql).fetchall()
    connection.commit()
    connection.close()
    return rows


def query(place: Place, sql: str) -> str:
    connection = sqlite3.connect(place.database)
    (found,) = connection.execute(sql).fetchone()
    connection.close()
    return found


def copy(place: Place, to) -> None:
    """The database as a backup would hold it."""
    source, target = sqlite3.connect(place.database), sqlite3.connect(to)
    source.backup(target)
    source.close()
    target.close()


def restore(place: Place, backup) -> None:
    for path in place.database.parent.glob("gateway.db*"):
        path.unlink()
    shutil.copy(backup, place.database)


async def refused(place: Place, *, step: str | None, match: str | None = None) -> None:
    before = place.lock.read_bytes() if place.lock.exists() else None
    with pytest.raises(IntegrityLost, match=match) as lost:
        async with place.open():
            raise AssertionError("the store has opened")
    assert lost.value.step == step
    assert (place.lock.read_bytes() if place.lock.exists() else None) == before


async def test_every_class_of_record_has_a_table_with_its_fields():
    assert set(TABLES) == set(RECORDS)
    for kind, sql in SQL.items():
        assert [column.name for column in sql.table.columns] == list(sql.names)
        assert tuple(column.name for column in sql.table.primary_key) == key_names(kind)


async def test_the_migrations_make_what_the_tables_say(place):
    await place.fill(0)
    engine = create_engine(place.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    engine.dispose()


async def test_a_new_store_has_an_empty_signed_log_under_its_lock(place):
    async with place.open() as store:
        checkpoint = await store.read_log(lambda log: log.checkpoint)
    assert size_of(checkpoint) == 0
    assert place.lock.read_bytes() == checkpoint


async def test_what_was_written_is_there_after_a_restart_and_the_log_goes_on(place):
    await place.fill(300)
    async with place.open() as store:
        assert await store.read(lambda reader: reader.get(PackageRecord.key(package(299).package_id))) == package(299)
        assert await store.write(submitting(300)) == 300
        assert (await store.read_log(lambda log: log.verify())).size == 301


async def test_durability_is_asked_for(place):
    async with place.open() as store:
        pragmas = await store.write(
            lambda tx: [
                tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
            ]
        )
    assert pragmas == ["wal", 2, 1, 1]


async def test_files_are_their_owners_alone(place):
    async with place.open() as store:
        await store.write(submitting(1))
        with store.blobs.create() as blob:
            blob.commit()
        files = [path for path in place.folder.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {"gateway.db", "gateway.db-wal", "checkpoint.lock", blob.blob_id}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.folder.rglob("*") if path.is_dir()} == {0o700}


async def test_a_second_writer_is_refused(place):
    async with place.open() as store:
        with pytest.raises(Misconfigured, match="another process"):
            async with place.open():
                raise AssertionError("the store has opened twice")
        assert await store.write(submitting(0)) == 0
    await place.fill(1, start=1)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "postgresql://localhost/x", "nonsense", "", "sqlite:///x.db?mode=ro"]
)
async def test_another_kind_of_database_is_refused(place, url):
    with pytest.raises(Misconfigured, match="database URL"):
        open_store(url, blobs_dir=place.blobs, lock_path=place.lock, keys=keys_of(), clock=None)
    assert not list(place.folder.iterdir())


async def test_an_unknown_revision_is_refused_and_left_as_it_is(place):
    await place.fill(1)
    [(known,)] = execute(place, "SELECT version_num FROM alembic_version")
    execute(place, "UPDATE alembic_version SET version_num = '9999'")
    before = place.database.read_bytes()
    with pytest.raises(Misconfigured, match="9999"):
        async with place.open():
            raise AssertionError("the store has opened")
    assert place.database.read_bytes() == before
    execute(place, f"UPDATE alembic_version SET version_num = '{known}'")
    await place.fill(1, start=1)


async def test_a_database_with_entries_of_before_data_keys_is_refused_and_left_as_it_is(place):
    place.database.parent.mkdir(parents=True)
    engine, config = writing_engine(place.database), Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    execute(place, "INSERT INTO log_entry VALUES (0, x'00', 'c', '2026-01-01', 'a', null, null, null, null, null)")
    with pytest.raises(Misconfigured, match="data keys"):
        async with place.open():
            raise AssertionError("the store has opened")
    assert query(place, "SELECT version_num FROM alembic_version") == "0001"
    execute(place, "DELETE FROM log_entry")
    await place.fill(1)


async def test_a_lock_that_is_behind_is_swapped_forward(place):
    await place.fill(5)
    behind = place.lock.read_bytes()
    await place.fill(300, start=5)
    newest = place.lock.read_bytes()
    place.lock.write_bytes(behind)
    async with place.open():
        assert place.lock.read_bytes() == newest
    assert (size_of(behind), size_of(newest)) == (5, 305)


async def test_a_restored_database_is_refused(place, tmp_path):
    await place.fill(5)
    copy(place, tmp_path / "backup.db")
    await place.fill(1, start=5)
    restore(place, tmp_path / "backup.db")
    await refused(place, step="checkpoint-lock", match="rolled back; restore the newer one")


async def test_a_restored_database_that_went_on_elsewhere_is_refused(place, tmp_path):
    await place.fill(5)
    copy(place, tmp_path / "backup.db")
    await place.fill(3, start=5)
    lock = place.lock.read_bytes()
    restore(place, tmp_path / "backup.db")
    place.lock.unlink()
    with pytest.raises(IntegrityLost):
        await place.fill(0)
    # An operator who forges the lock from the backup gets a log that goes on, and contradicts the true lock.
    place.lock.write_bytes(sqlite3.connect(place.database).execute("SELECT checkpoint FROM log_head").fetchone()[0])
    await place.fill(9, start=20)
    place.lock.write_bytes(lock)
    await refused(place, step="checkpoint-lock", match="contradict")


async def test_a_missing_database_is_refused_while_the_lock_knows_of_one(place):
    await place.fill(1)
    for path in place.database.parent.glob("gateway.db*"):
        path.unlink()
    await refused(place, step="checkpoint-lock", match="has no log and the checkpoint lock has one")


async def test_a_missing_lock_is_refused_once_there_are_entries(place):
    await place.fill(0)
    place.lock.unlink()
    await place.fill(1)
    place.lock.unlink()
    await refused(place, step="checkpoint-lock", match="lock is missing")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\n\n\x00"])
async def test_a_damaged_lock_is_refused(place, content):
    await place.fill(1)
    place.lock.write_bytes(content)
    await refused(place, step="note", match="does not open")


async def test_a_log_signed_by_another_key_is_refused(place):
    await place.fill(1)
    with pytest.raises(IntegrityLost, match="does not open"):
        async with place.open(keys=keys_of(b"\x09" * 32)):
            raise AssertionError("the store has opened")


DAMAGE = {
    "the newest tile": (
        "UPDATE log_tile SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND tile_index = 1",
        "right-edge",
    ),
    "the tile above": ("UPDATE log_tile SET hashes = zeroblob(32) WHERE level = 1", "right-edge"),
    "the last full tile": (
        "UPDATE log_tile SET hashes = zeroblob(8192) WHERE level = 0 AND tile_index = 0",
        "right-edge",
    ),
    "a tile is gone": ("DELETE FROM log_tile WHERE level = 1", None),
    "the newest leaf": ("UPDATE log_entry SET leaf = x'00' WHERE entry_index = 299", "right-edge"),
    "the newest entry is gone": ("DELETE FROM log_entry WHERE entry_index = 299", "log-entries"),
    "an entry too many": (
        "INSERT INTO log_entry SELECT 300, leaf, code, at, actor, package, partner, outcome, request, private_sealed FROM log_entry LIMIT 1",
        "log-entries",
    ),
    "the head": (
        "UPDATE log_head SET checkpoint = CAST(replace(CAST(checkpoint AS TEXT), '300', '299') AS BLOB)",
        "signature",
    ),
    "the head is gone": ("DELETE FROM log_head", "checkpoint-lock"),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_right_edge_is_refused(place, damage):
    await place.fill(300)
    sql, step = DAMAGE[damage]
    execute(place, sql)
    await refused(place, step=step)


async def test_entries_without_head_and_lock_are_refused_and_left_as_they_are(place):
    await place.fill(3)
    execute(place, "DELETE FROM log_head")
    place.lock.unlink()
    for _ in range(2):
        await refused(place, step="log-entries", match="size 0")
