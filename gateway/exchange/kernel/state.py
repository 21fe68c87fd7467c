"""The lives of a package, as tables: every pair of state and event is either a next state or an IllegalTransition."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from attache.errors import IllegalTransition


class ReleaseState(StrEnum):
    """One recipient's life of a package, at the originator."""

    SUBMITTED = "submitted"
    HELD = "held"
    REJECTED = "rejected"
    DENIED = "denied"
    RELEASED = "released"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    OPENED = "opened"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"


class ReleaseEvent(StrEnum):
    HOLD = "hold"
    DENY = "deny"
    RELEASE = "release"
    REJECT = "reject"
    DELIVER = "deliver"
    RECEIPT_DELIVERED = "receipt-delivered"
    RECEIPT_OPENED = "receipt-opened"
    RECEIPT_REFUSED = "receipt-refused"
    GIVE_UP = "give-up"
    EXPIRE = "expire"


class ArrivalState(StrEnum):
    """A package at its recipient."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    OPENED = "opened"
    EXPIRED = "expired"


class ArrivalEvent(StrEnum):
    COMPLETE = "complete"
    OPEN = "open"
    EXPIRE = "expire"


RELEASE: Mapping[tuple[ReleaseState, ReleaseEvent], ReleaseState] = {
    (ReleaseState.SUBMITTED, ReleaseEvent.HOLD): ReleaseState.HELD,
    (ReleaseState.SUBMITTED, ReleaseEvent.DENY): ReleaseState.DENIED,
    (ReleaseState.SUBMITTED, ReleaseEvent.RELEASE): ReleaseState.RELEASED,
    (ReleaseState.HELD, ReleaseEvent.RELEASE): ReleaseState.RELEASED,
    # Also when its package expires: what is held has never left.
    (ReleaseState.HELD, ReleaseEvent.REJECT): ReleaseState.REJECTED,
    (ReleaseState.HELD, ReleaseEvent.DENY): ReleaseState.DENIED,
    (ReleaseState.RELEASED, ReleaseEvent.DELIVER): ReleaseState.DELIVERING,
    (ReleaseState.DELIVERING, ReleaseEvent.DELIVER): ReleaseState.DELIVERING,
    # A mailbox is emptied by its owner: nothing is ever delivering to it.
    (ReleaseState.RELEASED, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.DELIVERED,
    (ReleaseState.RELEASED, ReleaseEvent.RECEIPT_REFUSED): ReleaseState.REFUSED,
    (ReleaseState.RELEASED, ReleaseEvent.GIVE_UP): ReleaseState.UNDELIVERABLE,
    (ReleaseState.DELIVERING, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.DELIVERED,
    (ReleaseState.DELIVERING, ReleaseEvent.RECEIPT_REFUSED): ReleaseState.REFUSED,
    (ReleaseState.DELIVERING, ReleaseEvent.GIVE_UP): ReleaseState.UNDELIVERABLE,
    (ReleaseState.RELEASED, ReleaseEvent.EXPIRE): ReleaseState.EXPIRED,
    (ReleaseState.DELIVERING, ReleaseEvent.EXPIRE): ReleaseState.EXPIRED,
    # A signed receipt is evidence whenever it comes: also after we gave up, also opened before delivered.
    # protocol C5
    (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.DELIVERED,
    (ReleaseState.UNDELIVERABLE, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
    (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.DELIVERED,
    (ReleaseState.EXPIRED, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
    (ReleaseState.RELEASED, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
    # protocol C5
    (ReleaseState.DELIVERING, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
    (ReleaseState.DELIVERED, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
    (ReleaseState.DELIVERED, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.DELIVERED,
    (ReleaseState.OPENED, ReleaseEvent.RECEIPT_DELIVERED): ReleaseState.OPENED,
    (ReleaseState.OPENED, ReleaseEvent.RECEIPT_OPENED): ReleaseState.OPENED,
}

ARRIVAL: Mapping[tuple[ArrivalState, ArrivalEvent], ArrivalState] = {
    (ArrivalState.RECEIVING, ArrivalEvent.COMPLETE): ArrivalState.RECEIVED,
    (ArrivalState.RECEIVING, ArrivalEvent.EXPIRE): ArrivalState.EXPIRED,
    (ArrivalState.RECEIVED, ArrivalEvent.COMPLETE): ArrivalState.RECEIVED,
    (ArrivalState.OPENED, ArrivalEvent.COMPLETE): ArrivalState.OPENED,
    (ArrivalState.RECEIVED, ArrivalEvent.OPEN): ArrivalState.OPENED,
    (ArrivalState.OPENED, ArrivalEvent.OPEN): ArrivalState.OPENED,
}

UNDER_WAY = (ReleaseState.HELD, ReleaseState.RELEASED, ReleaseState.DELIVERING)
"""The states of a release that goes on by itself or by an officer, and that ends when its package expires."""

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def advance(table: Mapping[tuple[State, Event], State], state: State, event: Event) -> State:
    """The state after `event`; raises IllegalTransition where the table has none."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition("illegal-transition", f"{event} is not possible once {state}") from None
