"""The manifest of a release: what was submitted, what policy decided of it,
and what came with it, as facts to be signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from attache.crypto import sha256_hex
from attache.errors import NotPermitted
from attache.package import ManifestFacts, ManifestPart, Release
from attache.vocabulary import HandlingCode, Markings, Onward
from attache.wire.packages import Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.refused_requests import ENGINE_FAILED
from gateway.exchange.outgoing.fields import Content
from gateway.exchange.outgoing.redact import RedactedCopy
from gateway.policy import Decision, FieldFacts, PartFacts, ReleaseRequest, UnitOutcome

LEAVES = frozenset({UnitOutcome.DISCLOSE})


def manifest_facts(
    agency: Agency,
    submission: Submission,
    content: Content,
    request: ReleaseRequest,
    decision: Decision,
    decision_id: str,
    approvers: Sequence[str],
    copies: Mapping[int, RedactedCopy | None],
) -> tuple[ManifestFacts, tuple[int, ...]]:
    """What is to be signed for one recipient, and the numbers of the parts that leave, in manifest order.

    `copies`: by number, what leaves instead of a part.
    Raises NotPermitted("redaction-blocked") where nothing leaves at all.
    """
    handling = decision.handling
    if handling is None:
        raise NotPermitted(ENGINE_FAILED, "a release without handling", extra={"recipient": request.recipient})
    now = request.now
    leaving = [n for n, part in enumerate(submission.parts) if decision.part(part.name).outcome in LEAVES]
    numbers = tuple(n for n in leaving if n not in copies or copies[n] is not None)
    if not numbers:
        raise NotPermitted("redaction-blocked", "nothing is left of any part", extra={"recipient": request.recipient})
    left = {n: _left(request.parts[n], decision) for n in numbers}
    facts = ManifestFacts(
        package_id=request.package_id,
        kind=submission.kind,
        originator=agency.participant,
        post=agency.directory.partner(request.recipient).descriptor.stated.post,
        created_at=now,
        expires_at=submission.expires_at or now + agency.limits.package_term,
        in_reply_to=submission.in_reply_to,
        thread_id=submission.thread_id,
        title=submission.title,
        purpose=submission.purpose,
        legal_basis=request.legal_basis,
        crime_types=submission.crime_types,
        urgency=submission.urgency,
        markings=tuple(Markings.parse(submission.markings).texts()),
        handling_codes=_handling_codes(submission, request, left),
        caveats=tuple(sorted(handling.caveats)),
        retain_until=now + timedelta(days=handling.retention_days),
        onward=min(filter(None, (submission.onward, handling.onward)), key=list(Onward).index),
        release=Release(
            decision_id=decision_id,
            policy_set_hash=decision.policy_set_hash,
            approvers=tuple(approvers),
            release_proof_sha256=sha256_hex(decision.record),
        ),
        parts=tuple(_manifest_part(submission, content, request.parts[n], left[n], n, copies.get(n)) for n in numbers),
    )
    return facts, numbers


def _left(part: PartFacts, decision: Decision) -> tuple[FieldFacts, ...]:
    """The fields of a part that leave in the clear: only they say anything of what leaves."""
    clear = {unit.path for unit in decision.part(part.name).fields if unit.outcome is UnitOutcome.DISCLOSE}
    return tuple(unit for unit in part.fields if unit.path in clear)


def _handling_codes(
    submission: Submission, request: ReleaseRequest, left: Mapping[int, Iterable[FieldFacts]]
) -> tuple[HandlingCode, ...]:
    """The package's, those that came with what is passed on, and those of fields."""
    more = {code for number in left for code in request.parts[number].handling_codes}
    more |= {code for fields in left.values() for unit in fields for code in unit.handling_codes}
    return (*submission.handling_codes, *sorted(more - set(submission.handling_codes)))


def _manifest_part(
    submission: Submission,
    content: Content,
    part: PartFacts,
    left: Sequence[FieldFacts],
    number: int,
    copy: RedactedCopy | None,
) -> ManifestPart:
    """A part, or its redacted copy, under the strictest marking of what leaves of it."""
    markings, classes = part.markings, set(part.content_class)
    for unit in left:
        markings = markings.join(unit.markings)
        classes |= unit.content_class
    stated = submission.parts[number]
    return ManifestPart.of(
        content.parts[number] if copy is None else copy.sealed,
        name=stated.name,
        media_type=stated.media_type,
        markings=markings,
        content_class=tuple(sorted(classes)),
        evaluation=part.evaluation,
        # protocol M5
        redacted=copy is not None and copy.is_told,
    )
