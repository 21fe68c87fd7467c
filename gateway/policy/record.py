"""The record of a decision: every fact used and the answer, as canonical bytes that replay to themselves."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attache import strict_json
from attache.errors import AttacheError, IntegrityLost, MalformedInput
from gateway.policy.decision import Decision
from gateway.policy.request import ReleaseRequest

FORMAT = "attache-decision/1"
_BOUND = ("package_id", "kind", "purpose", "recipient", "recipient_desk", "legal_basis", "channel", "urgency")
_BOUND_TOO = ("content_digest", "crime_types", "named_recipients", "handling_codes", "parts", "assurances", "caveats")

_REQUEST = TypeAdapter(ReleaseRequest)
_DECISION = TypeAdapter(Decision)


def plain(value: Any) -> Any:
    """A value as JSON: sets sorted, instants in UTC, members of dataclasses by name."""
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
    return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}


def record_of(own: str, facts: Mapping[str, Any], decision: Decision) -> bytes:
    """The canonical bytes of a request's plain facts and of the answer to it."""
    answer = {field.name: plain(getattr(decision, field.name)) for field in fields(decision) if field.name != "record"}
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
    """The answer in a record; raises IntegrityLost for what is no record. Not checked: that it replays (`replay`)."""
    try:
        return _DECISION.validate_python({**strict_json.parse_object(record)["decision"], "record": record})
    except (AttacheError, ValidationError, KeyError, TypeError):
        raise IntegrityLost(detail="not a record of a decision", step="record") from None


def digest_of(shard_hash: str, desk: str, facts: Mapping[str, Any]) -> str:
    """What an approval is bound to, from a request's plain facts. Hex.

    Content, classification, recipient, purpose, basis, channel, urgency, the papers on file and the rules themselves:
    all that decides what would leave. Not the clock, the approvals, or a retention shorter than the rules'.
    """
    bound = {name: facts[name] for name in (*_BOUND, *_BOUND_TOO, "review_within_hours")}
    bound["consents"] = sorted(facts["consents"], key=strict_json.canonical)
    return hashlib.sha256(strict_json.canonical({"shard": shard_hash, "desk": desk, "release": bound})).hexdigest()
