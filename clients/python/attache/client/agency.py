"""The agency API (`/api/v1`): every request it has, as a call or a plan. No I/O but reading what is submitted."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attache.client.call import (
    Body,
    Call,
    Head,
    Page,
    Plan,
    Reader,
    bytes_body,
    json_body,
    nothing_of,
    page_of,
    text_of,
    view_of,
    views_of,
    whole,
)
from attache.client.quarantine import Quarantine, plain_name
from attache.client.submission import Part, Reading, Submission
from attache.crypto.encoding import parse_b64u
from attache.errors import AttacheError, MalformedInput
from attache.wire.approvals import ApprovalView
from attache.wire.arrivals import ArrivalView
from attache.wire.decisions import DecisionView, ExplanationView
from attache.wire.log import EntryView
from attache.wire.packages import PackageView, PartView, ReceiptView
from attache.wire.participants import ParticipantView
from attache.wire.purges import HoldView, PurgeView

BASE = "/api/v1"
INLINE_BYTES = 1 << 20
LONGEST_POLL_SECONDS = 30
PAGE_SIZE = 100
EXPORT_PATIENCE_SECONDS = 540.0
MAX_EVENT_BYTES = 1 << 20


def path_of(*segments: str | int) -> str:
    """A path of the API; each segment is one segment, whatever is in it."""
    return "/".join([BASE, *(quote(str(segment), safe="") for segment in segments)])


def decide(submission: Submission) -> Call[tuple[DecisionView, ...]]:
    return Call(
        "POST", path_of("decisions"), whole(views_of(DecisionView, "recipients")), body=json_body(_asked(submission))
    )


def explain(submission: Submission, recipient: str, part: str | None, field: str | None) -> Call[ExplanationView]:
    asked = {"recipient": recipient, "part": part, "field": field}
    body = {**_asked(submission), **{name: value for name, value in asked.items() if value is not None}}
    return Call("POST", path_of("decisions", "explanation"), whole(view_of(ExplanationView)), body=json_body(body))


def submit(submission: Submission, idempotency_key: str) -> Plan[PackageView]:
    """Submit a package: in one request where all of it is small, otherwise as draft, parts, and then as a whole.

    The digest of each streamed part is compared with what the gateway holds before the package is submitted.
    Run again with the same key, it goes on with the same draft.
    """
    sizes = [part.size() for part in submission.parts]
    if sum(INLINE_BYTES + 1 if size is None else size for size in sizes) <= INLINE_BYTES:
        whole_package: PackageView = yield _create(_inline(submission), idempotency_key)
        return whole_package
    draft: PackageView = yield _create({**submission.facts(), "submit": False}, idempotency_key)
    if draft.state != "draft":
        return draft
    digests = {}
    for part in submission.parts:
        reading = Reading(part)
        yield upload(draft.package_id, part, reading)
        digests[part.name] = reading.sha256
    uploaded = yield package(draft.package_id)
    _compare(uploaded, digests)
    submitted: PackageView = yield _post(["packages", draft.package_id, "submit"], PackageView, idempotency_key)
    return submitted


def upload(package_id: str, part: Part, reading: Reading) -> Call[None]:
    body = Body(part.media_type, reading.chunks, part.size(), part.is_repeatable())
    return Call("PUT", path_of("packages", package_id, "parts", part.name), whole(nothing_of), body=body)


def package(package_id: str) -> Call[PackageView]:
    return Call("GET", path_of("packages", package_id), whole(view_of(PackageView)))


def packages(after: str) -> Call[Page[PackageView]]:
    return Call("GET", path_of("packages"), whole(page_of(PackageView, "packages")), _paging(after))


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
    return Call("GET", path_of("packages", package_id, "sealed", recipient), _to_file(target, None, None))


def save_evidence(package_id: str, recipient: str | None, target: Path) -> Call[Path]:
    query = {"recipient": recipient} if recipient else {}
    return Call("GET", path_of("packages", package_id, "evidence"), _to_file(target, None, None), query)


def approvals(limit: int) -> Call[tuple[ApprovalView, ...]]:
    return Call("GET", path_of("approvals"), whole(views_of(ApprovalView, "approvals")), {"limit": str(limit)})


def approval(approval_id: str) -> Call[ApprovalView]:
    return Call("GET", path_of("approvals", approval_id), whole(view_of(ApprovalView)))


def decide_approval(approval_id: str, decision: str, reason: str, idempotency_key: str) -> Call[ApprovalView]:
    body = {"decision": decision, "reason": reason}
    return _post(["approvals", approval_id], ApprovalView, idempotency_key, body)


def order_purge(
    places: Sequence[tuple[str, str]], legal_basis: str, note: str, idempotency_key: str
) -> Call[PurgeView]:
    return _post(["purges"], PurgeView, idempotency_key, _named(places, legal_basis, note))


def decide_purge(purge_id: str, decision: str, words: str, idempotency_key: str) -> Call[PurgeView]:
    body = {"note" if decision == "approve" else "reason": words}
    return _post(["purges", purge_id, decision], PurgeView, idempotency_key, body)


def purge(purge_id: str) -> Call[PurgeView]:
    return Call("GET", path_of("purges", purge_id), whole(view_of(PurgeView)))


def purges(after: str) -> Call[Page[PurgeView]]:
    return Call("GET", path_of("purges"), whole(page_of(PurgeView, "purges")), _paging(after))


def place_hold(places: Sequence[tuple[str, str]], legal_basis: str, note: str, idempotency_key: str) -> Call[HoldView]:
    return _post(["holds"], HoldView, idempotency_key, _named(places, legal_basis, note))


def lift_hold(hold_id: str, note: str, idempotency_key: str) -> Call[HoldView]:
    return _post(["holds", hold_id, "lift"], HoldView, idempotency_key, {"note": note})


def holds(after: str) -> Call[Page[HoldView]]:
    return Call("GET", path_of("holds"), whole(page_of(HoldView, "holds")), _paging(after))


def _named(places: Sequence[tuple[str, str]], legal_basis: str, note: str) -> dict[str, Any]:
    packages = [{"originator": originator, "package_id": package_id} for originator, package_id in places]
    return {"packages": packages, "legal_basis": legal_basis, "note": note}


def save_leaving(approval: ApprovalView, folder: Path) -> Plan[tuple[Path, ...]]:
    """What would leave, part by part, into `folder`; nothing of it where a name cannot be a file's."""
    targets = [folder / plain_name(part.name) for part in approval.parts]
    saved = []
    for part, target in zip(approval.parts, targets, strict=True):
        path = path_of("approvals", approval.approval_id, "parts", part.name)
        saved.append((yield Call("GET", path, _to_file(target, part.bytes, part.sha256))))
    return tuple(saved)


def inbox(after: str) -> Call[Page[ArrivalView]]:
    return Call("GET", path_of("inbox"), whole(page_of(ArrivalView, "packages")), _paging(after))


def arrival(originator: str, package_id: str) -> Call[ArrivalView]:
    return Call("GET", path_of("inbox", originator, package_id), whole(view_of(ArrivalView)))


def open_arrival(originator: str, package_id: str, idempotency_key: str) -> Call[ArrivalView]:
    return _post(["inbox", originator, package_id, "open"], ArrivalView, idempotency_key)


def save_parts(arrival: ArrivalView, folder: Path, use: str) -> Plan[tuple[Path, ...]]:
    """Each part into `folder` under its own name, published whole only after its size and digest are checked."""
    targets = [folder / plain_name(part.name) for part in arrival.parts]
    saved = []
    for part, target in zip(arrival.parts, targets, strict=True):
        saved.append((yield save_part(arrival, part, target, use)))
    return tuple(saved)


def save_part(arrival: ArrivalView, part: PartView, target: Path, use: str) -> Call[Path]:
    if part.bytes is None or part.sha256 is None:
        raise AttacheError("malformed-answer", f"the part {part.name[:80]!r} has no size or digest")
    path = path_of("inbox", arrival.originator, arrival.package_id, "parts", part.name)
    return Call("GET", path, _to_file(target, part.bytes, part.sha256), {"use": use})


def participants() -> Call[tuple[ParticipantView, ...]]:
    return Call("GET", path_of("participants"), whole(views_of(ParticipantView, "participants")))


def change_participant(participant: str, change: str, idempotency_key: str) -> Call[None]:
    return Call(
        "POST",
        path_of("participants", participant, change),
        whole(nothing_of),
        headers={"Idempotency-Key": idempotency_key},
    )


def rotate_participant(participant: str, descriptor: bytes) -> Call[ParticipantView]:
    body = bytes_body(descriptor, "application/jose+json")
    return Call("PUT", path_of("participants", participant, "descriptor"), whole(view_of(ParticipantView)), body=body)


def log_text(*segments: str, query: Mapping[str, str] | None = None) -> Call[str]:
    return Call("GET", path_of("log", *segments), whole(text_of), query or {})


def log_entries(after: str) -> Call[Page[EntryView]]:
    return Call("GET", path_of("log", "entries"), whole(page_of(EntryView, "entries")), _paging(after))


def log_search(wanted: Mapping[str, str]) -> Callable[[str], Call[Page[EntryView]]]:
    """Pages of the entries that a filter wants."""
    return lambda after: Call(
        "GET", path_of("log", "entries"), whole(page_of(EntryView, "entries")), {**wanted, **_paging(after)}
    )


def log_follow(wanted: Mapping[str, str], after: int | None) -> Call[bytes]:
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    return Call("GET", path_of("log", "follow"), whole(bytes), wanted, headers)


def save_log_export(wanted: Mapping[str, str], file_format: str, target: Path) -> Call[Path]:
    query = {**wanted, "format": file_format}
    path = path_of("log", "export")
    return Call("GET", path, lambda head: ExportReader(head, target), query, patience_seconds=EXPORT_PATIENCE_SECONDS)


class ExportReader:
    """An export into `target`, and its signed manifest into `target`.manifest beside it."""

    def __init__(self, head: Head, target: Path) -> None:
        try:
            self._manifest = parse_b64u(head.headers.get("attache-manifest", ""))
        except AttacheError:
            raise AttacheError("malformed-answer", "the export has no manifest") from None
        self._file = Quarantine(target, size=None, sha256=None)

    def feed(self, chunk: bytes) -> None:
        self._file.feed(chunk)

    def finish(self) -> Path:
        path = self._file.finish()
        path.with_name(f"{path.name}.manifest").write_bytes(self._manifest)
        return path

    def abandon(self) -> None:
        self._file.abandon()


class EntryEvents:
    """Reads the entries out of a stream of server-sent events (one `data` line each), as its pieces come."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[EntryView]:
        """The entries that are complete with this piece. Raises AttacheError for what is none, or has no end."""
        *lines, self._held = (self._held + chunk).split(b"\n")
        if len(self._held) > MAX_EVENT_BYTES:
            raise AttacheError("malformed-answer", "an event without end")
        return [view_of(EntryView)(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]


def log_entry(index: int) -> Call[EntryView]:
    return Call("GET", path_of("log", "entries", index), whole(view_of(EntryView)))


def log_resource(path: str) -> Call[bytes]:
    return Call("GET", path_of("log", *path.split("/")), whole(bytes))


def _create(body: dict[str, Any], idempotency_key: str) -> Call[PackageView]:
    return _post(["packages"], PackageView, idempotency_key, body)


def _post(segments: list[str], model: type[Any], idempotency_key: str, body: Any = None) -> Call[Any]:
    carried = None if body is None else json_body(body)
    headers = {"Idempotency-Key": idempotency_key}
    return Call("POST", path_of(*segments), whole(view_of(model)), headers=headers, body=carried)


def _paging(after: str) -> dict[str, str]:
    return {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}


def _inline(submission: Submission) -> dict[str, Any]:
    facts = submission.facts()
    for declared, part in zip(facts["parts"], submission.parts, strict=True):
        content = b"".join(Reading(part).chunks())
        declared["bytes"] = len(content)
        declared["sha256"] = hashlib.sha256(content).hexdigest()
        declared["content"] = _encoded(content)
    return {**facts, "submit": True}


def _asked(submission: Submission) -> dict[str, Any]:
    """The facts, with the content of what the gateway has to look into to answer, where that is small."""
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


def _to_file(target: Path, size: int | None, sha256: str | None) -> Any:
    def reader(head: Head) -> Reader[Path]:
        stated = head.headers.get("attache-sha256", sha256)
        if sha256 is not None and stated != sha256:
            raise AttacheError("malformed-answer", "the answer is about other content")
        return Quarantine(target, size=size, sha256=stated)

    return reader
