"""Standing with witnesses: what each answer changes, and when nothing may leave."""

from datetime import UTC, datetime, timedelta

import pytest

from attache.errors import AttacheError
from attache.translog.checkpoint import Checkpoint
from attache.translog.submission import Alarm, Alarmed, Cosigned, Failed, Retry, Submission
from gateway.exchange_log.witnessing import Standing, after_answer, require_release, require_submission

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = Standing("partner-frankfurt")
SENT = Submission(Checkpoint("irs-ci.example/log", 9, b"\1" * 32), b"note", 0)
FRESH = after_answer(NEW, SENT, Cosigned((), int(NOW.timestamp())))
ROLLED_BACK = Alarmed(Alarm.ROLLED_BACK, "it has cosigned size 12")


def refused(call, *args):
    with pytest.raises(AttacheError) as caught:
        call(*args)
    return caught.value.code, caught.value.step


def test_a_cosignature_moves_size_and_time():
    assert (FRESH.known_size, FRESH.cosigned_at, FRESH.failures) == (9, NOW, 0)


def test_a_witness_that_tells_its_size_is_believed():
    told = after_answer(FRESH, SENT, Retry(Submission(SENT.checkpoint, b"note", 4, 2)))
    assert (told.known_size, told.cosigned_at) == (4, NOW)


def test_failures_are_counted_until_the_next_cosignature():
    failed = after_answer(
        after_answer(FRESH, SENT, Failed("away", is_temporary=True)), SENT, Failed("away", is_temporary=True)
    )
    assert (failed.failures, failed.why, failed.cosigned_at) == (2, "away", NOW)
    assert after_answer(failed, SENT, Cosigned((), int(NOW.timestamp()) + 5)).failures == 0


def test_an_alarm_stays_whatever_follows():
    alarmed = after_answer(FRESH, SENT, ROLLED_BACK)
    for outcome in (
        Cosigned((), int(NOW.timestamp())),
        Failed("away", is_temporary=True),
        Alarmed(Alarm.FORKED, "later"),
    ):
        after = after_answer(alarmed, SENT, outcome)
        assert after.alarm is Alarm.ROLLED_BACK
        assert refused(require_submission, after) == ("integrity-lost", "witness")
    assert after_answer(alarmed, SENT, Failed("away", is_temporary=True)).why == "it has cosigned size 12"


def test_one_alarm_stops_every_release():
    assert refused(require_release, [FRESH, after_answer(NEW, SENT, ROLLED_BACK)], NOW, None) == (
        "integrity-lost",
        "witness",
    )


@pytest.mark.parametrize(
    ("standings", "limit", "is_allowed"),
    [
        ([], None, True),
        ([NEW], None, True),
        ([], HOUR, False),
        ([NEW], HOUR, False),
        ([FRESH], HOUR, True),
        ([NEW, FRESH], HOUR, True),
        ([FRESH], timedelta(seconds=29), False),
        ([FRESH], timedelta(seconds=30), True),
    ],
)
def test_a_stale_witness_stops_release_where_a_limit_is_set(standings, limit, is_allowed):
    at = NOW + timedelta(seconds=30)
    if is_allowed:
        require_release(standings, at, limit)
    else:
        assert refused(require_release, standings, at, limit) == ("witness-stale", "witness")


def test_a_cosignature_from_the_future_counts_as_now():
    require_release([FRESH], NOW - HOUR, timedelta(seconds=1))
