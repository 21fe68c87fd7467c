"""A package: its facts as a caller submits them, and how an originator shows it. Closed words only, and bounded."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from attache.package import ids
from attache.package.values import FileName, Line, MediaType, ParticipantId, Sha256, Uuid7
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
    Onward,
    Purpose,
    Urgency,
)
from attache.wire.body import ListFilter, RequestBody
from attache.wire.decisions import DecisionView
from attache.wire.view import LATER, Absent, View

MAX_RECIPIENTS = 64
MAX_PARTS = 1000
MAX_FIELDS = 20_000

SETTLED_STATES = frozenset({"rejected", "denied", "delivered", "opened", "refused", "undeliverable", "expired"})
"""States of a release in which nothing more is to be done by its originator."""

_NEVER_ARRIVES = frozenset({"rejected", "denied", "refused", "undeliverable", "expired"})


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999 in UTC") from None


AgreementId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,62}$")]
MarkingTexts = Annotated[tuple[Annotated[str, StringConstraints(max_length=4000)], ...], Field(max_length=8)]
CaseReference = Annotated[Line, Field(max_length=100)]
Term = Annotated[AwareDatetime, AfterValidator(_in_utc)]

_ADDRESS = re.compile(r"(?P<participant>[a-z0-9][a-z0-9-]{0,62})(?:/(?P<desk>[a-z0-9][a-z0-9-]{0,62}))?")


class Addressee(RequestBody):
    """One recipient, as `participant` or `participant/desk`, and the agreement relied on to inform it."""

    to: Annotated[
        str,
        StringConstraints(pattern=f"^{_ADDRESS.pattern.replace('?P<participant>', '?:').replace('?P<desk>', '?:')}$"),
    ]
    legal_basis: AgreementId

    @property
    def participant(self) -> ids.ParticipantId:
        return ids.ParticipantId(self.to.partition("/")[0])

    @property
    def desk(self) -> str | None:
        return self.to.partition("/")[2] or None


class FieldFacts(RequestBody):
    """A field within a part whose content the gateway understands (gateway.content). What it says adds to its part's facts.

    `path`: in `application/json` a JSON Pointer; in STIX 2.1 an object's id, or `id/selector`.
    """

    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    markings: MarkingTexts = ()
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=16)] = ()
    handling_codes: Annotated[tuple[HandlingCode, ...], Field(max_length=4)] = ()
    originator: ParticipantId | None = None


class PartFacts(RequestBody):
    """A part, as its submitter describes it. `bytes` and `sha256`, where given, must be what arrives."""

    name: FileName
    media_type: MediaType
    markings: MarkingTexts = ()
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=16)] = ()
    evaluation: Evaluation = Evaluation.UNEVALUATED
    originator: ParticipantId | None = None
    """Who supplied it, where that was not us (originator control)."""
    handling_codes: Annotated[tuple[HandlingCode, ...], Field(max_length=4)] = ()
    caveats: Annotated[tuple[Caveat, ...], Field(max_length=8)] = ()
    delete_by: Term | None = None
    """The end of a retention that came with it."""
    fields: Annotated[tuple[FieldFacts, ...], Field(max_length=MAX_FIELDS)] = ()
    bytes: Annotated[int, Field(ge=0)] | None = None
    sha256: Sha256 | None = None
    content: str | None = None
    """base64url, for a small part that comes with the request."""


class Submission(RequestBody):
    """A package as submitted, for one or more recipients."""

    kind: Kind = Field(description="What the package is.")
    title: Line = Field(description="What it is about, in one line.")
    purpose: Purpose = Field(description="What it may be used for.")
    crime_types: tuple[CrimeType, ...] = Field(default=(), max_length=16, description="The crimes that it is about.")
    urgency: Urgency = Urgency.ROUTINE
    channel: Channel = Channel.LIAISON
    markings: MarkingTexts = Field(default=(), description="TLP:AMBER, PAP:RED, ORCON, REL TO: a, b.")
    handling_codes: tuple[HandlingCode, ...] = Field(
        default=(), max_length=4, description="How the recipient is to handle it."
    )
    caveats: tuple[Caveat, ...] = Field(default=(), max_length=8, description="What the recipient may not do with it.")
    assurances: tuple[Assurance, ...] = Field(default=(), max_length=8, description="What the recipient has assured.")
    retain_until: Term | None = Field(default=None, description="Destroy it by then (UTC).")
    onward: Onward | None = Field(default=None, description="May the recipient pass it on?")
    expires_at: Term | None = Field(default=None, description="Not to be accepted after this (UTC).")
    in_reply_to: Uuid7 | None = Field(default=None, description="The id of the package it answers.")
    thread_id: Uuid7 | None = Field(default=None, description="The id of the package that began it.")
    case_reference: Annotated[CaseReference | None, LATER] = Field(
        default=None, description="Your own file number. It stays with you: the recipient does not see it."
    )
    review_within_hours: int = Field(
        default=0, ge=0, le=720, description="Review a release because of a threat to life by then."
    )
    recipients: Annotated[tuple[Addressee, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    parts: Annotated[tuple[PartFacts, ...], Field(min_length=1, max_length=MAX_PARTS)]
    submit: bool = False

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        for what, names in (
            ("part", [p.name for p in self.parts]),
            ("recipient", [r.participant for r in self.recipients]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a {what} occurs twice")
        return self

    def marked(self, part: PartFacts) -> Markings:
        """The part's markings, joined with the package's."""
        return Markings.parse(part.markings).join(Markings.parse(self.markings))

    def facts(self) -> dict[str, Any]:
        """The facts without content, as JSON values: what is kept, and what a dry run and a submission compare by."""
        return self.model_dump(mode="json", exclude={"submit": True, "parts": {"__all__": {"content"}}})


class PackageFilter(ListFilter):
    """Which packages a list holds: those that fit every member that is given."""

    case_reference: CaseReference | None = Field(
        default=None, description="Only packages with exactly this file number."
    )


class Question(Submission):
    """A package as it would be submitted, and what about it is asked. Without `part`: everything that would stay."""

    recipient: ParticipantId
    part: FileName | None = None
    field: str | None = None


class PartView(View):
    """One part: its declared facts, and whether its content is there (`uploaded`)."""

    name: str
    media_type: str
    bytes: int | None = None
    sha256: str | None = None
    markings: tuple[str, ...] = ()
    content_class: tuple[str, ...] = ()
    evaluation: str = "unevaluated"
    uploaded: Annotated[bool, LATER] = True


class ReleaseView(View):
    """The release of a package to one recipient."""

    recipient: str
    desk: str | None = None
    state: str
    post: str | Absent = None
    changed_at: datetime | Absent = None
    decision: DecisionView | None = None
    approval_id: str | None = None
    problem: str | None = None
    receipts: tuple[str, ...] = ()


class PackageView(View):
    """A package at its originator.

    `purged_at`: when its content was destroyed. Then the state is `purged`, and title, parts and decisions are gone.
    """

    package_id: str
    state: str
    kind: str
    title: str
    created_at: datetime
    submitted_at: datetime | None = None
    parts: tuple[PartView, ...] = ()
    recipients: tuple[ReleaseView, ...] = ()
    purged_at: Annotated[datetime | None, LATER] = None
    case_reference: Annotated[str | None, LATER] = None

    def has_reached(self, until: str) -> bool:
        """Whether every recipient is `settled`, or has it `delivered` or `opened`, or will never get it."""
        enough = {
            "settled": SETTLED_STATES,
            "delivered": _NEVER_ARRIVES | {"delivered", "opened"},
            "opened": _NEVER_ARRIVES | {"opened"},
        }[until]
        return bool(self.recipients) and all(release.state in enough for release in self.recipients)


class PackagePage(View):
    """Packages, and the cursor of what follows; null at the end."""

    packages: tuple[PackageView, ...]
    next: str | None = None


class ReceiptView(View):
    """A receipt as the originator holds it; `signed` is the recipient's JWS, to be verified offline."""

    receipt: str
    recipient: str
    at: datetime
    signed: dict[str, Any]


class ReceiptList(View):
    """Every receipt for a package."""

    receipts: tuple[ReceiptView, ...]
