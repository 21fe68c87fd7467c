"""What a caller submits: the facts about a package, its parts and its recipients. Closed words only, and bounded."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from attache import strict_json
from attache.errors import MalformedInput
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

MAX_RECIPIENTS = 64
MAX_PARTS = 1000
MAX_FIELDS = 20_000


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999 in UTC") from None


AgreementId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,62}$")]
MarkingTexts = Annotated[tuple[Annotated[str, StringConstraints(max_length=4000)], ...], Field(max_length=8)]
Term = Annotated[AwareDatetime, AfterValidator(_in_utc)]

S = TypeVar("S", bound="Submission")

_MEMBER = re.compile(r"[a-z0-9_]{1,63}")
_ADDRESS = re.compile(r"(?P<participant>[a-z0-9][a-z0-9-]{0,62})(?:/(?P<desk>[a-z0-9][a-z0-9-]{0,62}))?")


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Addressee(_Facts):
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


class FieldFacts(_Facts):
    """A field within a part whose content the gateway understands (gateway.content). What it says adds to its part's facts.

    `path`: in `application/json` a JSON Pointer; in STIX 2.1 an object's id, or `id/selector`.
    """

    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    markings: MarkingTexts = ()
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=16)] = ()
    originator: ParticipantId | None = None
    handling_codes: Annotated[tuple[HandlingCode, ...], Field(max_length=4)] = ()


class PartFacts(_Facts):
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


class Submission(_Facts):
    """A package as submitted, for one or more recipients."""

    kind: Kind
    title: Line
    purpose: Purpose
    recipients: Annotated[tuple[Addressee, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    parts: Annotated[tuple[PartFacts, ...], Field(min_length=1, max_length=MAX_PARTS)]
    crime_types: Annotated[tuple[CrimeType, ...], Field(max_length=16)] = ()
    urgency: Urgency = Urgency.ROUTINE
    channel: Channel = Channel.LIAISON
    markings: MarkingTexts = ()
    handling_codes: Annotated[tuple[HandlingCode, ...], Field(max_length=4)] = ()
    caveats: Annotated[tuple[Caveat, ...], Field(max_length=8)] = ()
    assurances: Annotated[tuple[Assurance, ...], Field(max_length=8)] = ()
    retain_until: Term | None = None
    onward: Onward | None = None
    expires_at: Term | None = None
    in_reply_to: Uuid7 | None = None
    thread_id: Uuid7 | None = None
    review_within_hours: Annotated[int, Field(ge=0, le=720)] = 0
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


def parse_submission(raw: bytes) -> Submission:
    """Read and check a submission.

    Raises MalformedInput with `malformed-json`, `missing-legal-basis`, `unknown-term`, `unknown-marking` or
    `malformed-request`; the detail names the member and never repeats its value.
    """
    return parse_as(raw, Submission)


def parse_as(raw: bytes, model: type[S]) -> S:
    """The same for what holds a submission and more."""
    strict_json.parse_object(raw)
    try:
        submission = model.model_validate_json(raw)
    except ValidationError as error:
        raise _refusal(error) from None
    _require_known(submission.markings, "markings")
    for number, part in enumerate(submission.parts):
        _require_known(part.markings, f"parts.{number}.markings")
        for place, unit in enumerate(part.fields):
            _require_known(unit.markings, f"parts.{number}.fields.{place}.markings")
    return submission


def _require_known(markings: Sequence[str], where: str) -> None:
    try:
        Markings.parse(tuple(markings))
    except MalformedInput:
        raise MalformedInput("unknown-marking", f"{where}: a marking that is unknown or said twice") from None


def _refusal(error: ValidationError) -> MalformedInput:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A member that a client made up is not repeated either.
    where = ".".join(str(step) if _MEMBER.fullmatch(str(step)) else "?" for step in first["loc"])
    if first["loc"] and first["loc"][-1] == "legal_basis":
        return MalformedInput("missing-legal-basis", f"{where}: name the agreement relied on")
    if first["type"] in {"enum", "literal_error"}:
        return MalformedInput("unknown-term", f"{where}: not a term of its vocabulary")
    return MalformedInput("malformed-request", f"{where}: {first['msg']}")
