"""Releases that an officer approves or reviews, and which officers may approve."""

from collections.abc import Sequence
from pathlib import Path

from attache.client.agency.base import path_of, post, to_file
from attache.client.call import Call, Plan, view_of, views_of, whole
from attache.client.quarantine import plain_name
from attache.wire.approvals import ApprovalView
from attache.wire.officers import OfficerView
from attache.wire.reviews import ReviewView


def approvals(limit: int) -> Call[tuple[ApprovalView, ...]]:
    return Call("GET", path_of("approvals"), whole(views_of(ApprovalView, "approvals")), {"limit": str(limit)})


def approval(approval_id: str) -> Call[ApprovalView]:
    return Call("GET", path_of("approvals", approval_id), whole(view_of(ApprovalView)))


def decide_approval(approval_id: str, decision: str, reason: str, idempotency_key: str) -> Call[ApprovalView]:
    body = {"decision": decision, "reason": reason}
    return post(["approvals", approval_id], ApprovalView, idempotency_key, body)


def save_leaving(approval: ApprovalView, folder: Path) -> Plan[tuple[Path, ...]]:
    """Save the content that would leave, part by part, into `folder`. Saves nothing if the name of a part cannot be a file name."""
    targets = [folder / plain_name(part.name) for part in approval.parts]
    saved = []
    for part, target in zip(approval.parts, targets, strict=True):
        path = path_of("approvals", approval.approval_id, "parts", part.name)
        saved.append((yield Call("GET", path, to_file(target, part.bytes, part.sha256))))
    return tuple(saved)


def reviews(limit: int) -> Call[tuple[ReviewView, ...]]:
    return Call("GET", path_of("reviews"), whole(views_of(ReviewView, "reviews")), {"limit": str(limit)})


def review(package_id: str, recipient: str, finding: str, note: str, idempotency_key: str) -> Call[ReviewView]:
    return post(["reviews", package_id, recipient], ReviewView, idempotency_key, {"finding": finding, "note": note})


def officers() -> Call[tuple[OfficerView, ...]]:
    return Call("GET", path_of("officers"), whole(views_of(OfficerView, "officers")))


def withdraw_officer(officer: str, posts: Sequence[str], note: str, idempotency_key: str) -> Call[OfficerView]:
    body = {"officer": officer, "posts": list(posts), "note": note}
    return post(["officers", "withdrawal"], OfficerView, idempotency_key, body)


def reinstate_officer(officer: str, note: str, idempotency_key: str) -> Call[OfficerView]:
    return post(["officers", "reinstatement"], OfficerView, idempotency_key, {"officer": officer, "note": note})
