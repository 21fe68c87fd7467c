"""The manifest: what the originator states and signs about a package. Values only; nothing here is verified.

`ManifestFacts` is what the originator decides. `Manifest` adds to whom and how it was sealed, and is what is signed.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from attache.crypto import Suite, b64u, parse_b64u
from attache.errors import AttacheError, MalformedInput
from attache.package.ids import PARTICIPANT_PATTERN, UUID7_PATTERN
from attache.package.instants import Instant
from attache.package.parts import MAX_PART_BYTES, SealedPart
from attache.strict_json import canonical, parse_object
from attache.vocabulary import (
    Caveat,
    ContentClass,
    CrimeType,
    HandlingCode,
    Kind,
    Markings,
    Onward,
    Post,
    Purpose,
    Urgency,
)

MAX_PARTS = 1000
MAX_NAME_BYTES = 255


def _plain(text: str) -> str:
    """No control characters, no line or paragraph separators, no bidirectional overrides: what is shown is what is."""
    if any(not char.isprintable() for char in text):
        raise ValueError("a character that does not print")
    return text


def _file_name(text: str) -> str:
    """A name that cannot leave its folder or hide in it."""
    if text != text.strip() or text.startswith(".") or any(char in text for char in '/\\:*?"<>|'):
        raise ValueError("not a plain file name")
    if len(text.encode()) > MAX_NAME_BYTES:
        raise ValueError("too long a name")
    return _plain(text)


def _known_markings(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        if tuple(Markings.parse(texts).texts()) != texts:
            raise ValueError("markings in another order or spelling")
    except AttacheError as error:
        raise ValueError(error.detail) from None
    return texts


def _key_bytes(text: str) -> str:
    try:
        parse_b64u(text, size=32)
    except MalformedInput as error:
        raise ValueError(error.detail) from None
    return text


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ParticipantId = Annotated[str, Field(pattern=PARTICIPANT_PATTERN)]
DeskId = ParticipantId
Uuid7 = Annotated[str, Field(pattern=UUID7_PATTERN)]
KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_plain)]
FileName = Annotated[str, Field(min_length=1), AfterValidator(_file_name)]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,127}(;[ -~]{1,127})?$")]
MarkingTexts = Annotated[tuple[str, ...], Field(max_length=8), AfterValidator(_known_markings)]


class Statement(BaseModel):
    """A signed value: strict, closed, unchangeable."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class ManifestPart(Statement):
    """One stream of bytes: what it is, and how to open it. `bytes` and `sha256` are the plaintext's."""

    name: FileName
    media_type: MediaType
    bytes: Annotated[int, Field(ge=0, le=MAX_PART_BYTES)]
    sha256: Sha256
    key: Annotated[str, AfterValidator(_key_bytes), Field(repr=False)]
    ciphertext_bytes: Annotated[int, Field(ge=1)]
    ciphertext_root: Sha256
    markings: MarkingTexts
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=len(ContentClass))]
    redacted: bool = False

    @classmethod
    def of(
        cls,
        sealed: SealedPart,
        *,
        name: str,
        media_type: str,
        markings: Markings,
        content_class: tuple[ContentClass, ...] = (),
        redacted: bool = False,
    ) -> Self:
        """The statement about a part that a `PartSealer` has sealed."""
        return cls(
            name=name,
            media_type=media_type,
            bytes=sealed.bytes,
            sha256=sealed.sha256,
            key=b64u(sealed.key),
            ciphertext_bytes=sealed.ciphertext_bytes,
            ciphertext_root=sealed.ciphertext_root,
            markings=tuple(markings.texts()),
            content_class=content_class,
            redacted=redacted,
        )


class Release(Statement):
    """By what right it left: the decision, the policies it was made under, and who approved it (pseudonymous)."""

    decision_id: Uuid7
    policy_set_hash: Sha256
    approvers: Annotated[tuple[Line, ...], Field(max_length=16)] = ()
    release_proof_sha256: Sha256 | None = None


class ManifestFacts(Statement):
    """What the originator decides about a package."""

    package_id: Uuid7
    kind: Kind
    originator: ParticipantId
    post: Post
    created_at: Instant
    expires_at: Instant
    in_reply_to: Uuid7 | None = None
    thread_id: Uuid7 | None = None
    title: Line
    purpose: Purpose
    legal_basis: Line
    crime_types: Annotated[tuple[CrimeType, ...], Field(max_length=len(CrimeType))] = ()
    urgency: Urgency
    markings: MarkingTexts
    handling_codes: Annotated[tuple[HandlingCode, ...], Field(max_length=len(HandlingCode))] = ()
    caveats: Annotated[tuple[Caveat, ...], Field(max_length=len(Caveat))] = ()
    retain_until: Instant | None = None
    onward: Onward
    release: Release
    parts: Annotated[tuple[ManifestPart, ...], Field(min_length=1, max_length=MAX_PARTS)]

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.created_at >= self.expires_at:
            raise ValueError("it expires before it was made")
        for name in ("name", "key"):
            if len({getattr(part, name) for part in self.parts}) != len(self.parts):
                raise ValueError(f"two parts have the same {name}")
        return self


class Manifest(ManifestFacts):
    """What is signed: the facts, and to whom and how they were sealed."""

    version: Literal[1] = 1
    recipient: ParticipantId
    recipient_desk: DeskId | None = None
    recipient_key_ids: Annotated[tuple[KeyId, ...], Field(min_length=1, max_length=8)]
    suite: Suite
    offered_suites: Annotated[tuple[Suite, ...], Field(min_length=1, max_length=len(Suite))]
    sealed_at: Instant

    @model_validator(mode="after")
    def _choose(self) -> Self:
        if self.suite not in self.offered_suites:
            raise ValueError("the suite is not one that was offered")
        if self.sealed_at < self.created_at:
            raise ValueError("sealed before it was made")
        return self


def encode_manifest(manifest: Manifest) -> bytes:
    """The canonical JSON that is signed."""
    return canonical(manifest.model_dump(mode="json"))


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest in `raw`; raises MalformedInput("malformed-package"). Says nothing of who wrote it."""
    parse_object(raw, code="malformed-package")
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise MalformedInput("malformed-package", first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """The place and kind of the first fault, without the value: a value may be content."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    text = f"{'.'.join(str(place) for place in fault['loc'])}: {fault['msg']}"
    return "".join(char if char.isprintable() else "?" for char in text)[:200]
