"""Policies, reviews, officers and consents: what the agency API answers."""

from datetime import datetime
from typing import Any

from attache.client.models import View


class PolicySetView(View):
    """A policy set on record: `proposed`, `active` or `retired`. Officers are pseudonymous ids."""

    policy_sha256: str
    state: str
    cases: int = 0
    proposed_by: str = ""
    proposed_at: datetime | None = None
    activated_by: str = ""
    activated_at: datetime | None = None


class PolicyFilesView(PolicySetView):
    """A policy set with the text of its files, by their paths."""

    files: dict[str, str]


class PolicyChangeView(View):
    """One partner and form in which answers change, with a request that shows it, as facts and in words."""

    partner: str
    what: str
    widens: bool
    undecided: bool = False
    request: dict[str, Any] | None = None
    words: str = ""


class PolicyDiffView(View):
    """What changes if `policy_sha256` comes into force instead of `against`. `widens`: somebody could get what they could not."""

    policy_sha256: str
    against: str
    widens: bool
    reading_changed: bool = False
    changes: tuple[PolicyChangeView, ...] = ()


class ReplayView(View):
    """A decision made again, byte for byte; `log_index` is the entry that holds the digest of its record."""

    decision_id: str
    package_id: str
    recipient: str
    decided_at: datetime
    outcome: str
    policy_set_hash: str
    record_sha256: str
    log_index: int
    record: dict[str, Any]


class ReviewView(View):
    """A release that went at once, to be reviewed by a second officer."""

    package_id: str
    recipient: str
    post: str
    state: str
    booked_at: datetime | None = None
    due_at: datetime | None = None
    reviewed_at: datetime | None = None


class OfficerView(View):
    """An officer, by pseudonymous id, and the posts for which approving is withdrawn; `*` for all."""

    officer: str
    withdrawn_posts: tuple[str, ...] = ()
    changed_at: datetime | None = None


class ConsentView(View):
    """A consent: `holder` may pass a part of `originator`'s on to `recipient`. `signed` is the originator's JWS."""

    consent_id: str
    originator: str
    holder: str
    recipient: str
    at: datetime
    expires_at: datetime
    signed: dict[str, Any] | None = None


class ConsentRequestView(View):
    """A request for consent: `asked`, `given` or `refused`. `refusal` is the originator's signed answer."""

    holder: str
    request_id: str
    originator: str
    package_id: str
    recipient: str | None = None
    part: str | None = None
    content_sha256: str | None = None
    purpose: str | None = None
    reason: str | None = None
    state: str
    asked_at: datetime | None = None
    changed_at: datetime | None = None
    consent_id: str | None = None
    refusal: dict[str, Any] | None = None
