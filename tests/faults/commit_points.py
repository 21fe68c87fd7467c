"""Commit steps that do something of a test's choosing before or after they happen, and a process that can be killed among them."""

import asyncio
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from store_place import Place, package, submitted

from attache.strict_json import parse_object
from gateway.exchange.kernel.records import PackageRecord, PartRecord, Query
from gateway.exchange_log import Group
from gateway.store.group_commit import GroupCommit

STEPS = ("begin", "run", "write_log", "keep_keys", "commit", "lock_checkpoint")
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]


def steps_with(at: Callable[[str], None]) -> type[GroupCommit]:
    """Commit steps that call `at` with the name of each point they pass."""

    def passing(step: str):
        def method(self, *arguments):
            at(f"before {step}")
            answer = getattr(GroupCommit, step)(self, *arguments)
            at(f"after {step}")
            return answer

        return method

    return type("WatchedCommit", (GroupCommit,), {step: passing(step) for step in (*STEPS, "rollback")})


def kill_at(point: str, time: int) -> Callable[[str], None]:
    """End this process, as kill -9 does, when it passes `point` for the given time."""
    left = time

    def at(passed: str) -> None:
        nonlocal left
        left -= passed == point
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def write_until_killed(place: Place, first: int, point: str, time: int, answers: Connection) -> None:
    """The life of a gateway under load: twelve writers, each with a blob, a package and a log entry at a time.

    Sends (number, log index) for each write that was answered.
    """

    async def write(store, number: int) -> None:
        with store.blobs.create() as blob:
            blob.write(package(number).package_id.encode())
            blob_id = blob.commit()

        def unit(tx):
            tx.add(package(number))
            tx.add(PartRecord(package(number).package_id, 0, blob_id, 16, b"sealed"))
            return tx.log(submitted(package(number).package_id))

        answers.send((number, await store.write(unit)))

    async def one_writer(store, start: int) -> None:
        for number in range(start, start + 100_000, 12):
            await write(store, number)

    async def main() -> None:
        async with place.open(steps=steps_with(kill_at(point, time))) as store:
            await asyncio.gather(*(one_writer(store, first + n) for n in range(12)))

    asyncio.run(main())


async def look(place: Place) -> tuple[dict[str, int], int]:
    """Open again by the path that every start takes. Each package's log index, and the size of the log, all verified."""
    async with place.open() as store:
        packages = await store.read(
            lambda reader: reader.find(PackageRecord.newest("", 1_000_000, submitter=None, digests={}))
        )
        parts = await store.read(lambda reader: reader.find(Query(PartRecord)))
        size = await store.read_log(lambda log: log.verify().size)
        entries = await store.read_log(lambda log: log.entries_after(-1, 1_000_000))
        assert await store.read_log(lambda log: log.checkpoint) == place.lock.read_bytes()
        for part in parts[:: len(parts) // 20 + 1]:
            assert b"".join(store.blobs.chunks(part.blob_id)) == part.package_id.encode()
    logged = [_package_of(entry) for entry in entries]
    assert len(set(logged)) == len(logged) == size
    assert sorted(logged) == sorted(record.package_id for record in packages)
    assert not parts or sorted(logged) == sorted(part.package_id for part in parts)
    return {package_id: index for index, package_id in enumerate(logged)}, size


def _package_of(entry) -> str:
    record = next(opening for opening in entry.openings if opening.group is Group.RECORD)
    return parse_object(record.payload)["package_id"]
