"""Redact: where only some of a part may go, its recipient gets a copy without the rest, sealed as a part of its own.

The copy is made from the stored content and the decision alone, the same bytes each time: what an approver reads is
what leaves. It has a key, a digest and a size of its own; nothing of the original's goes along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from attache.package import BLOCK_BYTES, PartSealer, SealedPart
from attache.package.ids import PackageId
from attache.vocabulary import Post
from attache.wire.packages import Submission
from gateway.content import Minting, Shown, redacted
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.outgoing.fields import Content, Readable, about_part, stated_units
from gateway.policy import ApprovalFacts, Decision, PartDecision, ReleaseRequest, UnitOutcome

_SHOWN = {UnitOutcome.DISCLOSE: Shown.CLEAR, UnitOutcome.MASK: Shown.MASKED}
_NO_END = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RedactedCopy:
    """A redacted copy, sealed. `is_told`: its recipient may know that something is missing;
    what is hidden looks absent.
    """

    number: int
    blob_id: str
    sealed: SealedPart
    is_told: bool


def copies_of(
    agency: Agency,
    blobs: ProvisionalBlobs,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    decision: Decision,
) -> dict[int, RedactedCopy | None]:
    """By number, the copy of each part that leaves redacted; None where nothing is left of it. Blocking."""
    copies: dict[int, RedactedCopy | None] = {}
    for number in redacted_numbers(decision):
        left = redacted_content(agency, submission, content, request, decision, number)
        is_marked = any(
            unit.outcome is not UnitOutcome.DISCLOSE and not unit.hidden for unit in decision.parts[number].fields
        )
        copies[number] = None if left is None else _sealed(agency, blobs, number, left, is_told=is_marked)
    return copies


def redacted_numbers(decision: Decision) -> Sequence[int]:
    """The parts that leave, and not whole."""
    return [number for number, part in enumerate(decision.parts) if _is_partial(part)]


def redacted_content(
    agency: Agency,
    submission: Submission,
    content: Readable,
    request: ReleaseRequest,
    decision: Decision,
    number: int,
) -> bytes | None:
    """What is left of a part for this recipient; None for nothing, and for content that is not there yet.

    Raises NotPermitted("redaction-blocked") where what is left would still say what is withheld.
    """
    part = submission.parts[number]
    outcomes: Mapping[str, Shown] = {
        unit.path: _SHOWN.get(unit.outcome, Shown.WITHHELD) for unit in decision.part(part.name).fields
    }
    minting = Minting(
        key=bytes.fromhex(agency.pseudonyms.of("redaction", request.recipient)),
        originator=agency.participant,
        at=_made_at(request.package_id),
    )
    plaintext = content.read(agency, number)
    if plaintext is None:
        return None
    with about_part(part):
        return redacted(part.media_type, plaintext, stated_units(part), outcomes, minting)


def as_if_approved(request: ReleaseRequest, post: Post, digest: str) -> ReleaseRequest:
    """The release as it would be asked about once two officers, none of them the requester,
    have approved exactly it.
    """
    officers = ("(approver 1)", "(approver 2)")
    approvals = tuple(ApprovalFacts(name, frozenset({post}), True, digest, _NO_END) for name in officers)
    return replace(request, approvals=approvals)


def _is_partial(part: PartDecision) -> bool:
    return part.outcome is UnitOutcome.DISCLOSE and any(
        unit.outcome is not UnitOutcome.DISCLOSE for unit in part.fields
    )


def _made_at(package_id: PackageId) -> datetime:
    """When the package was made, as its id states (RFC 9562, 5.7): it never changes, and the recipient knows it
    already.
    """
    return datetime.fromtimestamp(int(package_id.replace("-", "")[:12], 16) / 1000, UTC)


def _sealed(agency: Agency, blobs: ProvisionalBlobs, number: int, left: bytes, *, is_told: bool) -> RedactedCopy:
    sealer = PartSealer(random=agency.random)
    with agency.blobs.create() as blob:
        for start in range(0, len(left), BLOCK_BYTES):
            blob.write(sealer.update(left[start : start + BLOCK_BYTES]))
        rest, sealed = sealer.finish()
        blob.write(rest)
        blob_id = blobs.add(blob.commit())
    return RedactedCopy(number, blob_id, sealed, is_told)
