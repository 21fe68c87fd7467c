"""The delivery worker against an outbox, partners and a clock in memory."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from attache.errors import (
    PROBLEMS,
    IntegrityLost,
    PartnerUnreachable,
    TooManyRequests,
    error_of,
)
from gateway.background import background
from gateway.delivery.schedule import Backoff, Breaker
from gateway.delivery.verdict import FINAL_CODES, is_final
from gateway.delivery.worker import Concurrency, DeliveryWorker
from tests.rules.delivery.fakes import START, FakeOutbox, FakePartners, ManualClock, a_row


class Scene:
    def __init__(self, **concurrency):
        self.clock = ManualClock()
        self.outbox = FakeOutbox(self.clock)
        self.partners = FakePartners()
        self.worker = DeliveryWorker(
            self.outbox,
            self.partners,
            now=self.clock,
            chance=lambda: 0.0,
            pause=self.clock.pause,
            concurrency=Concurrency(**concurrency),
        )


def play(scene_of, **concurrency):
    """Run the worker beside the scene, and end it there."""

    async def run():
        scene = Scene(**concurrency)
        async with asyncio.timeout(10), background(scene.worker.run()):
            await scene_of(scene)
        return scene

    return asyncio.run(run())


async def until(is_so):
    while not is_so():
        await asyncio.sleep(0)


async def settle_down(times=200):
    for _ in range(times):
        await asyncio.sleep(0)


def test_what_is_due_is_delivered_and_settled_with_the_receipt():
    async def scene_of(scene):
        scene.outbox.add(a_row(1, "frankfurt"), a_row(2, "bogota"))
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert sorted(scene.outbox.settled) == [("row-1", b"receipt for package-1"), ("row-2", b"receipt for package-2")]


def test_what_is_added_later_is_heard_of_without_waiting():
    async def scene_of(scene):
        await settle_down()
        before = scene.clock()
        scene.outbox.add(a_row(1, "frankfurt", due_at=before))
        await until(lambda: scene.outbox.settled)

    scene = play(scene_of)
    assert [row for row, _ in scene.outbox.settled] == ["row-1"]


def test_what_is_not_due_yet_waits_for_its_time():
    async def scene_of(scene):
        scene.outbox.add(a_row(1, "frankfurt", due_at=START + timedelta(seconds=30)))
        await scene.outbox.idle.wait()
        assert scene.clock() >= START + timedelta(seconds=30)

    scene = play(scene_of)
    assert scene.outbox.settled
    assert scene.clock.waited[0] == 30.0


def test_unreachable_partner_is_tried_again_until_it_is_back():
    async def scene_of(scene):
        scene.partners.answers["frankfurt"] = [PartnerUnreachable() for _ in range(5)]
        scene.outbox.add(a_row(1, "frankfurt"))
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert scene.partners.carried == ["row-1"] * 6
    assert [code for _, code, _ in scene.outbox.postponed] == ["partner-unreachable"] * 5
    assert scene.outbox.settled == [("row-1", b"receipt for package-1")]


def test_each_postponement_is_longer():
    async def scene_of(scene):
        scene.partners.answers["frankfurt"] = [error_of("internal-error") for _ in range(3)]
        scene.outbox.add(a_row(1, "frankfurt"))
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    dues = [due for _, _, due in scene.outbox.postponed]
    assert dues[0] == START + timedelta(seconds=1)
    assert [(b - a).total_seconds() for a, b in pairwise(dues)] == [2.0, 4.0]


@pytest.mark.parametrize("code", sorted(FINAL_CODES))
def test_refusal_for_good_is_not_tried_again(code):
    async def scene_of(scene):
        scene.partners.answers["frankfurt"] = [error_of(code)]
        scene.outbox.add(a_row(1, "frankfurt"))
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert scene.outbox.refused == [("row-1", code)]
    assert scene.partners.carried == ["row-1"]
    assert scene.outbox.settled == scene.outbox.postponed == []


def test_receipt_that_does_not_verify_is_no_refusal():
    async def scene_of(scene):
        scene.outbox.unproven.add("row-1")
        scene.outbox.add(a_row(1, "frankfurt"))
        await until(lambda: scene.outbox.postponed)
        scene.outbox.unproven.clear()
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert scene.outbox.refused == []
    assert scene.outbox.postponed[0][:2] == ("row-1", "signature-invalid")
    assert scene.outbox.settled


def test_slow_partner_does_not_delay_the_others():
    async def scene_of(scene):
        never = asyncio.Event()
        scene.partners.answers["slow"] = [never, never]
        scene.outbox.add(*(a_row(n, "slow") for n in range(10)), *(a_row(n, "quick") for n in range(10, 20)))
        await until(lambda: len(scene.outbox.settled) >= 10)

    scene = play(scene_of, at_once=4, per_partner=2)
    assert sorted(row for row, _ in scene.outbox.settled) == [f"row-{n}" for n in range(10, 20)]
    assert scene.partners.most["slow"] == 2
    assert scene.partners.most["quick"] <= 2


def test_broken_off_partner_is_left_alone_and_then_tried_once():
    async def scene_of(scene):
        scene.partners.answers["down"] = [PartnerUnreachable() for _ in range(3)]
        scene.outbox.add(*(a_row(n, "down") for n in range(3)))
        await until(lambda: len(scene.outbox.postponed) >= 3)
        broken_at = scene.clock()
        scene.outbox.add(a_row(7, "down"))
        await settle_down(5)
        assert "row-7" not in scene.partners.carried
        await scene.outbox.idle.wait()
        assert scene.clock() >= broken_at + timedelta(seconds=2.5)

    scene = play(scene_of, at_once=8, per_partner=3)
    assert len(scene.outbox.settled) == 4


def test_retry_after_of_a_partner_is_honoured():
    async def scene_of(scene):
        scene.partners.answers["busy"] = [TooManyRequests(retry_after_seconds=40)]
        scene.outbox.add(a_row(1, "busy"))
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert scene.clock() >= START + timedelta(seconds=40)


def test_stop_gives_back_what_was_running():
    async def scene_of(scene):
        scene.partners.answers["slow"] = [asyncio.Event()]
        scene.outbox.add(a_row(1, "slow"), a_row(2, "slow"))
        await until(lambda: scene.partners.carried)

    scene = play(scene_of, per_partner=1)
    assert sorted((row, code) for row, code, _ in scene.outbox.postponed) == [
        ("row-1", "delivery-failed"),
        ("row-2", "delivery-failed"),
    ]
    assert all(due <= scene.clock() for _, _, due in scene.outbox.postponed)


def test_stop_gives_back_what_was_being_claimed():
    """The claim may be committed although nobody waits for it any longer; its lease must not run out unused."""

    async def story():
        scene, claimed, go_on = Scene(), asyncio.Event(), asyncio.Event()
        scene.partners.answers["frankfurt"] = [asyncio.Event()]
        claim = scene.outbox.claim

        async def slowly(limit, busy):
            found = await claim(limit, busy)
            claimed.set()
            await go_on.wait()
            return found

        scene.outbox.claim = slowly
        scene.outbox.add(a_row(1, "frankfurt"))
        async with asyncio.timeout(10):
            async with background(scene.worker.run()):
                await claimed.wait()
                asyncio.get_running_loop().call_soon(go_on.set)
        assert scene.outbox.postponed == [("row-1", "delivery-failed", scene.clock())]
        assert scene.outbox.settled == []

    asyncio.run(story())


def test_store_that_fails_once_does_not_end_delivery():
    async def scene_of(scene):
        scene.outbox.broken = OSError("the disk is slow today")
        scene.outbox.add(a_row(1, "frankfurt"))
        await scene.outbox.idle.wait()

    assert play(scene_of).outbox.settled


def test_records_that_do_not_add_up_end_delivery():
    async def story():
        scene = Scene()
        scene.outbox.broken = IntegrityLost()
        scene.outbox.add(a_row(1, "frankfurt"))
        with pytest.raises(IntegrityLost):
            await asyncio.wait_for(scene.worker.run(), 10)
        assert scene.partners.carried == []

    asyncio.run(story())


def test_unexpected_error_leaves_the_lease_and_the_others():
    async def scene_of(scene):
        scene.partners.answers["odd"] = [RuntimeError("content-sentinel")]
        scene.outbox.add(a_row(1, "odd"), a_row(2, "frankfurt"))
        await until(lambda: scene.outbox.settled)
        assert "row-1" in scene.outbox.rows
        await scene.outbox.idle.wait()

    scene = play(scene_of)
    assert [row for row, _ in scene.outbox.settled] == ["row-2", "row-1"]


def test_idle_worker_does_not_claim():
    async def scene_of(scene):
        await until(lambda: len(scene.clock.waited) >= 2)

    scene = play(scene_of)
    assert scene.outbox.claims == []
    assert set(scene.clock.waited) == {60.0}


# The pure rules


def test_attempts_grow_to_hours_and_carry_jitter():
    pauses = [(Backoff().next_attempt(n, START, 0.0) - START).total_seconds() for n in range(1, 20)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == 7200.0
    assert Backoff().next_attempt(10**9, START, 0.999) <= START + timedelta(hours=4)
    assert Backoff().next_attempt(1, START, 0.5) == START + timedelta(seconds=1.5)


def test_breaker_opens_after_three_failures_and_for_longer_each_time():
    breaker = Breaker().after_failure(START, 0.0).after_failure(START, 0.0)
    assert not breaker.is_open(START)
    breaker = breaker.after_failure(START, 0.0)
    assert breaker.is_open(START)
    assert breaker.open_until == START + timedelta(seconds=2.5)
    assert not breaker.is_open(breaker.open_until)
    assert breaker.after_failure(START, 0.0).open_until == START + timedelta(seconds=5)
    for _ in range(20):
        breaker = breaker.after_failure(START, 0.0)
    assert breaker.open_until == START + timedelta(seconds=150)


def test_every_final_code_exists_and_everything_else_is_tried_again():
    assert PROBLEMS.keys() >= FINAL_CODES
    again = {code for code in PROBLEMS if not is_final(error_of(code))}
    assert {"partner-unreachable", "unknown-key", "certificate-rejected", "block-mismatch", "unknown-problem"} <= again
