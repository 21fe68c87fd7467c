"""From what was submitted to what policy is asked: one ReleaseRequest for each recipient. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from attache.crypto import sha256_hex
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical
from attache.vocabulary import Post
from attache.wire.packages import Addressee, PartFacts, Submission
from attache.wire.packages import FieldFacts as WireField
from gateway.exchange.kernel.provenance import NOTHING_KNOWN, Provenance
from gateway.policy import ApprovalFacts, FieldFacts, ReleaseRequest
from gateway.policy import PartFacts as PolicyPart

UNKNOWN_DIGEST = "0" * 64
"""Stands for a part's digest in a dry run, where there is no content yet. Nothing can be released under it."""

LEAVES: Mapping[type[BaseModel], tuple[str, ...]] = {
    Submission: (
        "kind",
        "title",
        "purpose",
        "parts",
        "crime_types",
        "urgency",
        "channel",
        "markings",
        "handling_codes",
        "caveats",
        "assurances",
        "retain_until",
        "onward",
        "expires_at",
        "in_reply_to",
        "thread_id",
        "review_within_hours",
    ),
    PartFacts: (
        "name",
        "media_type",
        "markings",
        "content_class",
        "evaluation",
        "originator",
        "handling_codes",
        "caveats",
        "delete_by",
        "fields",
        "bytes",
        "sha256",
    ),
    WireField: ("path", "markings", "content_class", "originator", "handling_codes"),
}
"""The members that `content_digest` always states. Approvals that wait are bound to it: nothing is ever added here."""
STAYS = frozenset({"recipients", "submit", "content"})
"""The members that do not leave with every copy: a release has its own recipient,
and a part's content its own digest.
"""


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
    """What to ask policy, by recipient. `digests` are the parts' SHA-256 in hex, `fields` what is to be decided within
    them (gateway.exchange.outgoing.fields), both in the order of the parts.

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
    """One digest over all that would leave but its recipient: the facts and every part's content, in hex.

    The members in `LEAVES` are always stated, any other but those in `STAYS` where it differs from its default: what
    was approved before a class had that member keeps its digest.
    """
    return sha256_hex(canonical({"facts": _leaving(submission), "digests": list(digests)}))


def _leaving(value: object) -> object:
    if isinstance(value, tuple):
        return [_leaving(each) for each in value]
    if not isinstance(value, BaseModel):
        return to_jsonable_python(value)
    # Of a `Question`, only what it has of a submission.
    kind = next(each for each in LEAVES if isinstance(value, each))
    stated = {name: getattr(value, name) for name in LEAVES[kind]}
    for name, member in kind.model_fields.items():
        is_later = name not in LEAVES[kind] and name not in STAYS
        if is_later and getattr(value, name) != member.get_default(call_default_factory=True):
            stated[name] = getattr(value, name)
    return {name: _leaving(each) for name, each in stated.items()}


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
