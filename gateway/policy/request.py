"""Requests to policy: the facts of one release to one recipient. A request contains no content.

A missing fact (`None` or empty) never means "any". A rule that needs the fact then denies.
"""

from dataclasses import dataclass
from datetime import datetime

from attache.errors import MalformedInput
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import (
    Assurance,
    Caveat,
    Channel,
    ContentClass,
    CrimeType,
    Evaluation,
    HandlingCode,
    Kind,
    Markings,
    Post,
    Purpose,
    Urgency,
)

_UNMARKED = Markings()
MAX_PARTS = 256
MAX_FIELDS = 20_000
MAX_APPROVALS = 16
MAX_CONSENTS = 64


@dataclass(frozen=True)
class FieldFacts:
    """A field, object or selector within a part. It inherits the facts of the part; its own facts only add to them.

    `path` is unique within the part. `origin` "" means the origin of the part.
    """

    path: str
    markings: Markings = _UNMARKED
    content_class: frozenset[ContentClass] = frozenset()
    origin: str = ""
    handling_codes: frozenset[HandlingCode] = frozenset()
    unresolved_markings: bool = False
    contradictory_markings: bool = False


@dataclass(frozen=True)
class PartFacts:
    """One part. `markings` are already joined with the package's.

    `origin` is the participant that supplied the part, or our own id. `delete_by` and `caveats` are the end of
    retention and the caveats that it was received with. `unresolved_markings`: it has a marking that this gateway
    cannot interpret.
    `contradictory_markings`: two of its markings cannot both be obeyed.
    """

    name: str
    media_type: str
    sha256: str
    origin: str
    markings: Markings = _UNMARKED
    content_class: frozenset[ContentClass] = frozenset()
    handling_codes: frozenset[HandlingCode] = frozenset()
    evaluation: Evaluation = Evaluation.UNEVALUATED
    delete_by: datetime | None = None
    caveats: frozenset[Caveat] = frozenset()
    unresolved_markings: bool = False
    contradictory_markings: bool = False
    fields: tuple[FieldFacts, ...] = ()


@dataclass(frozen=True)
class ApprovalFacts:
    """One officer's approval. `posts` and `may_approve` are the officer's present rights, not those at the time of the
    approval.

    `digest` is the `Decision.release_digest` that the officer saw.
    """

    officer: str
    posts: frozenset[Post]
    may_approve: bool
    digest: str
    expires_at: datetime


@dataclass(frozen=True)
class ConsentFacts:
    """An originator's consent. The caller of policy must have verified its signature.

    `content` is the SHA-256 of the part that it covers, in hex.
    """

    consent_id: str
    originator: ParticipantId
    recipient: ParticipantId
    purpose: Purpose
    content: str
    expires_at: datetime


@dataclass(frozen=True)
class ReleaseRequest:
    """One proposed release: this package, to this recipient, on this basis.

    `requester` is the submitting officer's pseudonymous id; `post` is the officer's post, which is only recorded.
    `recipient_desk` None means the partner's default desk. `named_recipients` are addresses, `participant/desk`.
    `caveats` and `retention_days` are restrictions by the officer; policy may add stricter ones, never relax them.
    `review_within_hours` 0 means that no review is booked. `content_digest` is over all part digests, in hex.
    `handling_codes` apply to every part of the package. With `wait_for_approval` False, units that need a further
    approval are not held: policy decides which units, in which form, may be released now, and the others are withheld.
    """

    package_id: PackageId
    kind: Kind
    purpose: Purpose
    recipient: ParticipantId
    requester: str
    post: Post
    parts: tuple[PartFacts, ...]
    content_digest: str
    now: datetime
    legal_basis: str = ""
    recipient_desk: str | None = None
    crime_types: frozenset[CrimeType] = frozenset()
    urgency: Urgency = Urgency.ROUTINE
    channel: Channel = Channel.LIAISON
    assurances: frozenset[Assurance] = frozenset()
    named_recipients: frozenset[str] = frozenset()
    handling_codes: frozenset[HandlingCode] = frozenset()
    caveats: frozenset[Caveat] = frozenset()
    retention_days: int | None = None
    review_within_hours: int = 0
    wait_for_approval: bool = True
    approvals: tuple[ApprovalFacts, ...] = ()
    consents: tuple[ConsentFacts, ...] = ()


def verify_request(request: ReleaseRequest) -> None:
    """Raise MalformedInput unless the request is within the limits, its names and paths are unique, and it has a legal
    basis.
    """
    if not request.legal_basis:
        raise MalformedInput("missing-legal-basis", f"for {request.recipient}")
    paths = [len(part.fields) for part in request.parts]
    if not request.parts or len(request.parts) > MAX_PARTS or sum(paths) > MAX_FIELDS:
        raise MalformedInput(
            "malformed-request", f"a package has 1 to {MAX_PARTS} parts, and at most {MAX_FIELDS} fields"
        )
    if len(request.approvals) > MAX_APPROVALS or len(request.consents) > MAX_CONSENTS:
        raise MalformedInput("malformed-request", "too many approvals or consents")
    if len({part.name for part in request.parts}) != len(request.parts):
        raise MalformedInput("malformed-request", "two parts have the same name")
    for part in request.parts:
        if len({unit.path for unit in part.fields}) != len(part.fields):
            raise MalformedInput("malformed-request", f"two fields of part {part.name[:80]!r} have the same path")
    instants = [request.now, *(a.expires_at for a in request.approvals), *(c.expires_at for c in request.consents)]
    instants += [part.delete_by for part in request.parts if part.delete_by]
    if any(instant.tzinfo is None for instant in instants):
        raise MalformedInput("malformed-request", "an instant without a time zone")
