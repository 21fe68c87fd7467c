"""Packages that this agency submits: dry-run decisions, submitting, waiting, receipts and evidence."""

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
        "POST",
        path_of("decisions"),
        whole(views_of(DecisionView, "recipients")),
        body=json_body(_dry_run_body(submission)),
    )


def explain(submission: Submission, recipient: str, part: str | None, field: str | None) -> Call[ExplanationView]:
    selection = {"recipient": recipient, "part": part, "field": field}
    body = {**_dry_run_body(submission), **{name: value for name, value in selection.items() if value is not None}}
    return Call("POST", path_of("decisions", "explanation"), whole(view_of(ExplanationView)), body=json_body(body))


def submit(submission: Submission, idempotency_key: str) -> Plan[PackageView]:
    """Submit a package: in one request if it has at most 1 MiB; otherwise create a draft, upload each part, and submit the draft.

    Before the draft is submitted, the digest of each part is compared with the one that the gateway computed.
    A second run with the same key continues with the same draft.
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
    """Repeat long polls until every recipient has reached `until`.

    Raises AttacheError("wait-timed-out") when `timeout_seconds` are spent; the package's last state is in `extra`.
    """
    if until not in ("settled", "delivered", "opened"):
        raise MalformedInput("unknown-term", "wait until settled, delivered or opened")
    remaining = max(0, timeout_seconds)
    while True:
        poll = min(remaining, LONGEST_POLL_SECONDS)
        query = {"wait_for": until, "timeout_seconds": str(poll)}
        call = Call("GET", path_of("packages", package_id), whole(view_of(PackageView)), query, patience_seconds=poll)
        polled: PackageView = yield call
        if polled.has_reached(until):
            return polled
        remaining -= poll
        if remaining <= 0:
            states = {release.recipient: release.state for release in polled.recipients}
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


def _dry_run_body(submission: Submission) -> dict[str, Any]:
    """The facts, and the content of the parts that the gateway inspects for its decision, up to 1 MiB in total."""
    facts = submission.facts()
    remaining = INLINE_BYTES
    for declared, part in zip(facts["parts"], submission.parts, strict=True):
        size = part.size()
        if part.is_looked_into() and part.is_repeatable() and size is not None and size <= remaining:
            content = b"".join(Reading(part).chunks())
            declared |= {"content": _encoded(content), "sha256": hashlib.sha256(content).hexdigest()}
            remaining -= size
    return facts


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _compare(uploaded: PackageView, digests: Mapping[str, str]) -> None:
    uploaded_digests = {part.name: part.sha256 for part in uploaded.parts}
    wrong = [name for name, digest in digests.items() if uploaded_digests.get(name) != digest]
    if wrong:
        raise MalformedInput("digest-mismatch", f"the gateway holds other bytes of {wrong[0][:80]!r}")
