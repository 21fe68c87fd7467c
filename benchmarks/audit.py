"""Searching the exchange log as an auditor does, at one million entries: a page of 100,
opened and proven, by kind of question.

Every combination of conditions is asked, with and without a span of time, half of them about something that happened
and half with conditions that were drawn apart, of which most find little. Who and what occurs is skewed as in an
exchange: a few partners and officers stand in most entries.
The log's first and last ten thousand appends are compared too.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from typing import TypeVar

from attache.crypto.log_keys import Ed25519LogKey
from attache.package.ids import PackageId, ParticipantId
from attache.translog.signing import signer_of
from attache.translog.vkey import SignatureType
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.ports import LogFilter, LogProof, LogReader
from gateway.exchange.kernel.work import SYSTEM
from gateway.exchange.oversight.audit import entry_view
from gateway.exchange_log import Entry, EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store import LogKeys, SqlStore, open_store

T = TypeVar("T")

ENTRIES = 1_000_000
UNIT = 100
UNITS_AT_ONCE = 20
START = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 100
PARTNERS = [ParticipantId(f"partner-{n}") for n in range(60)]
OFFICERS = [f"officer-{n}" for n in range(800)]
OUTCOMES = ["release"] * 80 + ["partial"] * 5 + ["hold"] * 12 + ["deny"] * 3
LIFE = (
    EventCode.PACKAGE_SUBMITTED,
    EventCode.PACKAGE_DECIDED,
    EventCode.PACKAGE_RELEASED,
    EventCode.PACKAGE_DELIVERED,
    EventCode.RECEIPT_STORED,
)
SPANS = {"ever": None, "an hour": timedelta(hours=1), "a week": timedelta(days=7), "since": timedelta(days=10_000)}


def _outcome(entry: Entry) -> str:
    return str(entry.fields[Group.RECORD].get("outcome", "release"))


def _request(entry: Entry) -> str:
    return str(entry.fields[Group.PERSON].get("request_id", "request-of-nothing"))


CONDITIONS: Mapping[str, Callable[[LogFilter, Entry], LogFilter]] = {
    "code": lambda wanted, entry: replace(wanted, code=entry.code),
    "actor": lambda wanted, entry: replace(wanted, actor=entry.actor),
    "partner": lambda wanted, entry: replace(wanted, partner=ParticipantId(entry.objects.get("partner", PARTNERS[0]))),
    "package_id": lambda wanted, entry: replace(wanted, package_id=PackageId(entry.objects["package"])),
    "outcome": lambda wanted, entry: replace(wanted, outcome=_outcome(entry)),
    "request_id": lambda wanted, entry: replace(wanted, request_id=_request(entry)),
}


def skewed(source: random.Random, names: Sequence[T]) -> T:
    """About every fourth time the first, seldom the last."""
    return names[min(int(source.paretovariate(0.6)) - 1, len(names) - 1)]


def events_of(entries: int, source: random.Random) -> Iterator[Entry]:
    """Lives of packages one after another; each entry a second after the one before,
    every tenth logged some seconds late.
    """
    number = 0
    for package in range(entries):
        partner, officer = skewed(source, PARTNERS), skewed(source, OFFICERS)
        outcome = source.choice(OUTCOMES)
        codes = LIFE if outcome in {"release", "partial"} else (*LIFE[:2], EventCode.PACKAGE_HELD)
        for code in codes:
            if number == entries:
                return
            late = source.randrange(5) if number % 10 == 0 else 0
            yield _event(
                code,
                START + timedelta(seconds=number - late),
                PackageId(f"package-{package}"),
                partner,
                officer,
                outcome,
            )
            number += 1


def _event(
    code: EventCode, at: datetime, package: PackageId, partner: ParticipantId, officer: str, outcome: str
) -> Entry:
    record: dict[str, object] = {"package_id": package}
    objects: dict[str, str] = {"package": package}
    if code is not EventCode.PACKAGE_SUBMITTED:
        objects["partner"] = partner
    if code is EventCode.PACKAGE_DECIDED:
        record["outcome"] = outcome
    is_officers = code in {EventCode.PACKAGE_SUBMITTED, EventCode.PACKAGE_DECIDED, EventCode.PACKAGE_RELEASED}
    actor = officer if is_officers else partner if code is EventCode.PACKAGE_DELIVERED else SYSTEM
    person: dict[str, object] = {"actor": actor, "request_id": f"request-of-{package}"} if is_officers else {}
    return Entry(code, at, actor, objects, {Group.RECORD: record, Group.PERSON: person})


def questions(known: list[Entry], source: random.Random) -> Iterator[tuple[int, str, LogFilter]]:
    """Every combination once: how many conditions, their names, and the filter."""
    for count in range(len(CONDITIONS) + 1):
        for names in combinations(CONDITIONS, count):
            for span, length in SPANS.items():
                yield count + (length is not None), ", ".join((*names, span)), _filter(names, length, known, source)


def _filter(names: tuple[str, ...], length: timedelta | None, known: list[Entry], source: random.Random) -> LogFilter:
    one = source.choice(known)
    about = [one if source.random() < 0.5 else source.choice(known) for _ in names]
    wanted = LogFilter() if length is None else LogFilter(since=one.at, until=one.at + length)
    for name, entry in zip(names, about, strict=True):
        wanted = CONDITIONS[name](wanted, entry)
    return wanted


async def measure(folder: Path, entries: int, rounds: int) -> None:
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
        clock=lambda: START,
    )
    async with store:
        known = await _fill(store, entries)
        source = random.Random(2)
        found: dict[int, dict[str, list[float]]] = {}
        for _ in range(rounds):
            for conditions, name, wanted in questions(known, source):
                after = -1 if source.random() < 0.5 else source.randrange(entries)
                seconds = await _ask(store, after, wanted)
                found.setdefault(conditions, {}).setdefault(name, []).append(seconds)
        _report(found)
        for place in (-1, entries // 2, entries - PAGE - 1):
            times = [await _ask(store, place, LogFilter(partner=PARTNERS[0])) for _ in range(9)]
            print(f"a page behind entry {place:>9,}: {_ms(statistics.median(times))}")
        await _prove(store, entries)


async def _fill(store: SqlStore, entries: int) -> list[Entry]:
    """Log everything in durable commits of some units; some of the events."""
    source, known, spent = random.Random(1), [], []
    coming = events_of(entries, source)
    while chunk := list(islice(coming, UNIT * UNITS_AT_ONCE)):
        known += chunk[::997]
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(_log(store, chunk[at : at + UNIT]) for at in range(0, len(chunk), UNIT)))
        spent.append((len(chunk), time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = (sum(each[n] for each in spent) for n in (1, 2))
    print(f"logged {entries:,} entries: {entries / wall:,.0f} a second, {cpu / entries * 1e6:.0f} us CPU each")
    some = max(1, len(spent) // 100)
    first, last = (statistics.median(each[2] for each in part) for part in (spent[1 : 5 * some], spent[-5 * some :]))
    print(f"CPU of {UNIT * UNITS_AT_ONCE:,} appends, last over first: {last / first:.2f}")
    return known


async def _log(store: SqlStore, events: list[Entry]) -> None:
    await store.write(lambda tx: [tx.log(event) for event in events])


async def _ask(store: SqlStore, after: int, wanted: LogFilter) -> float:
    began = time.perf_counter()
    await store.read_log(lambda log: [entry_view(entry) for entry in log.entries_after(after, PAGE, wanted)])
    return time.perf_counter() - began


async def _prove(store: SqlStore, entries: int) -> None:
    source, times = random.Random(3), []
    for _ in range(300):
        index = source.randrange(entries)
        began = time.perf_counter()
        await store.read_log(partial(_proof, index))
        times.append(time.perf_counter() - began)
    print(f"inclusion proof from the database: p50 {_ms(statistics.median(times))}   p95 {_ms(_p95(times))}")


def _proof(index: int, log: LogReader) -> LogProof:
    return log.prove_entry(index)


def _report(found: dict[int, dict[str, list[float]]]) -> None:
    for conditions, by_name in sorted(found.items()):
        _line(f"{conditions} conditions, {len(by_name)} kinds", [each for times in by_name.values() for each in times])
    every = {name: times for by_name in found.values() for name, times in by_name.items()}
    _line(f"all {len(every)} kinds", [each for times in every.values() for each in times])
    print("slowest kinds:")
    for name in sorted(every, key=lambda name: _p95(every[name]))[:-9:-1]:
        _line(f"  {name}", every[name])


def _line(label: str, times: list[float]) -> None:
    print(f"{label:<60} p50 {_ms(statistics.median(times))}   p95 {_ms(_p95(times))}   max {_ms(max(times))}")


def _p95(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.95)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:7.2f} ms"


def run(*, quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), 100_000 if quick else ENTRIES, rounds=2 if quick else 10))
