"""Policy's answers: decisions, explanations and replays."""

from datetime import datetime
from typing import Annotated, Any

from attache.wire.view import LATER, Absent, View


class FieldDecisionView(View):
    """What happens to one field within a part. The path "" stands for what no other field covers."""

    path: str
    outcome: str
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class PartDecisionView(View):
    """What happens to one part (`disclose`, `mask`, `withhold` or `hold`), the rules that decided, and why in words.

    `fields`: those within it, what does not leave in the clear first; `more_fields` are not shown.
    """

    name: str
    outcome: str
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    fields: Annotated[tuple[FieldDecisionView, ...], LATER] = ()
    more_fields: Annotated[int, LATER] = 0


class HandlingView(View):
    """What the recipient is obliged to."""

    retention_days: int | Absent = None
    caveats: tuple[str, ...] = ()
    onward: str | Absent = None


class DecisionView(View):
    """Policy's answer for one recipient: `release`, `partial`, `hold` or `deny`. `decision_id` is null in a dry run."""

    decision_id: str | None = None
    recipient: str
    desk: str | None = None
    outcome: str
    parts: tuple[PartDecisionView, ...] = ()
    handling: HandlingView | None = None
    policy_set_hash: str = ""
    shard_hash: str = ""


class DryRunView(View):
    """What policy would decide, for each recipient."""

    recipients: tuple[DecisionView, ...]


class ConditionView(View):
    """One legal condition in words, and whether it is so."""

    words: str
    is_so: bool


class RuleView(View):
    """A rule that matters to a unit: a permit or a forbid, and whether it applies."""

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
    """Why a part or field stays. `ways`: each a smallest set of things that would release it; `more_ways` exist."""

    part: str
    field: str | None = None
    outcome: str
    blocking: tuple[RuleView, ...] = ()
    permitting: tuple[RuleView, ...] = ()
    nearest: tuple[RuleView, ...] = ()
    ways: tuple[tuple[LeverView, ...], ...] = ()
    more_ways: int = 0


class ExplanationView(View):
    """What would stay, and why. `caution` says what this does not show."""

    recipient: str
    desk: str | None = None
    outcome: str
    units: tuple[UnitExplanationView, ...] = ()
    more_units: int = 0
    caution: str = ""


class ReplayView(View):
    """A decision made again from what is on record, byte for byte as it was made, and where the log says so."""

    decision_id: str
    package_id: str
    recipient: str
    decided_at: datetime
    outcome: str
    policy_set_hash: str
    record_sha256: str
    log_index: int
    record: dict[str, Any]
