"""Each step of a commit fails, before or after it happened. What the caller hears, what is on the disk, what the next start finds."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest
from commit_points import look, steps_with
from store_place import keys_of, package, submitted, submitting

from attache.errors import AttacheError, IntegrityLost
from gateway.exchange.kernel.records import PackageRecord


class Fault:
    """Raises at the point it is set to, once."""

    def __init__(self):
        self.points = []

    def __call__(self, point):
        if point in self.points:
            self.points.remove(point)
            raise OSError(28, "injected")


def packages(reader):
    return [record.package_id for record in reader.find(PackageRecord)]


BEFORE_COMMIT = ["before begin", "after begin", "before run", "after run", "before write_log", "after write_log"]


@pytest.mark.parametrize("point", BEFORE_COMMIT)
async def test_a_fault_before_the_commit_undoes_the_group_and_writing_goes_on(place, point):
    fault = Fault()
    async with place.open(steps=steps_with(fault)) as store:
        assert await store.write(submitting(0)) == 0
        lock = place.lock.read_bytes()
        fault.points = [point]
        with pytest.raises(AttacheError, match="nothing was written") as undone:
            await store.write(submitting(1))
        assert not isinstance(undone.value, IntegrityLost)
        assert isinstance(undone.value.__cause__, OSError)
        assert await store.read(packages) == [package(0).package_id]
        assert place.lock.read_bytes() == lock
        assert await store.write(submitting(2)) == 1
    logged, size = await look(place)
    assert (set(logged), size) == ({package(0).package_id, package(2).package_id}, 2)


FROM_COMMIT = {
    "before commit": False,
    "after commit": True,
    "before lock_checkpoint": True,
    "after lock_checkpoint": True,
}


@pytest.mark.parametrize(("point", "is_there"), FROM_COMMIT.items())
async def test_a_fault_from_the_commit_on_stops_writing_until_a_restart_finds_out(place, point, is_there):
    fault = Fault()
    async with place.open(steps=steps_with(fault)) as store:
        assert await store.write(submitting(0)) == 0
        before = await store.read_log(lambda log: log.checkpoint)
        store.require_writable()
        fault.points = [point]
        for n in (1, 2):
            with pytest.raises(IntegrityLost, match="until the gateway is restarted") as lost:
                await store.write(submitting(n))
            assert lost.value.step == "commit"
            assert isinstance(lost.value.__cause__, OSError)
        with pytest.raises(IntegrityLost):
            store.require_writable()
        if point != "after lock_checkpoint":
            assert await store.read_log(lambda log: log.checkpoint) == before
            assert place.lock.read_bytes() == before
    logged, size = await look(place)
    expected = {package(0).package_id, package(1).package_id} if is_there else {package(0).package_id}
    assert (set(logged), size) == (expected, len(expected))
    async with place.open() as store:
        assert await store.write(submitting(3)) == len(expected)


async def test_a_group_that_cannot_be_undone_stops_writing(place):
    fault = Fault()
    async with place.open(steps=steps_with(fault)) as store:
        fault.points = ["before write_log", "before rollback"]
        with pytest.raises(IntegrityLost):
            await store.write(submitting(0))
        with pytest.raises(IntegrityLost):
            await store.write(submitting(1))
    assert await look(place) == ({}, 0)


async def test_everybody_in_the_queue_hears_of_a_stop(place):
    fault = Fault()
    async with place.open(steps=steps_with(fault)) as store:
        fault.points = ["before commit"]
        answers = await asyncio.gather(*(store.write(submitting(n)) for n in range(200)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [IntegrityLost] * 200
    assert await look(place) == ({}, 0)


async def test_a_waiter_for_changes_is_not_woken_by_what_was_undone(place):
    fault = Fault()
    async with place.open(steps=steps_with(fault)) as store:
        changed = store.changed()
        fault.points = ["before write_log"]
        with pytest.raises(AttacheError):
            await store.write(submitting(0))
        assert not changed.is_set()


async def test_a_lock_changed_by_somebody_else_stops_writing(place):
    async with place.open() as store:
        await store.write(submitting(0))
        place.lock.write_bytes(b"somebody else's")
        with pytest.raises(IntegrityLost) as lost:
            await store.write(submitting(1))
        assert lost.value.__cause__.step == "checkpoint-lock"
        assert place.lock.read_bytes() == b"somebody else's"


async def test_a_lock_that_cannot_be_written_stops_writing_and_is_swapped_at_the_next_start(place):
    async with place.open() as store:
        await store.write(submitting(0))
        in_the_way = place.lock.with_name(place.lock.name + ".new")
        in_the_way.mkdir()
        with pytest.raises(IntegrityLost):
            await store.write(submitting(1))
    in_the_way.rmdir()
    _, size = await look(place)
    assert size == 2


async def test_another_writer_on_the_head_is_noticed_and_nothing_forks(place):
    async with place.open() as store:
        await store.write(submitting(0))
        other = sqlite3.connect(place.database)
        other.execute("UPDATE log_head SET size = 7")
        other.commit()
        with pytest.raises(AttacheError, match="nothing was written") as undone:
            await store.write(submitting(1))
        assert undone.value.__cause__.step == "log-head"
        assert await store.read(packages) == [package(0).package_id]
        other.execute("UPDATE log_head SET size = 1")
        other.commit()
        other.close()
        assert await store.write(submitting(2)) == 1


async def test_a_signer_that_fails_undoes_the_group(place):
    class FailingSigner:
        def __init__(self, signer):
            self.verifier_key = signer.verifier_key
            self._signer = signer
            self.is_failing = False

        def sign(self, checkpoint, at):
            if self.is_failing:
                raise OSError("the key is gone")
            return self._signer.sign(checkpoint, at)

    signer = FailingSigner(keys_of().signers[0])
    async with place.open(keys=replace(keys_of(), signers=(signer,))) as store:
        await store.write(submitting(0))
        signer.is_failing = True
        with pytest.raises(AttacheError, match="nothing was written"):
            await store.write(submitting(1))
        with pytest.raises(AttacheError, match="nothing was written"):
            await store.write(lambda tx: tx.add(package(5)))
        signer.is_failing = False
        assert await store.write(submitting(2)) == 1


async def test_a_full_disk_undoes_the_group_and_writing_goes_on(place):
    """SQLite may roll the whole transaction back by itself when the disk is full."""

    async with place.open() as store:
        await store.write(submitting(0))
        pages = await store.write(lambda tx: tx._connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        await store.write(lambda tx: tx._connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}").all())

        def greedy(tx):
            tx.add(package(1, facts_sealed=bytes(100_000)))
            tx.log(submitted("lost"))

        answers = await asyncio.gather(store.write(greedy), store.write(submitting(2)), return_exceptions=True)
        assert "full" in str(answers[0]) or "nothing was written" in str(answers[0])
        await store.write(lambda tx: tx._connection.exec_driver_sql("PRAGMA max_page_count=1000000").all())
        index = await store.write(submitting(3))
        expected = [package(0).package_id, *([package(2).package_id] if answers[1] == 1 else []), package(3).package_id]
        assert await store.read(packages) == expected
        assert index == len(expected) - 1
    _, size = await look(place)
    assert size == len(expected)
