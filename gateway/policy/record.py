"""The record of a decision: all facts and the decision, as canonical bytes. Replaying a record gives the same bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attache import strict_json
from attache.errors import AttacheError, IntegrityLost, MalformedInput
from attache.vocabulary import Markings
from gateway.policy.decision import ApprovalsNeeded, Decision, FieldDecision, Handling, PartDecision
from gateway.policy.request import ApprovalFacts, ConsentFacts, FieldFacts, PartFacts, ReleaseRequest

FORMAT = "attache-decision/1"

BOUND = (
    "package_id",
    "kind",
    "purpose",
    "recipient",
    "recipient_desk",
    "legal_basis",
    "channel",
    "urgency",
    "content_digest",
    "crime_types",
    "named_recipients",
    "handling_codes",
    "parts",
    "assurances",
    "caveats",
    "review_within_hours",
)
"""The members of a request that an approval is bound to. It is also bound to the consents, in any order."""

MEMBERS: Mapping[type[Any], tuple[str, ...]] = {
    Markings: ("tlp", "pap", "orcon", "rel_to"),
    FieldFacts: (
        "path",
        "markings",
        "content_class",
        "origin",
        "handling_codes",
        "unresolved_markings",
        "contradictory_markings",
    ),
    PartFacts: (
        "name",
        "media_type",
        "sha256",
        "origin",
        "markings",
        "content_class",
        "handling_codes",
        "evaluation",
        "delete_by",
        "caveats",
        "unresolved_markings",
        "contradictory_markings",
        "fields",
    ),
    ApprovalFacts: ("officer", "posts", "may_approve", "digest", "expires_at"),
    ConsentFacts: ("consent_id", "originator", "recipient", "purpose", "content", "expires_at"),
    ReleaseRequest: (
        "package_id",
        "kind",
        "purpose",
        "recipient",
        "requester",
        "post",
        "parts",
        "content_digest",
        "now",
        "legal_basis",
        "recipient_desk",
        "crime_types",
        "urgency",
        "channel",
        "assurances",
        "named_recipients",
        "handling_codes",
        "caveats",
        "retention_days",
        "review_within_hours",
        "wait_for_approval",
        "approvals",
        "consents",
    ),
    FieldDecision: ("path", "outcome", "rules", "reasons", "hidden"),
    PartDecision: ("name", "outcome", "rules", "reasons", "hidden", "fields"),
    Handling: ("retention_days", "caveats", "onward", "review_within_hours"),
    ApprovalsNeeded: ("post", "count", "content_class", "units"),
    Decision: (
        "outcome",
        "parts",
        "handling",
        "approvals_needed",
        "release_digest",
        "policy_set_hash",
        "shard_hash",
        "engine",
    ),
}
"""The members that a record of format `attache-decision/1` always states. Add nothing here: an old record must replay
to the same
bytes, and the digests of approvals cover some of these members."""

_REQUEST = TypeAdapter(ReleaseRequest)
_DECISION = TypeAdapter(Decision)


def plain(value: Any) -> Any:
    """A value as JSON: sets sorted, instants in UTC, members of dataclasses by name.

    The members in `MEMBERS` are always stated. Any other member is stated only if it differs from its default, so that
    records and approvals from before this member existed keep their bytes.
    """
    kind = type(value)
    if kind in {str, int, bool, type(None)}:
        return value
    if kind is tuple:
        return [plain(member) for member in value]
    if kind is frozenset:
        return sorted(plain(member) for member in value)
    if issubclass(kind, Enum):
        return value.value
    if issubclass(kind, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    stated = {name: plain(getattr(value, name)) for name in MEMBERS[kind]}
    for name, default in _later_members(kind):  # type: ignore[arg-type]
        if getattr(value, name) != default:
            stated[name] = plain(getattr(value, name))
    return stated


@cache
def _later_members(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """The members that `MEMBERS` does not name, with their defaults."""
    return tuple((member.name, member.default) for member in fields(kind) if member.name not in MEMBERS[kind])


def record_of(own: str, facts: Mapping[str, Any], decision: Decision) -> bytes:
    """The record of a decision: canonical bytes of the request's plain facts and of the decision."""
    answer = plain(replace(decision, record=b""))
    return strict_json.canonical({"format": FORMAT, "own": own, "request": facts, "decision": answer})


def parse_request(raw: Mapping[str, Any]) -> ReleaseRequest:
    """A request from a record's facts; raises MalformedInput("malformed-request") naming the first wrong member."""
    try:
        return _REQUEST.validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise MalformedInput("malformed-request", f"{where}: {first['msg'][:200]}") from None


def parse_decision(record: bytes) -> Decision:
    """The decision in a record; raises IntegrityLost for anything else. Not checked: that it replays (see `replay`)."""
    try:
        return _DECISION.validate_python({**strict_json.parse_object(record)["decision"], "record": record})
    except (AttacheError, ValidationError, KeyError, TypeError):
        raise IntegrityLost(detail="not a record of a decision", step="record") from None


def digest_of(shard_hash: str, desk: str, facts: Mapping[str, Any]) -> str:
    """The digest that an approval is bound to, as hex, from the plain facts of a request.

    It covers everything that determines the release: content, classification, recipient, purpose, legal basis,
    channel, urgency, assurances, consents and the rules. It does not cover the time, the approvals, or a retention
    shorter than that of the rules.
    """
    # A member of a later version is not stated where it is its default.
    bound = {name: facts[name] for name in BOUND if name in facts}
    bound["consents"] = sorted(facts["consents"], key=strict_json.canonical)
    return hashlib.sha256(strict_json.canonical({"shard": shard_hash, "desk": desk, "release": bound})).hexdigest()
