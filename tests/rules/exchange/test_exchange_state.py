"""The lives of a package: every pair of state and event has an answer, and it is the one written here."""

import itertools

import pytest

from attache.errors import IllegalTransition
from gateway.exchange.kernel.state import (
    ARRIVAL,
    RELEASE,
    ArrivalEvent,
    ArrivalState,
    ReleaseEvent,
    ReleaseState,
    advance,
)

# One line for each state; "-" is an illegal transition.
EVENTS = "hold deny release reject deliver receipt-delivered receipt-opened receipt-refused give-up expire"
RELEASES = """
submitted     held denied   released -        -          -         -      -       -             -
held          -    denied   released rejected -          -         -      -       -             -
rejected      -    -        -        -        -          -         -      -       -             -
denied        -    -        -        -        -          -         -      -       -             -
released      -    -        -        -        delivering delivered opened refused undeliverable expired
delivering    -    -        -        -        delivering delivered opened refused undeliverable expired
delivered     -    -        -        -        -          delivered opened -       -             -
opened        -    -        -        -        -          opened    opened -       -             -
refused       -    -        -        -        -          -         -      -       -             -
undeliverable -    -        -        -        -          delivered opened -       -             -
expired       -    -        -        -        -          delivered opened -       -             -
"""
ARRIVALS = """
receiving received -      expired
received  received opened -
opened    opened   opened -
expired   -        -      -
"""


def rows(table: str, events: list[str]):
    for line in table.strip().splitlines():
        state, *answers = line.split()
        yield from ((state, event, answer) for event, answer in zip(events, answers, strict=True))


RELEASE_ROWS = list(rows(RELEASES, EVENTS.split()))
ARRIVAL_ROWS = list(rows(ARRIVALS, ["complete", "open", "expire"]))


@pytest.mark.parametrize(
    ("written", "states", "events"),
    [(RELEASE_ROWS, ReleaseState, ReleaseEvent), (ARRIVAL_ROWS, ArrivalState, ArrivalEvent)],
    ids=["release", "arrival"],
)
def test_every_pair_is_written_here(written, states, events):
    assert {(state, event) for state, event, _ in written} == {
        (state.value, event.value) for state, event in itertools.product(states, events)
    }


@pytest.mark.parametrize(("state", "event", "answer"), RELEASE_ROWS)
def test_release(state, event, answer):
    expect(RELEASE, ReleaseState(state), ReleaseEvent(event), answer)


@pytest.mark.parametrize(("state", "event", "answer"), ARRIVAL_ROWS)
def test_arrival(state, event, answer):
    expect(ARRIVAL, ArrivalState(state), ArrivalEvent(event), answer)


def expect(table, state, event, answer):
    if answer != "-":
        assert advance(table, state, event).value == answer
        return
    with pytest.raises(IllegalTransition) as caught:
        advance(table, state, event)
    assert caught.value.code == "illegal-transition"
    assert event.value in caught.value.detail


def test_nothing_leads_out_of_what_never_left():
    """Denied and rejected are final: nothing that a partner sends later can make it look as if it had gone."""
    ends = {ReleaseState.DENIED, ReleaseState.REJECTED}
    assert not {pair for pair in RELEASE if pair[0] in ends}


def test_only_policy_releases():
    """There is no way to a partner that does not pass through the release event."""
    left = {ReleaseState.RELEASED, ReleaseState.DELIVERING, ReleaseState.DELIVERED, ReleaseState.OPENED}
    into = {(before, event) for (before, event), after in RELEASE.items() if after in left and before not in left}
    assert into == {
        (ReleaseState.SUBMITTED, ReleaseEvent.RELEASE),
        (ReleaseState.HELD, ReleaseEvent.RELEASE),
        (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_DELIVERED),
        (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_OPENED),
        (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_DELIVERED),
        (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_OPENED),
    }
    assert {pair[0] for pair, after in RELEASE.items() if after is ReleaseState.EXPIRED} == {
        ReleaseState.RELEASED,
        ReleaseState.DELIVERING,
    }
