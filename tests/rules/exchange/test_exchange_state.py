"""The life cycles of what is on record: every pair of state and event has an answer, and it is the one written here."""

import itertools

import pytest

from attache.errors import IllegalTransition
from gateway.exchange.kernel.state import (
    APPROVAL,
    ARRIVAL,
    CONSENT_REQUEST,
    OUTBOX,
    PACKAGE,
    POLICY_SET,
    PURGE,
    RELEASE,
    REVIEW,
    ReleaseEvent,
    ReleaseState,
    advance,
)

# One line for each state; "-" is an illegal transition.
GRIDS = {
    "release": (
        RELEASE,
        """
        .             await-approval deny   release  reject   deliver    receipt-delivered receipt-opened receipt-refused give-up expire
        submitted     held denied released -        -          -         -      -       -             -
        held          -    denied released rejected -          -         -      -       -             -
        rejected      -    -      -        -        -          -         -      -       -             -
        denied        -    -      -        -        -          -         -      -       -             -
        released      -    -      -        -        delivering delivered opened refused undeliverable expired
        delivering    -    -      -        -        delivering delivered opened refused undeliverable expired
        delivered     -    -      -        -        -          delivered opened -       -             -
        opened        -    -      -        -        -          opened    opened -       -             -
        refused       -    -      -        -        -          -         -      -       -             -
        undeliverable -    -      -        -        -          delivered opened -       -             -
        expired       -    -      -        -        -          delivered opened -       -             -
        """,
    ),
    "arrival": (
        ARRIVAL,
        """
        .         complete open   expire
        receiving received -      expired
        received  received opened -
        opened    opened   opened -
        expired   -        -      -
        """,
    ),
    "package": (
        PACKAGE,
        """
        .         submit
        draft     submitted
        submitted -
        """,
    ),
    "outbox": (
        OUTBOX,
        """
        .       deliver give-up
        pending done    failed
        done    -       -
        failed  -       -
        """,
    ),
    "approval": (
        APPROVAL,
        """
        .        approve  reject   void
        pending  approved rejected void
        approved -        -        -
        rejected -        -        -
        void     -        -        -
        """,
    ),
    "review": (
        REVIEW,
        """
        .             miss    justified not-justified
        booked        overdue justified not-justified
        overdue       -       justified not-justified
        justified     -       -         -
        not-justified -       -         -
        """,
    ),
    "policy set": (
        POLICY_SET,
        """
        .        propose  activate retire
        proposed proposed active   -
        active   -        -        retired
        retired  proposed -        -
        """,
    ),
    "purge": (
        PURGE,
        """
        .        approve reject   lapse
        ordered  done    rejected lapsed
        done     -       -        -
        rejected -       -        -
        lapsed   -       -        -
        """,
    ),
    "consent request": (
        CONSENT_REQUEST,
        """
        .       give  refuse
        asked   given refused
        given   -     -
        refused -     -
        """,
    ),
}


def cells(name: str):
    """State, event and answer of every cell of a grid, the first two as the table's own."""
    table, grid = GRIDS[name]
    states, events = (type(each) for each in next(iter(table)))
    header, *lines = (line.split() for line in grid.strip().splitlines())
    for state, *answers in lines:
        for event, answer in zip(header[1:], answers, strict=True):
            yield states(state), events(event), answer


@pytest.mark.parametrize("name", GRIDS)
def test_every_pair_is_written_here(name):
    written = [(state, event) for state, event, _ in cells(name)]
    states, events = (type(each) for each in written[0])
    assert sorted(written) == sorted(itertools.product(states, events))


@pytest.mark.parametrize(
    ("name", "state", "event", "answer"),
    [pytest.param(name, *cell, id=f"{name}, {cell[0]}, {cell[1]}") for name in GRIDS for cell in cells(name)],
)
def test_every_pair_has_this_answer(name, state, event, answer):
    expect(GRIDS[name][0], state, event, answer)


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
        (ReleaseState.AWAITING_APPROVAL, ReleaseEvent.RELEASE),
        (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_DELIVERED),
        (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_OPENED),
        (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_DELIVERED),
        (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_OPENED),
    }
    assert {pair[0] for pair, after in RELEASE.items() if after is ReleaseState.EXPIRED} == {
        ReleaseState.RELEASED,
        ReleaseState.DELIVERING,
    }
