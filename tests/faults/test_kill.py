"""kill -9 of a real process, at each point of the commit path and under load. What was answered is there, once."""

import multiprocessing
import random
import signal

import pytest
from commit_points import POINTS, look, write_until_killed

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["gateway.store", "alembic.command", "sqlalchemy.dialects.sqlite"])

NOT_ANSWERED_BY = "never"


def kill(
    place, first: int, *, point: str = NOT_ANSWERED_BY, time: int = 1, after_answers: int | None = None
) -> dict[int, int]:
    """Run a gateway until it dies; answers each number that it answered for, with its log index."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=write_until_killed, args=(place, first, point, time, theirs))
    process.start()
    theirs.close()
    answered = {}
    try:
        while True:
            number, index = ours.recv()
            answered[number] = index
            if len(answered) == after_answers:
                process.kill()
    except EOFError:
        process.join(20)
    ours.close()
    assert process.exitcode == -signal.SIGKILL
    return answered


async def check(place, answered: dict[int, int]) -> int:
    """Nothing lost that was answered, nothing doubled, the log verifies. The size of the log."""
    logged, size = await look(place)
    for number, index in answered.items():
        assert logged[f"package-{number:08}"] == index
    return size


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_a_point_of_the_commit_path(place, point):
    answered = kill(place, 0, point=point, time=1)
    assert answered == {}
    first = await check(place, answered)
    assert (first > 0) == (point in ("after commit", "before lock_checkpoint", "after lock_checkpoint"))
    answered |= kill(place, 1_000_000, point=point, time=9)
    assert await check(place, answered) >= first + 1


async def test_killed_again_and_again_under_load(place):
    await killed_under_load(place, kills=20, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_killed_hundreds_of_times(place, seed):
    await killed_under_load(place, kills=50, seed=seed)


async def killed_under_load(place, *, kills: int, seed: int) -> None:
    """Half of the times at a named point, half of the times whenever some number of answers has come."""
    chance = random.Random(seed)
    answered, size = {}, 0
    for attempt in range(kills):
        if attempt % 2:
            how = {"point": chance.choice(POINTS), "time": chance.randint(1, 25)}
        else:
            how = {"after_answers": chance.randint(1, 60)}
        answered |= kill(place, attempt * 1_000_000, **how)
        before, size = size, await check(place, answered)
        assert size >= max(before, len(answered))
