from datetime import timedelta

from store_place import START, outbox

from gateway.exchange.kernel.records import OutboxRecord, Query
from gateway.exchange.kernel.state import OutboxState

LEASE = START + timedelta(minutes=1)
NOBODY = frozenset()


def adding(*rows):
    def unit(tx):
        for row in rows:
            tx.add(row)

    return unit


def claiming(limit=10, now=START, until=LEASE, busy=NOBODY):
    return lambda tx: [row.outbox_id for row in tx.claim_outbox(now, until, limit, busy)]


async def test_a_claim_leases_what_it_answers(place):
    async with place.open() as store:
        await store.write(adding(outbox(1)))
        (claimed,) = await store.write(lambda tx: tx.claim_outbox(START, LEASE, 10, NOBODY))
        assert claimed == outbox(1, lease_until=LEASE)
        assert await store.read(lambda reader: reader.find(Query(OutboxRecord))) == [claimed]


async def test_a_leased_row_is_claimed_again_only_when_its_lease_has_run_out(place):
    async with place.open() as store:
        await store.write(adding(outbox(1)))
        assert await store.write(claiming()) == [outbox(1).outbox_id]
        just_before = LEASE - timedelta(microseconds=1)
        assert await store.write(claiming(now=just_before, until=LEASE)) == []
        assert await store.write(claiming(now=LEASE, until=LEASE + timedelta(minutes=1))) == [outbox(1).outbox_id]


async def test_what_is_not_due_or_not_pending_is_left(place):
    later = outbox(1, due_at=START + timedelta(microseconds=1))
    done = [outbox(2, state=OutboxState.DONE), outbox(3, state=OutboxState.FAILED)]
    async with place.open() as store:
        await store.write(adding(later, *done))
        assert await store.write(claiming()) == []
        assert await store.write(claiming(now=later.due_at)) == [later.outbox_id]


async def test_partners_take_turns(place):
    sydney = [outbox(n) for n in range(10)]
    others = [outbox(20, partner="partner-bogota", due_at=START), outbox(21, partner="europol", due_at=START)]
    async with place.open() as store:
        await store.write(adding(*sydney, *others))
        first = await store.write(claiming(limit=3))
        then = await store.write(claiming(limit=3))
    assert sorted(first) == sorted([sydney[0].outbox_id, *(row.outbox_id for row in others)])
    assert then == [row.outbox_id for row in sydney[1:4]]


async def test_a_busy_partner_is_left_alone(place):
    async with place.open() as store:
        await store.write(adding(outbox(1), outbox(2, partner="europol")))
        assert await store.write(claiming(busy=frozenset({"partner-sydney"}))) == [outbox(2).outbox_id]
        assert await store.write(claiming(busy=frozenset({"partner-sydney", "europol"}))) == []
        assert await store.write(claiming()) == [outbox(1).outbox_id]


async def test_outbox_due_says_when_to_look_again(place):
    async with place.open() as store:
        assert await store.read(lambda reader: reader.outbox_due()) is None
        soon, later = START + timedelta(minutes=2), START + timedelta(minutes=3)
        await store.write(adding(outbox(1, state=OutboxState.DONE), outbox(2, due_at=soon), outbox(3, due_at=later)))
        assert await store.read(lambda reader: reader.outbox_due()) == soon
        lease = START + timedelta(minutes=9)
        assert await store.write(claiming(now=soon, until=lease)) == [outbox(2).outbox_id]
        assert await store.read(lambda reader: reader.outbox_due()) == later
        await store.write(claiming(now=later, until=lease + timedelta(minutes=1)))
        assert await store.read(lambda reader: reader.outbox_due()) == lease


async def test_a_claim_of_nothing_wakes_nobody(place):
    async with place.open() as store:
        changed = store.changed()
        assert await store.write(claiming()) == []
        assert not changed.is_set()
        await store.write(adding(outbox(1)))
        assert changed.is_set()
        changed = store.changed()
        await store.write(claiming())
        assert changed.is_set()
