"""From what was submitted to what policy is asked: one ReleaseRequest for each recipient. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic.main import IncEx

from attache.crypto import sha256_hex
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical
from attache.vocabulary import Post
from attache.wire.packages import Addressee, PartFacts, Submission
from gateway.exchange.kernel.provenance import NOTHING_KNOWN, Provenance
from gateway.policy import ApprovalFacts, FieldFacts, ReleaseRequest
from gateway.policy import PartFacts as PolicyPart

UNKNOWN_DIGEST = "0" * 64
"""Stands for a part's digest in a dry run, where there is no content yet. Nothing can be released under it."""

_FIELD_LEAVES: dict[str, IncEx | bool] = {
    "path": True,
    "markings": True,
    "content_class": True,
    "originator": True,
    "handling_codes": True,
}
_PART_LEAVES: dict[str, IncEx | bool] = {
    "name": True,
    "media_type": True,
    "markings": True,
    "content_class": True,
    "evaluation": True,
    "originator": True,
    "handling_codes": True,
    "caveats": True,
    "delete_by": True,
    "fields": {"__all__": _FIELD_LEAVES},
    "bytes": True,
    "sha256": True,
}
# Approvals that wait are bound to this digest: a member that is added here later is added only where it differs from its default.
LEAVES: dict[str, IncEx | bool] = {
    "kind": True,
    "title": True,
    "purpose": True,
    "parts": {"__all__": _PART_LEAVES},
    "crime_types": True,
    "urgency": True,
    "channel": True,
    "markings": True,
    "handling_codes": True,
    "caveats": True,
    "assurances": True,
    "retain_until": True,
    "onward": True,
    "expires_at": True,
    "in_reply_to": True,
    "thread_id": True,
    "review_within_hours": True,
}


def release_requests(
    submission: Submission,
    digests: Sequence[str],
    fields: Sequence[tuple[FieldFacts, ...]],
    *,
    package_id: PackageId,
    own: str,
    post: Post,
    requester: str,
    now: datetime,
    provenance: Provenance = NOTHING_KNOWN,
) -> dict[ParticipantId, ReleaseRequest]:
    """What to ask policy, by recipient. `digests` are the parts' SHA-256 in hex, `fields` what is to be decided within them
    (gateway.exchange.outgoing.fields), both in the order of the parts.

    A part that a partner supplied is one, with all that came along, whatever the submission says of it.
    """
    parts = tuple(
        _policy_part(submission, part, digest, within, own, provenance)
        for part, digest, within in zip(submission.parts, digests, fields, strict=True)
    )
    named = frozenset(addressee.to for addressee in submission.recipients if addressee.desk)
    return {
        addressee.participant: ReleaseRequest(
            package_id=package_id,
            kind=submission.kind,
            purpose=submission.purpose,
            recipient=addressee.participant,
            recipient_desk=addressee.desk,
            requester=requester,
            post=post,
            parts=parts,
            content_digest=content_digest(submission, digests),
            now=now,
            legal_basis=addressee.legal_basis,
            crime_types=frozenset(submission.crime_types),
            urgency=submission.urgency,
            channel=submission.channel,
            assurances=frozenset(submission.assurances),
            named_recipients=named,
            handling_codes=frozenset(submission.handling_codes),
            caveats=frozenset(submission.caveats),
            retention_days=_retention_days(submission, now),
            review_within_hours=submission.review_within_hours,
            consents=provenance.consents,
        )
        for addressee in submission.recipients
    }


def with_approvals(request: ReleaseRequest, approvals: Sequence[ApprovalFacts], now: datetime) -> ReleaseRequest:
    """The same release as officers approved it, asked again at `now`."""
    return replace(request, approvals=tuple(approvals), now=now)


def content_digest(submission: Submission, digests: Sequence[str]) -> str:
    """One digest over all that would leave but its recipient: the facts and every part's content, in hex."""
    facts = submission.model_dump(mode="json", include=LEAVES)
    return sha256_hex(canonical({"facts": facts, "digests": list(digests)}))


def addressee_of(submission: Submission, recipient: ParticipantId) -> Addressee:
    """The recipient as it was addressed."""
    return next(addressee for addressee in submission.recipients if addressee.participant == recipient)


def _policy_part(
    submission: Submission,
    part: PartFacts,
    digest: str,
    fields: tuple[FieldFacts, ...],
    own: str,
    provenance: Provenance,
) -> PolicyPart:
    stated = PolicyPart(
        name=part.name,
        media_type=part.media_type,
        sha256=digest,
        origin=part.originator or own,
        markings=submission.marked(part),
        content_class=frozenset(part.content_class),
        evaluation=part.evaluation,
        handling_codes=frozenset(part.handling_codes),
        delete_by=part.delete_by,
        caveats=frozenset(part.caveats),
        fields=fields,
    )
    supplied = provenance.supplied.get(digest)
    return stated if supplied is None else supplied.part(stated, own)


def _retention_days(submission: Submission, now: datetime) -> int | None:
    """The submitter's own limit in whole days, rounded down: never longer than asked for."""
    if submission.retain_until is None:
        return None
    return max(0, (submission.retain_until - now) // timedelta(days=1))
