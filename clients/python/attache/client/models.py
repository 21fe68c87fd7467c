"""What the agency API answers, as frozen values.

A member that this version does not know is kept (`model_extra`), and states are plain strings, so that a newer
gateway breaks nobody. Values pickle, and none of them holds a secret.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

SETTLED_STATES = frozenset({"rejected", "denied", "delivered", "opened", "refused", "undeliverable"})
"""States of a release in which nothing more is to be done by its originator."""

_NEVER_ARRIVES = frozenset({"rejected", "denied", "refused", "undeliverable"})


class View(BaseModel):
    """A frozen answer that keeps what it does not know."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class PartView(View):
    """One part: its declared facts, and whether its content is there."""

    name: str
    media_type: str
    bytes: int | None = None
    sha256: str | None = None
    markings: tuple[str, ...] = ()
    content_class: tuple[str, ...] = ()
    evaluation: str = "unevaluated"
    uploaded: bool = True


class PartDecisionView(View):
    """What policy says of one part: `disclose`, `mask`, `withhold` or `hold`, by which rules and why."""

    name: str
    outcome: str
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class HandlingView(View):
    """What the recipient is obliged to."""

    retention_days: int | None = None
    caveats: tuple[str, ...] = ()
    onward: str | None = None


class DecisionView(View):
    """Policy's answer for one recipient: `release`, `partial`, `hold` or `deny`."""

    decision_id: str | None = None
    recipient: str
    desk: str | None = None
    outcome: str
    parts: tuple[PartDecisionView, ...] = ()
    handling: HandlingView | None = None
    policy_set_hash: str = ""
    shard_hash: str = ""


class ConditionView(View):
    """One legal condition in words, and whether it is so."""

    words: str
    is_so: bool


class RuleView(View):
    """A rule that matters to a unit."""

    rule: str
    permits: bool
    applies: bool
    why: str = ""
    cite: str = ""
    conditions: tuple[ConditionView, ...] = ()


class LeverView(View):
    """One thing that an officer can obtain or choose."""

    kind: str
    value: str
    words: str


class UnitExplanationView(View):
    """Why a part, or a field of it, stays. Each of `ways` is a smallest set of things that would release it."""

    part: str
    field: str | None = None
    outcome: str
    blocking: tuple[RuleView, ...] = ()
    permitting: tuple[RuleView, ...] = ()
    nearest: tuple[RuleView, ...] = ()
    ways: tuple[tuple[LeverView, ...], ...] = ()
    more_ways: int = 0


class ExplanationView(View):
    """What would stay, and why. `caution` says what an explanation does not show."""

    recipient: str
    desk: str | None = None
    outcome: str
    units: tuple[UnitExplanationView, ...] = ()
    more_units: int = 0
    caution: str = ""


class ReleaseView(View):
    """One recipient's life of a package."""

    recipient: str
    desk: str | None = None
    state: str
    post: str | None = None
    changed_at: datetime | None = None
    decision: DecisionView | None = None
    approval_id: str | None = None
    problem: str | None = None
    receipts: tuple[str, ...] = ()


class PackageView(View):
    """A package at its originator."""

    package_id: str
    state: str
    kind: str
    title: str
    created_at: datetime
    submitted_at: datetime | None = None
    parts: tuple[PartView, ...] = ()
    recipients: tuple[ReleaseView, ...] = ()

    def has_reached(self, until: str) -> bool:
        """Whether every recipient is `settled`, or has it `delivered` or `opened`, or will never get it."""
        enough = {
            "settled": SETTLED_STATES,
            "delivered": _NEVER_ARRIVES | {"delivered", "opened"},
            "opened": _NEVER_ARRIVES | {"opened"},
        }[until]
        return bool(self.recipients) and all(release.state in enough for release in self.recipients)


class ReceiptView(View):
    """A receipt as the originator holds it; `signed` is the recipient's JWS, to be verified offline."""

    receipt: str
    recipient: str
    at: datetime
    signed: dict[str, Any]


class ApprovalView(View):
    """A release that waits for a second officer; `parts` are exactly what would leave."""

    approval_id: str
    package_id: str
    recipient: str
    desk: str | None = None
    post: str
    state: str
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    decided_at: datetime | None = None
    title: str = ""
    kind: str = ""
    purpose: str = ""
    legal_basis: str = ""
    parts: tuple[PartView, ...] = ()


class ArrivalView(View):
    """A package that arrived here."""

    originator: str
    package_id: str
    state: str
    kind: str = ""
    title: str = ""
    thread_id: str | None = None
    in_reply_to: str | None = None
    received_at: datetime | None = None
    parts: tuple[PartView, ...] = ()
    markings: tuple[str, ...] = ()
    handling_codes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    retain_until: datetime | None = None
    onward: str | None = None
    purpose: str | None = None


class ParticipantView(View):
    """A participant by the descriptor now in force."""

    participant: str
    name: str
    jurisdiction: str | None = None
    post: str | None = None
    serial: int
    status: str
    suites: tuple[str, ...] = ()
    fingerprint: str = ""


class EntryView(View):
    """One entry of the exchange log."""

    index: int
    at: datetime
    event: str
    actor: str | None = None
    objects: dict[str, Any] = {}
    fields: dict[str, Any] = {}
