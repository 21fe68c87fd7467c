"""From records to what callers are shown of the office: consents, reviews, officers, policies and replays."""

import json
from typing import Any

from attache.wire.consents import ConsentRequestView, ConsentView
from attache.wire.decisions import ReplayView
from attache.wire.officers import OfficerView
from attache.wire.policies import PolicyChangeView, PolicyDiffView, PolicySetView
from attache.wire.reviews import ReviewView
from gateway.exchange.consents.ask import KnownRequest
from gateway.exchange.kernel.records import ConsentRecord, OfficerRecord, PolicySetRecord, ReviewRecord
from gateway.exchange.oversight.policy_diff import ComparedSets
from gateway.exchange.oversight.replay import Replayed
from gateway.policy.record import plain


def consent_view(record: ConsentRecord, signed: dict[str, Any] | None = None) -> ConsentView:
    """A consent, with its signed statement where that is asked for."""
    same = ("consent_id", "originator", "holder", "recipient", "at", "expires_at")
    return ConsentView(**{name: getattr(record, name) for name in same}, signed=signed)


def consent_request_view(known: KnownRequest) -> ConsentRequestView:
    """A request for consent with its answer."""
    record = known.record
    same = ("holder", "request_id", "originator", "package_id", "state", "asked_at", "changed_at")
    shown: dict[str, Any] = {name: getattr(record, name) for name in same}
    shown |= {name: known.facts.get(name) for name in ("part", "content_sha256", "purpose", "reason")}
    return ConsentRequestView(
        **shown,
        recipient=record.recipient or None,
        consent_id=record.consent_id or None,
        refusal=known.refusal,
    )


def review_view(record: ReviewRecord) -> ReviewView:
    """A review, done or to be done."""
    return ReviewView(**{name: getattr(record, name) for name in ReviewView.model_fields})


def officer_view(record: OfficerRecord) -> OfficerView:
    """An officer's standing."""
    withdrawn = record.withdrawn_posts.split(",") if record.withdrawn_posts else []
    return OfficerView(officer=record.officer, withdrawn_posts=withdrawn, changed_at=record.changed_at)


def policy_set_view(record: PolicySetRecord) -> PolicySetView:
    """A policy set on record."""
    return PolicySetView(**{name: getattr(record, name) for name in PolicySetView.model_fields})


def policy_diff_view(compared: ComparedSets) -> PolicyDiffView:
    """What a proposed set would change, each change with the request that shows it."""
    found = compared.diff
    changes = [
        PolicyChangeView(
            partner=change.partner,
            what=change.what,
            widens=change.widens,
            undecided=change.undecided,
            request=plain(change.example.request) if change.example else None,
            words=change.example.render() if change.example else "",
        )
        for change in found.changes
    ]
    return PolicyDiffView(
        policy_sha256=compared.policy_sha256,
        against=compared.against,
        widens=found.widens,
        reading_changed=found.reading_changed,
        changes=changes,
    )


def replay_view(replayed: Replayed) -> ReplayView:
    """A decision that replayed to itself."""
    same = ("decision_id", "package_id", "recipient", "decided_at", "outcome", "policy_set_hash")
    return ReplayView(
        **{name: getattr(replayed.stored, name) for name in same},
        record_sha256=replayed.record_sha256,
        log_index=replayed.log_index,
        record=json.loads(replayed.decision.record),
    )
