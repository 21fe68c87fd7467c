"""One writer, group commit, savepoints."""

import asyncio
import threading

import pytest
from store_place import package, submitted, submitting

from attache.errors import AttacheError, Conflict, NotFound, TooManyRequests
from gateway.exchange.kernel.records import PackageRecord
from gateway.store.group_commit import GroupCommit
from gateway.store.writer import MAX_GROUP, Writer


class GatedCommit(GroupCommit):
    """Counts its commits, and stops before each until the gate is open."""

    def __init__(self, *ports):
        super().__init__(*ports)
        self.gate = threading.Event()
        self.reached = threading.Event()
        self.groups = []
        self.units = 0

    def begin(self):
        self.units = 0
        super().begin()

    def run(self, unit):
        self.units += 1
        return super().run(unit)

    def commit(self):
        self.reached.set()
        assert self.gate.wait(20)
        super().commit()
        self.groups.append(self.units)


def packages(reader):
    return [record.package_id for record in reader.find(PackageRecord)]


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


async def test_waiting_writers_share_commits(place):
    async with place.open(steps=GatedCommit) as store:
        first = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        rest = [asyncio.create_task(store.write(submitting(n))) for n in range(1, 2 * MAX_GROUP + 10)]
        await asyncio.sleep(0)
        store._steps.gate.set()
        indices = await asyncio.gather(first, *rest)
    assert store._steps.groups == [1, MAX_GROUP, MAX_GROUP, 9]
    assert indices == list(range(2 * MAX_GROUP + 10))


async def test_nothing_is_visible_and_nobody_is_answered_before_the_commit(place):
    async with place.open(steps=GatedCommit) as store:
        changed = store.changed()
        writing = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        assert await store.read(packages) == []
        assert await store.read_log(lambda log: log.size) == 0
        assert not writing.done()
        assert not changed.is_set()
        store._steps.gate.set()
        assert await writing == 0
        assert changed.is_set()
        assert await store.read(packages) == [package(0).package_id]
        assert await store.read_log(lambda log: log.size) == 1


async def test_a_checkpoint_is_shown_only_once_it_is_locked(place):
    class LateLock(GatedCommit):
        def commit(self):
            GroupCommit.commit(self)

        def lock_checkpoint(self):
            self.reached.set()
            assert self.gate.wait(20)
            super().lock_checkpoint()

    async with place.open(steps=LateLock) as store:
        before = await store.read_log(lambda log: log.checkpoint)
        writing = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        assert await store.read_log(lambda log: log.checkpoint) == before == place.lock.read_bytes()
        assert await store.read_log(lambda log: log.entries_after(-1, 9)) == []
        for path in ("tile/0/000.p/1", "tile/entries/000.p/1"):
            with pytest.raises(NotFound):
                await store.read_log(lambda log, path=path: log.resource(path))
        assert not writing.done()
        store._steps.gate.set()
        await writing
        assert await store.read_log(lambda log: log.checkpoint) == place.lock.read_bytes() != before


async def test_an_error_undoes_its_unit_alone_and_gives_its_indices_back(place):
    def failing(tx):
        tx.add(package(50))
        tx.log(submitted("lost"))
        tx.add(package(50))

    async with place.open(steps=GatedCommit) as store:
        first = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        group = [asyncio.create_task(store.write(unit)) for unit in (submitting(1), failing, submitting(2))]
        await asyncio.sleep(0)
        store._steps.gate.set()
        answers = await asyncio.gather(first, *group, return_exceptions=True)
        assert [answers[0], answers[1], answers[3]] == [0, 1, 2]
        assert isinstance(answers[2], Conflict)
        assert store._steps.groups == [1, 3]
        assert await store.read(packages) == [package(n).package_id for n in range(3)]
        assert (await store.read_log(lambda log: log.verify())).size == 3


async def test_whatever_a_unit_raises_reaches_its_caller_and_leaves_nothing(place):
    def failing(tx):
        tx.add(package(1))
        tx.log(submitted("lost"))
        raise LookupError("its own")

    async with place.open() as store:
        changed = store.changed()
        with pytest.raises(LookupError, match="its own"):
            await store.write(failing)
        assert not changed.is_set()
        assert await store.read(packages) == []
        assert await store.read_log(lambda log: log.size) == 0
        assert await store.write(submitting(2)) == 0


async def test_a_unit_that_raises_what_no_future_can_hold_does_not_silence_its_group(place):
    async with place.open(steps=GatedCommit) as store:
        first = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        group = [asyncio.create_task(store.write(unit)) for unit in (lambda tx: next(iter(())), submitting(1))]
        await asyncio.sleep(0)
        store._steps.gate.set()
        answers = await asyncio.gather(first, *group, return_exceptions=True)
    assert (answers[0], type(answers[1]), answers[2]) == (0, RuntimeError, 1)


async def test_a_unit_may_go_on_after_a_conflict(place):
    def unit(tx):
        tx.add(package(1))
        try:
            tx.add(package(1))
        except Conflict:
            tx.add(package(2))

    async with place.open() as store:
        await store.write(unit)
        assert await store.read(packages) == [package(1).package_id, package(2).package_id]


async def test_an_event_outside_the_catalogue_undoes_its_unit(place):
    def unit(tx):
        tx.add(package(1))
        tx.log(submitted("p", unheard_of="field"))

    async with place.open() as store:
        with pytest.raises(ValueError, match="unheard_of"):
            await store.write(unit)
        assert await store.read(packages) == []
        assert await store.read_log(lambda log: log.size) == 0


async def test_too_many_waiting_writes_are_refused_and_not_run(place):
    async with place.open(steps=GatedCommit) as store:
        writer = Writer(store._steps, max_waiting=2)
        first = asyncio.create_task(writer.write(submitting(0)))
        await until(store._steps.reached)
        waiting = [asyncio.create_task(writer.write(submitting(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests) as refused:
            await writer.write(submitting(3))
        assert refused.value.retry_after_seconds == 1
        store._steps.gate.set()
        assert await asyncio.gather(first, *waiting) == [0, 1, 2]
        assert await store.read(packages) == [package(n).package_id for n in range(3)]
        await asyncio.to_thread(writer.close)


async def test_too_many_waiting_reads_are_refused(place):
    async with place.open() as store:
        store._reads_waiting = 1_024
        with pytest.raises(TooManyRequests):
            await store.read(packages)
        store._reads_waiting = 0
        assert await store.read(packages) == []


async def test_a_cancelled_caller_does_not_disturb_the_others(place):
    async with place.open(steps=GatedCommit) as store:
        first = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        gone, stays = asyncio.create_task(store.write(submitting(1))), asyncio.create_task(store.write(submitting(2)))
        await asyncio.sleep(0)
        gone.cancel()
        store._steps.gate.set()
        await first
        await stays
        assert gone.cancelled()
        assert len(await store.read(packages)) == await store.read_log(lambda log: log.size)


async def test_leaving_writes_what_waits_and_then_refuses(place):
    async with place.open(steps=GatedCommit) as store:
        first = asyncio.create_task(store.write(submitting(0)))
        await until(store._steps.reached)
        waiting = asyncio.create_task(store.write(submitting(1)))
        await asyncio.sleep(0)
        store._steps.gate.set()
    assert await asyncio.gather(first, waiting) == [0, 1]
    with pytest.raises(AttacheError, match="closed"):
        await store.write(submitting(2))
    async with place.open() as store:
        assert len(await store.read(packages)) == 2


async def test_many_writers_and_readers_at_once(place):
    async def write_and_look(store, n):
        index = await store.write(submitting(n))
        assert await store.read(lambda reader: reader.get(PackageRecord, package(n).package_id)) == package(n)
        return index

    async with place.open() as store:
        indices = await asyncio.gather(*(write_and_look(store, n) for n in range(300)))
        assert sorted(indices) == list(range(300))
        assert (await store.read_log(lambda log: log.verify())).size == 300
