"""The loop of everything that runs beside the listeners, without time that passes."""

import asyncio

import pytest
from structlog.testing import capture_logs

from attache.errors import IntegrityLost
from gateway.background import background, every


class Rests:
    """A pause that passes no time: it notes each rest, and cancels the loop in place of the last."""

    def __init__(self, most: int):
        self.most = most
        self.seconds: list[float] = []
        self.task: asyncio.Task | None = None

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == self.most:
            self.task.cancel()
            await asyncio.Event().wait()


def played(turn, rests: Rests, seconds: float = 60.0, **how) -> asyncio.Task:
    """Run the loop until `rests` ends it."""

    async def story():
        rests.task = asyncio.create_task(every(seconds, turn, name="a-task", pause=rests, **how))
        async with asyncio.timeout(10):
            await asyncio.wait([rests.task])
        return rests.task

    return asyncio.run(story())


def test_a_turn_comes_at_once_and_then_after_each_rest():
    turns, rests = [], Rests(3)

    async def turn():
        turns.append(len(rests.seconds))

    assert played(turn, rests).cancelled()
    assert turns == [0, 1, 2]
    assert rests.seconds == [60.0] * 3


def test_a_turn_may_say_how_long_to_rest():
    answers, rests = iter([3.0, None, 0.0]), Rests(3)

    async def turn():
        return next(answers)

    played(turn, rests)
    assert rests.seconds == [3.0, 60.0, 0.0]


def test_failures_are_repeated_after_longer_and_longer_rests_and_each_is_logged_once_by_name():
    outcomes, rests = iter([OSError("content-sentinel")] * 4 + [None, OSError(), None]), Rests(7)

    async def turn():
        if error := next(outcomes):
            raise error

    with capture_logs() as lines:
        played(turn, rests, seconds=5.0)
    assert rests.seconds == [1.0, 2.0, 4.0, 5.0, 5.0, 1.0, 5.0]
    failed = {"event": "background-turn-failed", "task": "a-task", "error": "OSError", "log_level": "error"}
    assert lines == [failed] * 5


def test_failures_without_end_rest_as_long_as_any_turn():
    rests = Rests(2000)

    async def turn():
        raise OSError

    with capture_logs() as lines:
        played(turn, rests)
    assert rests.seconds[-1] == 60.0
    assert len(lines) == 2000


def test_records_that_do_not_add_up_end_the_loop():
    async def turn():
        raise IntegrityLost

    rests = Rests(1)
    assert isinstance(played(turn, rests).exception(), IntegrityLost)
    assert rests.seconds == []


def test_a_wakening_ends_the_rest():
    async def story():
        wake, turns = asyncio.Event(), asyncio.Queue()

        async def turn():
            turns.put_nowait(wake.is_set())

        async def for_ever(_):
            await asyncio.Event().wait()

        async with asyncio.timeout(10), background(every(60, turn, name="a-task", wake=wake, pause=for_ever)):
            for _ in range(3):
                assert await turns.get() is False, "it is cleared before the turn"
                await asyncio.sleep(0)
                wake.set()

    asyncio.run(story())


def test_what_wakes_during_a_turn_is_followed_by_another_without_a_rest():
    rests, turns = Rests(1), []

    async def turn():
        turns.append(len(rests.seconds))
        if len(turns) < 3:
            wake.set()

    wake = asyncio.Event()
    played(turn, rests, wake=wake)
    assert turns == [0, 0, 0]


def test_many_wakenings_make_one_turn():
    rests, turns = Rests(3), []
    wake = asyncio.Event()

    async def turn():
        turns.append(len(rests.seconds))
        if len(turns) == 1:
            wake.set()

    played(turn, rests, wake=wake, after_wake_seconds=2.0)
    assert rests.seconds == [2.0, 60.0, 60.0]
    assert turns == [0, 1, 2]


def test_a_failure_is_not_repeated_sooner_for_being_woken():
    rests, wake = Rests(3), asyncio.Event()

    async def turn():
        wake.set()
        raise OSError

    with capture_logs():
        played(turn, rests, wake=wake)
    assert rests.seconds == [1.0, 2.0, 4.0]


def test_the_end_of_the_block_breaks_off_a_turn_under_way():
    async def story():
        begun, ended = asyncio.Event(), []

        async def turn():
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        async with asyncio.timeout(10), background(every(60, turn, name="a-task")):
            await begun.wait()
        assert ended == [True]

    asyncio.run(story())


def test_a_loop_that_ends_by_an_error_ends_the_block_and_the_others():
    async def story():
        others = []

        async def broken():
            raise IntegrityLost

        async def other():
            try:
                await asyncio.Event().wait()
            finally:
                others.append("ended")

        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(10), background(other(), broken()):
                await asyncio.Event().wait()
        assert isinstance(caught.value.exceptions[0], IntegrityLost)
        assert others == ["ended"]

    asyncio.run(story())
