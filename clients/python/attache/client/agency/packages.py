"""Packages that this agency submits: what would be decided, submitting, waiting, receipts and evidence."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attache.client.agency.base import paging, path_of, post, to_file
from attache.client.call import Body, Call, Page, Plan, json_body, nothing_of, page_of, view_of, views_of, whole
from attache.client.submission import Part, Reading, Submission
from attache.errors import AttacheError, MalformedInput
from attache.wire.decisions import DecisionView, ExplanationView
from attache.wire.packages import PackageFilter, PackageView, ReceiptView

INLINE_BYTES = 1 << 20
LONGEST_POLL_SECONDS = 30


def decide(submission: Submission) -> Call[tuple[DecisionView, ...]]:
    return Call(
        "POST", path_of("decisions"), whole(views_of(DecisionView, "recipients")), body=json_body(_question(submission))
    )


def explain(submission: Submission, recipient: str, part: str | None, field: str | None) -> Call[ExplanationView]:
    asked = {"recipient": recipient, "part": part, "field": field}
    body = {**_question(submission), **{name: value for name, value in asked.items() if value is not None}}
    return Call("POST", path_of("decisions", "explanation"), whole(view_of(ExplanationView)), body=json_body(body))


def submit(submission: Submission, idempotency_key: str) -> Plan[PackageView]:
    """Submit a package: in one request where all of it is small, otherwise as draft, parts, and then as a whole.

    The digest of each streamed part is compared with what the gateway holds before the package is submitted.
    Run again with the same key, it goes on with the same draft.
    """
    sizes = [part.size() for part in submission.parts]
    if sum(INLINE_BYTES + 1 if size is None else size for size in sizes) <= INLINE_BYTES:
        whole_package: PackageView = yield post(["packages"], PackageView, idempotency_key, _inline(submission))
        return whole_package
    unsubmitted = {**submission.facts(), "submit": False}
    draft: PackageView = yield post(["packages"], PackageView, idempotency_key, unsubmitted)
    if draft.state != "draft":
        return draft
    digests = {}
    for part in submission.parts:
        reading = Reading(part)
        yield upload(draft.package_id, part, reading)
        digests[part.name] = reading.sha256
    uploaded = yield package(draft.package_id)
    _compare(uploaded, digests)
    submitted: PackageView = yield post(["packages", draft.package_id, "submit"], PackageView, idempotency_key)
    return submitted


def upload(package_id: str, part: Part, reading: Reading) -> Call[None]:
    body = Body(part.media_type, reading.chunks, part.size(), part.is_repeatable())
    return Call("PUT", path_of("packages", package_id, "parts", part.name), whole(nothing_of), body=body)


def package(package_id: str) -> Call[PackageView]:
    return Call("GET", path_of("packages", package_id), whole(view_of(PackageView)))


def packages(wanted: PackageFilter) -> Callable[[str], Call[Page[PackageView]]]:
    """Pages of the packages that fit the filter."""
    members: dict[str, str] = wanted.model_dump(mode="json", exclude_none=True)
    return lambda after: Call(
        "GET", path_of("packages"), whole(page_of(PackageView, "packages")), {**members, **paging(after)}
    )


def wait(package_id: str, until: str, timeout_seconds: int) -> Plan[PackageView]:
    """Ask until every recipient has reached `until`, one long poll after another.

    Raises AttacheError("wait-timed-out") when `timeout_seconds` are spent; the package's last state is in `extra`.
    """
    if until not in ("settled", "delivered", "opened"):
        raise MalformedInput("unknown-term", "wait until settled, delivered or opened")
    left = max(0, timeout_seconds)
    while True:
        poll = min(left, LONGEST_POLL_SECONDS)
        query = {"wait_for": until, "timeout_seconds": str(poll)}
        call = Call("GET", path_of("packages", package_id), whole(view_of(PackageView)), query, patience_seconds=poll)
        seen: PackageView = yield call
        if seen.has_reached(until):
            return seen
        left -= poll
        if left <= 0:
            states = {release.recipient: release.state for release in seen.recipients}
            raise AttacheError("wait-timed-out", f"not {until} after {timeout_seconds} s", extra={"states": states})


def receipts(package_id: str) -> Call[tuple[ReceiptView, ...]]:
    return Call("GET", path_of("packages", package_id, "receipts"), whole(views_of(ReceiptView, "receipts")))


def save_sealed(package_id: str, recipient: str, target: Path) -> Call[Path]:
    return Call("GET", path_of("packages", package_id, "sealed", recipient), to_file(target, None, None))


def save_evidence(package_id: str, recipient: str | None, target: Path) -> Call[Path]:
    query = {"recipient": recipient} if recipient else {}
    return Call("GET", path_of("packages", package_id, "evidence"), to_file(target, None, None), query)


def _inline(submission: Submission) -> dict[str, Any]:
    facts = submission.facts()
    for declared, part in zip(facts["parts"], submission.parts, strict=True):
        content = b"".join(Reading(part).chunks())
        declared["bytes"] = len(content)
        declared["sha256"] = hashlib.sha256(content).hexdigest()
        declared["content"] = _encoded(content)
    return {**facts, "submit": True}


def _question(submission: Submission) -> dict[str, Any]:
    """The facts, with the content of the parts that the gateway reads to decide, up to 1 MiB together."""
    facts = submission.facts()
    left = INLINE_BYTES
    for declared, part in zip(facts["parts"], submission.parts, strict=True):
        size = part.size()
        if part.is_looked_into() and part.is_repeatable() and size is not None and size <= left:
            content = b"".join(Reading(part).chunks())
            declared |= {"content": _encoded(content), "sha256": hashlib.sha256(content).hexdigest()}
            left -= size
    return facts


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _compare(uploaded: PackageView, digests: Mapping[str, str]) -> None:
    held = {part.name: part.sha256 for part in uploaded.parts}
    wrong = [name for name, digest in digests.items() if held.get(name) != digest]
    if wrong:
        raise MalformedInput("digest-mismatch", f"the gateway holds other bytes of {wrong[0][:80]!r}")
