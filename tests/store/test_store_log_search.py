"""Searching the exchange log by listings of full blocks: always what a look at every entry gives."""

import asyncio
import sqlite3
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_place import START, Place, denied, keys_of, submitted

from attache.errors import IntegrityLost
from gateway.exchange.kernel.ports import LogFilter
from gateway.exchange_log import Entry, EventCode, Group
from gateway.store import log_blocks
from gateway.store.log_blocks import list_again
from gateway.store.opening import writing_engine

ENTRIES = 300
BLOCK = 32
ACTORS = ("alice", "bob", "carol")
PARTNERS = ("europol", "partner-bogota")
OUTCOMES = ("release", "hold", "deny")


def event_of(n: int) -> Entry:
    """Some entries were logged late, some are about no partner, and only decisions have an outcome."""
    at = START + timedelta(seconds=n - {0: 40, 5: 3, 6: 9}.get(n % 31, 0))
    actor = ACTORS[0] if n % 7 else ACTORS[n % 3]
    package, partner = f"package-{n // 4}", PARTNERS[n % 5 == 0]
    fields = {Group.RECORD: {"package_id": package}, Group.PERSON: {"actor": actor, "request_id": f"request-{n // 2}"}}
    if n % 3 == 0:
        return Entry(EventCode.PACKAGE_SUBMITTED, at, actor, {"package": package}, fields)
    fields[Group.RECORD]["outcome"] = OUTCOMES[n % 8 % 3]
    return Entry(EventCode.PACKAGE_DECIDED, at, actor, {"package": package, "partner": partner}, fields)


EVENTS = [event_of(n) for n in range(ENTRIES)]


def is_wanted(event: Entry, wanted: LogFilter) -> bool:
    said = {
        "code": event.code,
        "actor": event.actor,
        "package_id": event.objects["package"],
        "partner": event.objects.get("partner"),
        "outcome": event.fields[Group.RECORD].get("outcome"),
        "request_id": event.fields[Group.PERSON]["request_id"],
    }
    equal = all(getattr(wanted, name) in (None, value) for name, value in said.items())
    return equal and not (wanted.since and event.at < wanted.since) and not (wanted.until and event.at >= wanted.until)


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log_blocks, "BLOCK_ENTRIES", BLOCK)
        patched.setattr(log_blocks, "_WINDOW", 4)
        yield


@pytest.fixture(scope="module")
def searched(tmp_path_factory, small_blocks):
    place = Place(tmp_path_factory.mktemp("searched"))

    async def fill() -> None:
        async with place.open() as store:
            for start in range(0, ENTRIES, 7):
                chunk = EVENTS[start : start + 7]
                await store.write(lambda tx, chunk=chunk: [tx.log(event) for event in chunk])

    asyncio.run(fill())
    return place


def execute(place: Place, sql: str) -> None:
    connection = sqlite3.connect(place.database)
    connection.execute(sql)
    connection.commit()
    connection.close()


maybe = st.none
instants = maybe() | st.integers(-50, ENTRIES + 5).map(lambda n: START + timedelta(seconds=n))
filters = st.builds(
    LogFilter,
    code=maybe() | st.sampled_from([EventCode.PACKAGE_SUBMITTED, EventCode.PACKAGE_DECIDED, EventCode.PACKAGE_DENIED]),
    actor=maybe() | st.sampled_from([*ACTORS, "dave"]),
    package_id=maybe() | st.sampled_from(["package-3", "package-70"]),
    partner=maybe() | st.sampled_from(PARTNERS),
    outcome=maybe() | st.sampled_from([*OUTCOMES, "partial"]),
    request_id=maybe() | st.sampled_from(["request-7", "request-149"]),
    since=instants,
    until=instants,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=filters, after=st.integers(-1, ENTRIES), limit=st.sampled_from([1, 2, 10, 100, 1000]))
def test_a_search_finds_what_a_look_at_every_entry_finds(searched, wanted, after, limit):
    due = [n for n, event in enumerate(EVENTS) if n > after and is_wanted(event, wanted)]
    with searched.log() as log:
        assert [entry.index for entry in log.entries_after(after, limit, wanted)] == due[:limit]


async def test_a_block_that_a_commit_overfills_is_listed_with_it(place):
    async with place.open() as store:
        await store.write(lambda tx: [tx.log(event) for event in EVENTS[: 3 * BLOCK + 5]])
    with place.log() as log:
        assert log.verify().size == 3 * BLOCK + 5
        wanted = LogFilter(actor="bob")
        due = [n for n, event in enumerate(EVENTS[: 3 * BLOCK + 5]) if event.actor == "bob"]
        assert [entry.index for entry in log.entries_after(-1, 100, wanted)] == due


async def test_a_unit_that_is_undone_lists_nothing(place):
    async with place.open() as store:

        def failing(tx):
            for event in EVENTS[: 2 * BLOCK]:
                tx.log(event)
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(failing)
        await store.write(lambda tx: tx.log(denied("package-a", "europol")))
    with place.log() as log:
        assert log.verify().size == 1


async def test_a_start_lists_what_a_version_without_blocks_has_left(place):
    async with place.open() as store:
        await store.write(lambda tx: [tx.log(event) for event in EVENTS[:100]])
    execute(place, "DELETE FROM log_block")
    execute(place, "DELETE FROM log_listing")
    with place.log() as log, pytest.raises(IntegrityLost, match="block 0"):
        log.verify()
    async with place.open():
        pass
    with place.log() as log:
        assert log.verify().size == 100
        assert log.entries_after(-1, 10, LogFilter(actor="bob"))


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM log_listing WHERE block = 1 AND kind = 'partner'",
        "UPDATE log_listing SET members = zeroblob(4) WHERE block = 2 AND kind = 'code'",
        "INSERT INTO log_listing VALUES (2, 'actor', '00', x'0100')",
        "DELETE FROM log_block WHERE block = 1",
        "UPDATE log_block SET last_at = first_at WHERE block = 0",
    ],
)
async def test_verification_finds_an_entry_that_a_search_would_miss(place, tampering):
    async with place.open() as store:
        await store.write(lambda tx: [tx.log(event) for event in EVENTS[:100]])
    execute(place, tampering)
    with place.log() as log, pytest.raises(IntegrityLost, match="differ from its entries"):
        log.verify()


async def test_a_destroyed_outcome_is_listed_no_more(place):
    async with place.open() as store:
        await store.write(lambda tx: [tx.log(event) for event in EVENTS[: 2 * BLOCK + 1]])
    gone = [n for n in range(2 * BLOCK + 1) if EVENTS[n].fields[Group.RECORD].get("outcome") == "deny"]
    engine = writing_engine(place.database)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE log_entry SET private_sealed = NULL, outcome = NULL, request = NULL WHERE outcome = 'deny'"
        )
        list_again(connection, gone)
        listed = connection.exec_driver_sql("SELECT DISTINCT term FROM log_listing WHERE kind = 'outcome'").scalars()
        assert "deny" not in set(listed)
    engine.dispose()
    with place.log() as log:
        assert (log.verify().purged, log.entries_after(-1, 9, LogFilter(outcome="deny"))) == (len(gone), [])
        assert [entry.index for entry in log.entries_after(-1, 3)] == [0, 1, 2]


async def test_an_entry_whose_listing_says_too_much_is_not_shown(place):
    async with place.open() as store:
        await store.write(lambda tx: [tx.log(submitted(f"p{n}", "alice")) for n in range(2 * BLOCK)])
    term = keys_of().pseudonyms.of("actor", "mallory")
    execute(place, f"INSERT INTO log_listing VALUES (0, 'actor', '{term}', x'0100')")
    with place.log() as log:
        assert log.entries_after(-1, 10, LogFilter(actor="mallory")) == []


def test_events_here_are_logged_late_now_and_then():
    assert [event.at for event in EVENTS] != sorted(event.at for event in EVENTS)
