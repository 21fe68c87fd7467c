"""Delivery when something goes wrong around it: nothing is lost, nothing is taken for what it is not, nothing goes twice."""

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from attache import clock
from attache.errors import AttacheError, MalformedInput, PartnerUnreachable, SignatureInvalid, TooManyRequests
from attache.package import parse_frame
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from attache.strict_json import parse_object
from gateway.background import background
from gateway.delivery.worker import DeliveryWorker
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import OutboxRecord, Query, ReceiptRecord, ReleaseRecord
from gateway.exchange.kernel.state import OutboxState, ReleaseState
from gateway.exchange.oversight.participants import set_status
from gateway.identity.caller import Caller
from gateway.partners import ParticipantStatus
from tests.exchange_place import ExchangePlace
from tests.rules.delivery.fakes import FakeOutbox, FakePartners, ManualClock, a_row

FRANKFURT, SYDNEY = "partner-frankfurt", "partner-sydney"


class Time:
    """The gateway's clock, which a test moves."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self):
        return clock.now() + self.passed


class Scene:
    """IRS-CI with one package for Frankfurt in its outbox, and nobody who delivers it but the test."""

    def __init__(self, gateway, time: Time) -> None:
        self.gateway, self.time, self.agency = gateway, time, gateway.agency
        self.outbox = Outbox(gateway.agency)
        self.made = gateway.place.made

    async def claim(self):
        return await self.outbox.claim(10, frozenset())

    async def row(self) -> OutboxRecord:
        [row] = await self.agency.store.read(lambda reader: reader.find(Query(OutboxRecord)))
        return row

    async def life(self) -> ReleaseRecord:
        [life] = await self.agency.store.read(lambda reader: reader.find(Query(ReleaseRecord)))
        return life

    async def receipts(self) -> list[ReceiptRecord]:
        return await self.agency.store.read(lambda reader: reader.find(Query(ReceiptRecord)))

    async def signed(self, by: str = FRANKFURT, **changes) -> bytes:
        life = await self.life()
        envelope = parse_frame(life.frame)
        members = {
            "receipt": ReceiptKind.DELIVERED,
            "package_id": envelope.package_id,
            "originator": "irs-ci",
            "recipient": FRANKFURT,
            "envelope_sha256": envelope.sha256,
            "manifest_sha256": life.manifest_sha256,
            "parts": tuple(part.ciphertext_root for part in envelope.parts),
            "at": clock.now(),
            **changes,
        }
        return sign_receipt(Receipt(**members), self.made[by].keys)


@pytest.fixture
def play(example, tmp_path):
    """Play a scene on a fresh gateway."""
    root, participants, issuer = example
    shutil.copytree(root, tmp_path / "exchange")
    there = ExchangePlace(tmp_path / "exchange", participants, issuer)

    def run(scene_of):
        async def story():
            time = Time()
            async with there.open(now=time) as gateway:
                answer = await gateway.submit(await gateway.caller("analyst"))
                assert answer.status_code == 202
                await scene_of(Scene(gateway, time))

        asyncio.run(story())

    return run


async def is_still_due(scene: Scene, entries: list[str]) -> None:
    """Nothing came of it: the row waits, the release is under way, the log says nothing new."""
    assert (await scene.row()).state is OutboxState.PENDING
    assert (await scene.life()).state is ReleaseState.DELIVERING
    assert await scene.receipts() == []
    since = (await scene.gateway.entries())[len(entries) :]
    assert [code for code in since if code != "records.changed"] == []


def test_a_worker_that_died_leaves_a_lease_that_runs_out_and_the_same_bytes(play):
    async def scene(it):
        [first] = await it.claim()
        assert await it.claim() == []
        it.time.passed = it.agency.limits.delivery_lease + timedelta(seconds=1)
        [again] = await it.claim()
        assert again.outgoing == first.outgoing
        await it.outbox.settle(again, await it.signed())
        assert (await it.life()).state is ReleaseState.DELIVERED
        entries = await it.gateway.entries()
        await it.outbox.settle(first, (await it.receipts())[0].signed)
        assert await it.gateway.entries() == entries, "the one thought dead was only slow"

    play(scene)


FORGED = {
    "of-another-partner": {"by": SYDNEY, "recipient": SYDNEY},
    "with-anothers-keys": {"by": SYDNEY},
    "for-another-envelope": {"envelope_sha256": "0" * 64},
    "for-another-manifest": {"manifest_sha256": "0" * 64},
    "for-another-package": {"package_id": "01940000-0000-7000-8000-000000000000"},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_an_answer_that_is_no_receipt_settles_nothing(play, changes):
    async def scene(it):
        [consignment] = await it.claim()
        entries = await it.gateway.entries()
        with pytest.raises(AttacheError):
            await it.outbox.settle(consignment, await it.signed(**changes))
        await is_still_due(it, entries)

    play(scene)


@pytest.mark.parametrize("answer", [None, b"", b"{}", b'{"payload":"","signatures":[]}'])
def test_an_answer_of_any_bytes_settles_nothing(play, answer):
    async def scene(it):
        [consignment] = await it.claim()
        entries = await it.gateway.entries()
        with pytest.raises(AttacheError):
            await it.outbox.settle(consignment, answer)
        await is_still_due(it, entries)

    play(scene)


def test_a_signed_refusal_is_kept_and_ends_it(play):
    async def scene(it):
        [consignment] = await it.claim()
        refusal = await it.signed(receipt=ReceiptKind.REFUSED, problem="signature-invalid", manifest_sha256=None)
        await it.outbox.refuse(consignment, SignatureInvalid(extra={"receipt": parse_object(refusal)}))
        life = await it.life()
        assert (life.state, life.problem) == (ReleaseState.REFUSED, "signature-invalid")
        assert [receipt.signed for receipt in await it.receipts()] == [refusal]
        assert (await it.gateway.entries())[-2:] == ["receipt.stored", "package.refused"]

    play(scene)


def test_a_refusal_that_nobody_signed_is_not_evidence(play):
    async def scene(it):
        [consignment] = await it.claim()
        refusal = await it.signed(by=SYDNEY, receipt=ReceiptKind.REFUSED, problem="signature-invalid")
        await it.outbox.refuse(consignment, SignatureInvalid(extra={"receipt": parse_object(refusal)}))
        assert (await it.life()).state is ReleaseState.UNDELIVERABLE
        assert await it.receipts() == []
        assert (await it.gateway.entries())[-1] == "package.undeliverable"

    play(scene)


def test_a_receipt_after_we_gave_up_is_still_evidence(play):
    async def scene(it):
        [consignment] = await it.claim()
        await it.outbox.refuse(consignment, MalformedInput("malformed-package"))
        assert (await it.life()).state is ReleaseState.UNDELIVERABLE
        await it.outbox.settle(consignment, await it.signed())
        assert (await it.life()).state is ReleaseState.DELIVERED

    play(scene)


def test_the_deadline_ends_it_and_is_logged(play):
    async def scene(it):
        [consignment] = await it.claim()
        deadline = consignment.outbox.deadline_at
        await it.outbox.postpone(consignment, PartnerUnreachable(), deadline - timedelta(seconds=1))
        assert (await it.row()).state is OutboxState.PENDING
        await it.outbox.postpone(consignment, PartnerUnreachable(), deadline)
        assert (await it.row()).state is OutboxState.FAILED
        life = await it.life()
        assert (life.state, life.problem) == (ReleaseState.UNDELIVERABLE, "partner-unreachable")
        assert (await it.gateway.entries())[-1] == "package.undeliverable"

    play(scene)


class Crowded:
    """A store in which too many read at once; it writes as ever."""

    def __init__(self, store) -> None:
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def read(self, query):
        raise TooManyRequests(retry_after_seconds=1)


def test_a_crowd_of_readers_does_not_end_a_delivery(play):
    async def scene(it):
        entries = await it.gateway.entries()
        crowded = Outbox(replace(it.agency, store=Crowded(it.agency.store)))
        assert await crowded.claim(10, frozenset()) == []
        await is_still_due(it, entries)
        it.time.passed = it.agency.limits.delivery_lease + timedelta(seconds=1)
        assert len(await it.claim()) == 1

    play(scene)


def test_nothing_is_carried_to_a_suspended_partner_and_nothing_is_lost(play):
    async def scene(it):
        officer = Caller("officer", "console", "pseudonym", frozenset(), clock.now() + timedelta(hours=1))
        await set_status(it.agency, officer, FRANKFURT, ParticipantStatus.SUSPENDED)
        assert await it.claim() == []
        assert (await it.row()).state is OutboxState.PENDING
        await set_status(it.agency, officer, FRANKFURT, ParticipantStatus.ACTIVE)
        assert len(await it.claim()) == 1

    play(scene)


def test_a_delivery_longer_than_its_lease_goes_once():
    """The lease is prolonged while the worker is at it, and nobody starts the same again beside it."""

    async def story():
        manual = ManualClock()
        outbox, partners = FakeOutbox(manual), FakePartners()
        done = asyncio.Event()
        partners.answers[FRANKFURT] = [done]
        worker = DeliveryWorker(outbox, partners, now=manual, chance=lambda: 0.0, pause=manual.pause)
        outbox.add(a_row(1, FRANKFURT))
        async with asyncio.timeout(10), background(worker.run()):
            while len(outbox.claims) < 4:
                await asyncio.sleep(0)
            assert partners.carried == ["row-1"]
            done.set()
            await outbox.idle.wait()
        assert [settled for settled, _ in outbox.settled] == ["row-1"]
        assert partners.carried == ["row-1"]

    asyncio.run(story())
