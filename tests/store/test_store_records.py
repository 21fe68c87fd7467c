"""The contract of Reader and Transaction, but for outbox and log."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from store_place import START, package

from attache.errors import AttacheError, Conflict
from gateway.exchange.kernel.records import (
    RECORDS,
    ApprovalRecord,
    ArrivalPartRecord,
    ArrivalRecord,
    ConsentRecord,
    Key,
    PackageRecord,
    PartRecord,
    Query,
    RedactedPartRecord,
    ReleaseRecord,
    key_of,
)
from gateway.exchange.kernel.state import ApprovalState, ArrivalState, PackageState, ReleaseState
from gateway.store.reading import FIND_LIMIT
from tests.sample_records import EXOTIC, sample

KINDS = RECORDS


PARENTS = {
    PartRecord: lambda: sample(PackageRecord),
    RedactedPartRecord: lambda: sample(PackageRecord),
    ReleaseRecord: lambda: sample(PackageRecord),
    ArrivalPartRecord: lambda: sample(ArrivalRecord),
}


def adding(*records):
    def unit(tx):
        for record in records:
            tx.add(record)

    return unit


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_every_record_comes_back_as_it_was(place, kind, empty):
    parents = [PARENTS[kind]()] if kind in PARENTS else []
    record = sample(kind, empty=empty)
    async with place.open() as store:
        await store.write(adding(*parents, record))
        found = await store.read(lambda reader: reader.get(key_of(record)))
        assert found == record
        assert {name: type(value) for name, value in vars(found).items()} == {
            name: type(value) for name, value in vars(record).items()
        }
        everything = {field.name: getattr(record, field.name) for field in fields(kind)}
        assert await store.read(lambda reader: reader.find(Query(kind, equal=everything))) == [record]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_a_key_exists_once(place, kind):
    parents = [PARENTS[kind]()] if kind in PARENTS else []
    async with place.open() as store:
        await store.write(adding(*parents, sample(kind)))
        with pytest.raises(Conflict):
            await store.write(adding(sample(kind, empty=True)))
        assert await store.read(lambda reader: reader.find(Query(kind))) == [sample(kind)]


@pytest.mark.parametrize("kind", PARENTS, ids=lambda kind: kind.__name__)
async def test_nothing_is_kept_of_what_does_not_exist(place, kind):
    async with place.open() as store:
        with pytest.raises(Exception, match="FOREIGN KEY"):
            await store.write(adding(sample(kind)))
        assert await store.read(lambda reader: reader.find(Query(kind))) == []


async def test_an_instant_comes_back_in_utc_with_its_microseconds(place):
    async with place.open() as store:
        await store.write(adding(package(1, created_at=EXOTIC)))
        found = await store.read(lambda reader: reader.get(PackageRecord.key(package(1).package_id)))
    assert found.created_at.tzinfo is UTC
    assert found.created_at.isoformat() == "2026-11-22T00:00:00.123456+00:00"


async def test_a_naive_instant_is_refused(place):
    async with place.open() as store:
        with pytest.raises(ValueError, match="time zone"):
            await store.write(adding(package(1, created_at=datetime(2026, 1, 1))))  # noqa: DTZ001


async def test_get_answers_none_for_what_is_not_there(place):
    async with place.open() as store:
        assert await store.read(lambda reader: reader.get(PackageRecord.key("none"))) is None


async def test_get_wants_the_whole_key(place):
    async with place.open() as store:
        with pytest.raises(ValueError, match="zip"):
            await store.read(lambda reader: reader.get(Key(PartRecord, ("package",))))


async def test_find_takes_none_as_a_value(place):
    done = package(2, submitted_at=START)
    async with place.open() as store:
        await store.write(adding(package(1), done))
        assert await store.read(lambda reader: reader.find(Query(PackageRecord, equal={"submitted_at": None}))) == [
            package(1)
        ]
        assert await store.read(lambda reader: reader.find(Query(PackageRecord, equal={"submitted_at": START}))) == [
            done
        ]


async def test_find_answers_in_the_order_of_the_key(place):
    async with place.open() as store:
        await store.write(adding(package(3), package(1), package(2)))
        found = await store.read(lambda reader: reader.find(Query(PackageRecord, equal={"kind": "intelligence"})))
    assert found == [package(1), package(2), package(3)]


async def test_find_refuses_an_unbounded_answer(place):
    async with place.open() as store:
        await store.write(adding(*(package(n) for n in range(FIND_LIMIT))))
        assert len(await store.read(lambda reader: reader.find(Query(PackageRecord)))) == FIND_LIMIT
        await store.write(adding(package(FIND_LIMIT)))
        with pytest.raises(AttacheError, match="without a limit"):
            await store.read(lambda reader: reader.find(Query(PackageRecord)))


async def test_change_answers_with_the_record_as_it_is_now(place):
    async with place.open() as store:
        await store.write(adding(package(1), package(2)))
        changed = await store.write(
            lambda tx: tx.put(package(1), replace(package(1), state=PackageState.SUBMITTED, submitted_at=START))
        )
        assert changed == package(1, state=PackageState.SUBMITTED, submitted_at=START)
        assert await store.read(lambda reader: reader.find(Query(PackageRecord))) == [changed, package(2)]


@pytest.mark.parametrize(
    "other",
    [{"kind": "tool"}, {"submitted_at": START}, {"facts_sealed": b"others"}, {"created_at": EXOTIC}],
    ids=lambda other: next(iter(other)),
)
async def test_a_stale_change_is_a_conflict(place, other):
    async with place.open() as store:
        await store.write(adding(package(1)))
        now = await store.write(lambda tx: tx.put(package(1), replace(package(1), **other)))
        with pytest.raises(Conflict):
            await store.write(lambda tx: tx.put(package(1), replace(package(1), state=PackageState.SUBMITTED)))
        assert await store.read(lambda reader: reader.find(Query(PackageRecord))) == [now]


async def test_a_change_of_nothing_still_wants_the_record_unchanged(place):
    async with place.open() as store:
        await store.write(adding(package(1)))
        assert await store.write(lambda tx: tx.put(package(1), package(1))) == package(1)
        with pytest.raises(Conflict):
            await store.write(lambda tx: tx.put(package(1, kind="tool"), package(1, kind="tool")))


async def test_a_change_of_what_is_gone_is_a_conflict(place):
    async with place.open() as store:
        with pytest.raises(Conflict):
            await store.write(lambda tx: tx.put(package(1), replace(package(1), kind="tool")))


async def test_a_unit_sees_what_it_wrote(place):
    def unit(tx):
        tx.add(package(1))
        tx.put(package(1), replace(package(1), kind="tool"))
        return tx.get(PackageRecord.key(package(1).package_id)).kind

    async with place.open() as store:
        assert await store.write(unit) == "tool"


async def test_packages_come_newer_first_and_paged(place):
    packages = [package(n, submitter="analyst" if n % 2 else "other") for n in range(5)]
    async with place.open() as store:
        await store.write(adding(*packages))
        first = await store.read(lambda reader: reader.find(PackageRecord.newest("", 2, submitter=None, digests={})))
        then = await store.read(
            lambda reader: reader.find(PackageRecord.newest(first[-1].package_id, 10, submitter=None, digests={}))
        )
        own = await store.read(
            lambda reader: reader.find(PackageRecord.newest("", 10, submitter="analyst", digests={}))
        )
    assert first + then == packages[::-1]
    assert own == [packages[3], packages[1]]


async def test_arrivals_come_newest_first_and_paged_and_only_complete(place):
    def arrival(n, state=ArrivalState.RECEIVED, minute=0):
        return sample(ArrivalRecord, package_id=f"p{n}", state=state, changed_at=START + timedelta(minutes=minute))

    coming = arrival(0, ArrivalState.RECEIVING, 9)
    arrivals = [arrival(1), arrival(2), arrival(3, ArrivalState.OPENED, 1), arrival(4, minute=2)]
    async with place.open() as store:
        await store.write(adding(coming, *arrivals))
        pages, after = [], None
        for _ in range(4):
            page = await store.read(lambda reader, after=after: reader.find(ArrivalRecord.newest(after, 1)))
            pages += page
            after = (page[-1].changed_at, page[-1].package_id)
        rest = await store.read(lambda reader: reader.find(ArrivalRecord.newest(after, 1)))
    assert pages == arrivals[::-1]
    assert rest == []


async def test_approvals_are_pending_ones_of_the_posts_oldest_first(place):
    def approval(n, post, state=ApprovalState.PENDING, minute=0):
        requested_at = START + timedelta(minutes=minute)
        return sample(ApprovalRecord, approval_id=f"a{n}", post=post, state=state, requested_at=requested_at)

    late, early, both = approval(1, "sydney", minute=5), approval(2, "sydney"), approval(3, "bogota", minute=1)
    others = [
        approval(4, "frankfurt"),
        *(approval(n, "sydney", state) for n, state in enumerate(list(ApprovalState)[1:], 5)),
    ]
    async with place.open() as store:
        await store.write(adding(late, early, both, *others))
        assert await store.read(lambda reader: reader.find(ApprovalRecord.pending_at(["sydney", "bogota"], 9))) == [
            early,
            both,
            late,
        ]
        assert await store.read(lambda reader: reader.find(ApprovalRecord.pending_at(["sydney", "bogota"], 2))) == [
            early,
            both,
        ]
        assert await store.read(lambda reader: reader.find(ApprovalRecord.pending_at([], 9))) == []


async def test_approvals_lapse_in_the_order_of_their_time(place):
    def approval(n, minute, state=ApprovalState.PENDING):
        return sample(ApprovalRecord, approval_id=f"a{n}", state=state, expires_at=START + timedelta(minutes=minute))

    late, early, waiting = approval(1, 5), approval(2, 1), approval(3, 9)
    answered = [approval(n, 0, state) for n, state in enumerate(list(ApprovalState)[1:], 4)]
    async with place.open() as store:
        await store.write(adding(late, early, waiting, *answered))
        now = START + timedelta(minutes=5)
        assert await store.read(lambda reader: reader.find(ApprovalRecord.lapsed(now, 9))) == [early, late]
        assert await store.read(lambda reader: reader.find(ApprovalRecord.lapsed(now, 1))) == [early]
        assert await store.read(lambda reader: reader.find(ApprovalRecord.lapsed(START, 9))) == []


async def test_consents_are_paged_by_id(place):
    consents = [sample(ConsentRecord, consent_id=f"c{n}") for n in range(4)]
    async with place.open() as store:
        await store.write(adding(*reversed(consents)))
        assert await store.read(lambda reader: reader.find(ConsentRecord.by_id("", 3))) == consents[:3]
        assert await store.read(lambda reader: reader.find(ConsentRecord.by_id("c1", 9))) == consents[2:]


async def test_a_mailbox_holds_what_is_released_to_its_owner(place):
    def release(n, recipient="partner-bogota", state=ReleaseState.RELEASED):
        return sample(ReleaseRecord, package_id=package(n).package_id, recipient=recipient, state=state)

    mine = [release(n) for n in range(3)]
    settled = [
        release(3 + n, state=state) for n, state in enumerate(s for s in ReleaseState if s is not ReleaseState.RELEASED)
    ]
    async with place.open() as store:
        await store.write(adding(*(package(n) for n in range(20)), *mine, *settled, release(19, recipient="europol")))
        assert (
            await store.read(lambda reader: reader.find(ReleaseRecord.in_mailbox("partner-bogota", "", 2))) == mine[:2]
        )
        after = mine[1].package_id
        assert (
            await store.read(lambda reader: reader.find(ReleaseRecord.in_mailbox("partner-bogota", after, 9)))
            == mine[2:]
        )


async def test_a_query_sees_one_state_throughout(place):
    async with place.open() as store:
        await store.write(adding(package(1)))

        def query(reader):
            before = reader.find(Query(PackageRecord))
            store._steps.begin()
            store._connection.exec_driver_sql("UPDATE package SET kind = 'tool'")
            store._steps.commit()
            return before, reader.find(Query(PackageRecord))

        before, after = await store.read(query)
        assert before == after == [package(1)]
        assert await store.read(lambda reader: reader.find(Query(PackageRecord))) == [replace(package(1), kind="tool")]


async def test_a_query_cannot_write(place):
    async with place.open() as store:
        with pytest.raises(Exception, match="readonly"):
            await store.read(lambda reader: reader._connection.exec_driver_sql("DELETE FROM package"))
