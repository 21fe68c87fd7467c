"""The life cycles of what is on record, as tables:
every pair of state and event is either a next state or an IllegalTransition.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from attache.errors import IllegalTransition


class ReleaseState(StrEnum):
    """The release of a package to one recipient, at the originator. `held`: it waits for an approval."""

    SUBMITTED = "submitted"
    AWAITING_APPROVAL = "held"
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
    AWAIT_APPROVAL = "await-approval"
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


class PackageState(StrEnum):
    """A package at its originator. Each recipient's release of it has a state of its own."""

    DRAFT = "draft"
    SUBMITTED = "submitted"


class OutboxState(StrEnum):
    """A statement that is to be carried to a partner."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class ApprovalState(StrEnum):
    """An approval that a release waits for."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    VOID = "void"


class ReviewState(StrEnum):
    """A review of what was released at once."""

    BOOKED = "booked"
    OVERDUE = "overdue"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


class PolicySetState(StrEnum):
    """A policy set. At most one is active."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    RETIRED = "retired"


class PurgeState(StrEnum):
    """An order to purge packages before their time."""

    ORDERED = "ordered"
    DONE = "done"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class ConsentState(StrEnum):
    """What became of a request for consent. A consent that was given ends when it expires."""

    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"


class PackageEvent(StrEnum):
    SUBMIT = "submit"


class OutboxEvent(StrEnum):
    DELIVER = "deliver"
    GIVE_UP = "give-up"


class ApprovalEvent(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    VOID = "void"


class ReviewEvent(StrEnum):
    MISS = "miss"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


class PolicySetEvent(StrEnum):
    PROPOSE = "propose"
    ACTIVATE = "activate"
    RETIRE = "retire"


class PurgeEvent(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    LAPSE = "lapse"


class ConsentEvent(StrEnum):
    GIVE = "give"
    REFUSE = "refuse"


RELEASE: Mapping[tuple[ReleaseState, ReleaseEvent], ReleaseState] = {
    (ReleaseState.SUBMITTED, ReleaseEvent.AWAIT_APPROVAL): ReleaseState.AWAITING_APPROVAL,
    (ReleaseState.SUBMITTED, ReleaseEvent.DENY): ReleaseState.DENIED,
    (ReleaseState.SUBMITTED, ReleaseEvent.RELEASE): ReleaseState.RELEASED,
    (ReleaseState.AWAITING_APPROVAL, ReleaseEvent.RELEASE): ReleaseState.RELEASED,
    # Also when its package expires: what is held has never left.
    (ReleaseState.AWAITING_APPROVAL, ReleaseEvent.REJECT): ReleaseState.REJECTED,
    (ReleaseState.AWAITING_APPROVAL, ReleaseEvent.DENY): ReleaseState.DENIED,
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

PACKAGE: Mapping[tuple[PackageState, PackageEvent], PackageState] = {
    (PackageState.DRAFT, PackageEvent.SUBMIT): PackageState.SUBMITTED,
}

OUTBOX: Mapping[tuple[OutboxState, OutboxEvent], OutboxState] = {
    (OutboxState.PENDING, OutboxEvent.DELIVER): OutboxState.DONE,
    (OutboxState.PENDING, OutboxEvent.GIVE_UP): OutboxState.FAILED,
}

APPROVAL: Mapping[tuple[ApprovalState, ApprovalEvent], ApprovalState] = {
    (ApprovalState.PENDING, ApprovalEvent.APPROVE): ApprovalState.APPROVED,
    (ApprovalState.PENDING, ApprovalEvent.REJECT): ApprovalState.REJECTED,
    (ApprovalState.PENDING, ApprovalEvent.VOID): ApprovalState.VOID,
}

REVIEW: Mapping[tuple[ReviewState, ReviewEvent], ReviewState] = {
    (ReviewState.BOOKED, ReviewEvent.MISS): ReviewState.OVERDUE,
    (ReviewState.BOOKED, ReviewEvent.JUSTIFIED): ReviewState.JUSTIFIED,
    (ReviewState.BOOKED, ReviewEvent.NOT_JUSTIFIED): ReviewState.NOT_JUSTIFIED,
    # A late review is still one.
    (ReviewState.OVERDUE, ReviewEvent.JUSTIFIED): ReviewState.JUSTIFIED,
    (ReviewState.OVERDUE, ReviewEvent.NOT_JUSTIFIED): ReviewState.NOT_JUSTIFIED,
}

POLICY_SET: Mapping[tuple[PolicySetState, PolicySetEvent], PolicySetState] = {
    (PolicySetState.PROPOSED, PolicySetEvent.PROPOSE): PolicySetState.PROPOSED,
    (PolicySetState.PROPOSED, PolicySetEvent.ACTIVATE): PolicySetState.ACTIVE,
    (PolicySetState.ACTIVE, PolicySetEvent.RETIRE): PolicySetState.RETIRED,
    # An earlier set may come back, by two officers as every other.
    (PolicySetState.RETIRED, PolicySetEvent.PROPOSE): PolicySetState.PROPOSED,
}

PURGE: Mapping[tuple[PurgeState, PurgeEvent], PurgeState] = {
    (PurgeState.ORDERED, PurgeEvent.APPROVE): PurgeState.DONE,
    (PurgeState.ORDERED, PurgeEvent.REJECT): PurgeState.REJECTED,
    (PurgeState.ORDERED, PurgeEvent.LAPSE): PurgeState.LAPSED,
}

CONSENT_REQUEST: Mapping[tuple[ConsentState, ConsentEvent], ConsentState] = {
    (ConsentState.ASKED, ConsentEvent.GIVE): ConsentState.GIVEN,
    (ConsentState.ASKED, ConsentEvent.REFUSE): ConsentState.REFUSED,
}

UNDER_WAY = (ReleaseState.AWAITING_APPROVAL, ReleaseState.RELEASED, ReleaseState.DELIVERING)
"""The states of a release that goes on by itself or by an officer, and that ends when its package expires."""

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def advance(table: Mapping[tuple[State, Event], State], state: State, event: Event) -> State:
    """The state after `event`; raises IllegalTransition where the table has none."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition("illegal-transition", f"{event} is not possible once {state}") from None
