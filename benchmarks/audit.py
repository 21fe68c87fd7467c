"""Searching the exchange log as an auditor does, at one million entries: p50 and p95 of a page of 100, by kind of question."""

import asyncio
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attache.crypto.log_keys import Ed25519LogKey
from attache.translog.signing import signer_of
from attache.translog.vkey import SignatureType
from gateway.exchange.at_rest import Vault
from gateway.exchange.ports import LogFilter
from gateway.exchange_log import Event, EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store import LogKeys, open_store

ENTRIES = 1_000_000
UNIT = 2_000
START = datetime(2026, 1, 1, tzinfo=UTC)
PARTNERS = [f"partner-{n}" for n in range(20)]
CODES = [
    *([EventCode.PACKAGE_DECIDED] * 5),
    *([EventCode.PACKAGE_RELEASED] * 4),
    *([EventCode.PACKAGE_DELIVERED] * 4),
    EventCode.PACKAGE_DENIED,
]
OUTCOMES = ["release"] * 8 + ["hold", "deny"]


def event_of(n: int, at: datetime) -> Event:
    source = random.Random(n)
    code = source.choice(CODES)
    record = {"package_id": f"package-{n // 5}"}
    if code is EventCode.PACKAGE_DECIDED:
        record["outcome"] = source.choice(OUTCOMES)
    actor = f"officer-{source.randrange(500)}"
    person = {"actor": actor, "request_id": f"request-{n // 3}"}
    objects = {"package": f"package-{n // 5}", "partner": source.choice(PARTNERS)}
    return Event(code, at, actor, objects, {Group.RECORD: record, Group.PERSON: person})


def questions(entries: int, source: random.Random) -> dict[str, LogFilter]:
    at = START + timedelta(seconds=source.randrange(entries))
    partner, package = source.choice(PARTNERS), f"package-{source.randrange(entries // 5)}"
    return {
        "everything": LogFilter(),
        "event": LogFilter(code=EventCode.PACKAGE_DENIED),
        "actor": LogFilter(actor=f"officer-{source.randrange(500)}"),
        "partner": LogFilter(partner=partner),
        "package": LogFilter(package_id=package),
        "outcome": LogFilter(outcome="deny"),
        "request": LogFilter(request_id=f"request-{source.randrange(entries // 3)}"),
        "an hour": LogFilter(since=at, until=at + timedelta(hours=1)),
        "a week": LogFilter(since=at, until=at + timedelta(days=7)),
        "since": LogFilter(since=at),
        "event, partner": LogFilter(code=EventCode.PACKAGE_DENIED, partner=partner),
        "actor, a week": LogFilter(actor="officer-7", since=at, until=at + timedelta(days=7)),
        "package, event": LogFilter(package_id=package, code=EventCode.PACKAGE_RELEASED),
        "partner, outcome, a day": LogFilter(partner=partner, outcome="hold", since=at, until=at + timedelta(days=1)),
    }


async def measure(folder: Path, entries: int, rounds: int) -> None:
    clock = {"now": START}
    keys = LogKeys(
        (signer_of("bench.example/log", SignatureType.ED25519, Ed25519LogKey(bytes(32))),),
        Pseudonyms(bytes(32)),
        Vault(bytes(32)),
    )
    store = open_store(
        f"sqlite:///{folder}/bench.db",
        blobs_dir=folder / "blobs",
        lock_path=folder / "lock",
        keys=keys,
        clock=lambda: clock["now"],
    )
    async with store:
        began = time.perf_counter()
        for start in range(0, entries, UNIT):

            def unit(tx, start=start):
                for n in range(start, min(start + UNIT, entries)):
                    tx.log(event_of(n, START + timedelta(seconds=n)))

            await store.write(unit)
        filled = time.perf_counter() - began
        print(f"filled {entries:,} entries in {filled:.0f} s: {entries / filled:,.0f} entries/s, units of {UNIT:,}")
        source, times = random.Random(1), {}
        for _ in range(rounds):
            for name, wanted in questions(entries, source).items():
                after = -1 if source.random() < 0.5 else source.randrange(entries)
                before = time.perf_counter()
                await store.read_log(lambda log, a=after, w=wanted: log.entries_after(a, 100, w))
                times.setdefault(name, []).append((time.perf_counter() - before) * 1000)
        for name, found in times.items():
            print(f"{name:<26} p50 {statistics.median(found):7.2f} ms   p95 {_p95(found):7.2f} ms")
        everything = [each for found in times.values() for each in found]
        print(f"{'all questions':<26} p50 {statistics.median(everything):7.2f} ms   p95 {_p95(everything):7.2f} ms")


def _p95(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.95)]


def run(*, quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "blobs").mkdir()
        asyncio.run(measure(Path(folder), 50_000 if quick else ENTRIES, rounds=5 if quick else 20))
