"""The store on this disk: durable writes by concurrency, log entries, reads.
Run with `python -m benchmarks.store [--quick]`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from attache.crypto.log_keys import Ed25519LogKey
from attache.package.ids import PackageId, ParticipantId
from attache.translog.signing import signer_of
from attache.translog.vkey import SignatureType
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.ports import LogProof, LogReader, Reader, Transaction
from gateway.exchange.kernel.records import Key, OutboxKind, OutboxRecord, PackageRecord, PartRecord
from gateway.exchange.kernel.state import OutboxState, PackageState
from gateway.exchange_log import Entry, EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store import LogKeys, SqlStore, open_store
from gateway.store.group_commit import GroupCommit

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SIGNER = signer_of("bench.example/log", SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
KEYS = LogKeys((SIGNER,), Pseudonyms(b"\2" * 32), Vault(b"\3" * 32))
FACTS = bytes(2_000)


class CountedCommit(GroupCommit):
    commits = 0

    def commit(self) -> None:
        super().commit()
        CountedCommit.commits += 1


def run(*, quick: bool = False) -> None:
    writes = 300 if quick else 3_000
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        asyncio.run(_run(Path(folder), writes))


async def _run(folder: Path, writes: int) -> None:
    print("store: SQLite, WAL, synchronous=FULL; a write is a package, a part, an outbox row and a log entry")
    async with open_store(
        f"sqlite:///{folder}/gateway.db",
        blobs_dir=folder / "blobs",
        lock_path=folder / "checkpoint.lock",
        keys=KEYS,
        clock=lambda: NOW,
        steps=CountedCommit,
    ) as store:
        for concurrency in (1, 4, 16, 64, 256):
            await _writes(store, concurrency, writes if concurrency > 4 else writes // 4)
        await _entries(store, 10 * writes)
        await _reads(store, writes)
        await _audit(store)


async def _writes(store: SqlStore, concurrency: int, writes: int) -> None:
    times: list[float] = []

    async def writer(first: int) -> None:
        for number in range(first, writes, concurrency):
            started = time.perf_counter()
            await store.write(_submission(PackageId(f"{concurrency:04}-{number:08}")))
            times.append(time.perf_counter() - started)

    CountedCommit.commits = 0
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(writer(first) for first in range(concurrency)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    p99 = statistics.quantiles(times, n=100)[98]
    print(
        f"  {concurrency:>4} writers: {writes / wall:>8,.0f} writes/s  "
        f"{writes / CountedCommit.commits:>5.1f} a commit  "
        f"p99 {p99 * 1e3:>6.1f} ms  cpu {cpu / writes * 1e6:>5.0f} us a write"
    )


async def _entries(store: SqlStore, entries: int) -> None:
    at_once = 50

    def unit(tx: Transaction) -> None:
        for _ in range(at_once):
            tx.log(_event("package"))

    started = time.perf_counter()
    await asyncio.gather(*(store.write(unit) for _ in range(entries // at_once)))
    print(
        f"  log alone:    {entries / (time.perf_counter() - started):>8,.0f} entries/s, "
        "each with its private side sealed"
    )


async def _reads(store: SqlStore, reads: int) -> None:
    started = time.perf_counter()
    for number in range(reads // 4):
        key = PackageRecord.key(PackageId(f"0016-{number:08}"))
        await store.read(partial(_get, key))
    print(f"  read by key:  {reads // 4 / (time.perf_counter() - started):>8,.0f} reads/s, one after another")
    started = time.perf_counter()
    for number in range(reads // 4):
        await store.read_log(partial(_prove, number))
    print(f"  prove entry:  {reads // 4 / (time.perf_counter() - started):>8,.0f} proofs/s")


def _get(key: Key[PackageRecord], reader: Reader) -> PackageRecord | None:
    return reader.get(key)


def _prove(index: int, log: LogReader) -> LogProof:
    return log.prove_entry(index)


async def _audit(store: SqlStore) -> None:
    started = time.perf_counter()
    audit = await store.read_log(lambda log: log.verify())
    print(f"  verify all:   {audit.size / (time.perf_counter() - started):>8,.0f} entries/s, of {audit.size:,}")


def _submission(number: PackageId) -> Callable[[Transaction], int]:
    def unit(tx: Transaction) -> int:
        tx.add(PackageRecord(number, PackageState.SUBMITTED, "intelligence", "analyst", NOW, NOW, FACTS))
        tx.add(PartRecord(number, 0, "0" * 32, 10_000, FACTS))
        tx.add(_outbox(number))
        return tx.log(_event(number))

    return unit


def _outbox(number: PackageId) -> OutboxRecord:
    return OutboxRecord(
        outbox_id=number,
        kind=OutboxKind.PACKAGE,
        partner=ParticipantId("partner-sydney"),
        originator=ParticipantId("irs-ci"),
        package_id=number,
        subject="",
        state=OutboxState.PENDING,
        created_at=NOW,
        due_at=NOW,
        deadline_at=NOW + timedelta(days=7),
        lease_until=NOW,
    )


def _event(number: str) -> Entry:
    fields: dict[Group, dict[str, object]] = {
        Group.RECORD: {"package_id": number, "parts": 1},
        Group.PERSON: {"actor": "analyst"},
    }
    return Entry(EventCode.PACKAGE_SUBMITTED, NOW, "analyst", {"package": number}, fields)


if __name__ == "__main__":
    run(quick="--quick" in sys.argv)
