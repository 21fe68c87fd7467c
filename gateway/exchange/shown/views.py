"""What callers are shown. The same shapes in REST, SDK and CLI."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PartView(View):
    name: str
    media_type: str
    bytes: int | None
    sha256: str | None
    markings: Sequence[str]
    content_class: Sequence[str]
    evaluation: str
    uploaded: bool = True


class FieldDecisionView(View):
    """What happens to one field within a part. The path "" stands for what no other field covers."""

    path: str
    outcome: str
    rules: Sequence[str]
    reasons: Sequence[str]


class PartDecisionView(View):
    """What happens to one part, the rules that decided, and why in words.

    `fields`: those within it, what does not leave in the clear first; `more_fields` are not shown.
    """

    name: str
    outcome: str
    rules: Sequence[str]
    reasons: Sequence[str]
    fields: Sequence[FieldDecisionView] = ()
    more_fields: int = 0


class HandlingView(View):
    retention_days: int
    caveats: Sequence[str]
    onward: str


class DecisionView(View):
    """Policy's answer for one recipient. `decision_id` is null in a dry run."""

    decision_id: str | None
    recipient: str
    desk: str | None
    outcome: str
    parts: Sequence[PartDecisionView]
    handling: HandlingView | None
    policy_set_hash: str
    shard_hash: str


class ReleaseView(View):
    """One recipient's life of a package."""

    recipient: str
    desk: str | None
    state: str
    post: str
    changed_at: datetime
    decision: DecisionView | None
    approval_id: str | None
    problem: str | None
    receipts: Sequence[str]


class PackageView(View):
    package_id: str
    state: str
    kind: str
    title: str
    created_at: datetime
    submitted_at: datetime | None
    parts: Sequence[PartView]
    recipients: Sequence[ReleaseView]
    purged_at: datetime | None = None
    """When its content was destroyed. Then the state is `purged`, and title, parts and decisions are no more."""


class PackagePage(View):
    packages: Sequence[PackageView]
    next: str | None


class DryRunView(View):
    recipients: Sequence[DecisionView]


class ConditionView(View):
    """One legal condition in words, and whether it is so."""

    words: str
    is_so: bool


class RuleView(View):
    """A rule that matters to a unit: a permit or a forbid, and whether it applies."""

    rule: str
    permits: bool
    applies: bool
    why: str
    cite: str
    conditions: Sequence[ConditionView]


class LeverView(View):
    """One thing to obtain or to choose."""

    kind: str
    value: str
    words: str


class UnitExplanationView(View):
    """Why a part or field stays. `ways`: each a smallest set of things that would release it; `more_ways` exist."""

    part: str
    field: str | None
    outcome: str
    blocking: Sequence[RuleView]
    permitting: Sequence[RuleView]
    nearest: Sequence[RuleView]
    ways: Sequence[Sequence[LeverView]]
    more_ways: int


class ExplanationView(View):
    """What would stay, and why. `caution` says what this does not show."""

    recipient: str
    desk: str | None
    outcome: str
    units: Sequence[UnitExplanationView]
    more_units: int
    caution: str


class ReceiptView(View):
    receipt: str
    recipient: str
    at: datetime
    signed: dict[str, Any]


class ReceiptList(View):
    receipts: Sequence[ReceiptView]


class LeavingPartView(PartView):
    """A part as it would leave: `bytes` and `sha256` are those of what would leave; null in lists, and once nobody can tell.

    `fields`: what would become of those within it, what would not leave in the clear first; `more_fields` are not shown.
    """

    fields: Sequence[FieldDecisionView] = ()
    more_fields: int = 0


class ApprovalView(View):
    """A release that waits. `parts` is exactly what would leave."""

    approval_id: str
    package_id: str
    recipient: str
    desk: str | None
    post: str
    state: str
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    title: str
    kind: str
    purpose: str
    legal_basis: str
    parts: Sequence[LeavingPartView]


class ApprovalList(View):
    approvals: Sequence[ApprovalView]


class ReviewView(View):
    """A release that went at once and is to be reviewed."""

    package_id: str
    recipient: str
    post: str
    state: str
    booked_at: datetime
    due_at: datetime
    reviewed_at: datetime | None


class ReviewList(View):
    reviews: Sequence[ReviewView]


class OfficerView(View):
    """An officer, by pseudonymous id, and the posts for which approving is withdrawn; `*` for all."""

    officer: str
    withdrawn_posts: Sequence[str]
    changed_at: datetime


class ConsentView(View):
    """A consent. `signed` is the originator's JWS, to be verified offline."""

    consent_id: str
    originator: str
    holder: str
    recipient: str
    at: datetime
    expires_at: datetime
    signed: dict[str, Any] | None


class ConsentList(View):
    consents: Sequence[ConsentView]
    next: str | None


class ConsentRequestView(View):
    """A request for consent and its answer. What was asked in words alone states no part, purpose or reason."""

    holder: str
    request_id: str
    originator: str
    package_id: str
    recipient: str | None
    part: str | None
    content_sha256: str | None
    purpose: str | None
    reason: str | None
    state: str
    asked_at: datetime
    changed_at: datetime
    consent_id: str | None
    refusal: dict[str, Any] | None
    """The originator's signed refusal."""


class ConsentRequestList(View):
    requests: Sequence[ConsentRequestView]
    next: str | None


class ArrivalView(View):
    """A package that came to us. The facts are the originator's, verified."""

    originator: str
    package_id: str
    state: str
    received_at: datetime
    kind: str
    title: str
    purpose: str
    in_reply_to: str | None
    thread_id: str | None
    markings: Sequence[str]
    handling_codes: Sequence[str]
    caveats: Sequence[str]
    retain_until: datetime | None
    onward: str
    parts: Sequence[PartView]
    purged_at: datetime | None = None
    """When its content was destroyed. Then the state is `purged`, and what its originator said of it is no more."""


class ArrivalPage(View):
    packages: Sequence[ArrivalView]
    next: str | None


class ParticipantView(View):
    participant: str
    name: str
    jurisdiction: str
    post: str
    serial: int
    status: str
    suites: Sequence[str]
    fingerprint: str


class ParticipantList(View):
    participants: Sequence[ParticipantView]


class OfficerList(View):
    officers: Sequence[OfficerView]


class PolicyChangeView(View):
    """One partner and form in which answers change. `request` is one that shows it; without it, see `undecided`."""

    partner: str
    what: str
    widens: bool
    undecided: bool
    request: dict[str, Any] | None
    words: str


class PolicyDiffView(View):
    """What would change if `policy_sha256` came into force instead of `against`."""

    policy_sha256: str
    against: str
    widens: bool
    reading_changed: bool
    changes: Sequence[PolicyChangeView]


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


class PolicySetView(View):
    """A policy set on record. Officers are pseudonymous ids."""

    policy_sha256: str
    state: str
    cases: int
    proposed_by: str
    proposed_at: datetime
    activated_by: str
    activated_at: datetime | None


class PolicySetList(View):
    policies: Sequence[PolicySetView]


class PolicyFilesView(PolicySetView):
    """A policy set with its files, by their paths."""

    files: dict[str, str]


class EntryView(View):
    """A log entry with its private part opened."""

    index: int
    at: datetime
    event: str
    actor: str
    objects: dict[str, str]
    fields: dict[str, Any]


class EntryPage(View):
    entries: Sequence[EntryView]
    next: str | None
