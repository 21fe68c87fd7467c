"""The manifest: what the originator states and signs about a package. Values only; nothing here is verified.

`ManifestFacts` holds what the originator decides. `Manifest` adds the recipient and the sealing, and is signed.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attache.crypto import Suite, b64u
from attache.package.instants import Instant
from attache.package.parts import MAX_PART_BYTES, SealedPart
from attache.package.values import (
    MAX_LIST,
    DeskId,
    FileName,
    KeyId,
    KeyText,
    Line,
    MarkingTexts,
    MediaType,
    PackageId,
    ParticipantId,
    Sha256,
    Statement,
    Uuid7,
    read_statement,
)
from attache.strict_json import canonical
from attache.vocabulary import (
    Caveat,
    ContentClass,
    CrimeType,
    Evaluation,
    HandlingCode,
    Kind,
    Markings,
    Onward,
    Post,
    Purpose,
    Urgency,
)

MAX_PARTS = MAX_LIST


class ManifestPart(Statement):
    """One stream of bytes: what it is, and how to open it. `bytes` and `sha256` are the plaintext's."""

    name: FileName
    media_type: MediaType
    bytes: Annotated[int, Field(ge=0, le=MAX_PART_BYTES)]
    sha256: Sha256
    key: KeyText
    ciphertext_bytes: Annotated[int, Field(ge=1)]
    ciphertext_root: Sha256
    markings: MarkingTexts
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=len(ContentClass))]
    evaluation: Evaluation = Evaluation.UNEVALUATED
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
        evaluation: Evaluation = Evaluation.UNEVALUATED,
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
            evaluation=evaluation,
            redacted=redacted,
        )


class Release(Statement):
    """Why the package was allowed to leave: the decision, the policies that made it, and who approved it (pseudonymous)."""

    decision_id: Uuid7
    policy_set_hash: Sha256
    approvers: Annotated[tuple[Line, ...], Field(max_length=16)] = ()
    release_proof_sha256: Sha256 | None = None


class ManifestFacts(Statement):
    """What the originator decides about a package."""

    package_id: PackageId
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
        # protocol M4
        if self.created_at >= self.expires_at:
            raise ValueError("the package expires before it was created")
        # protocol M2, M3
        for name in ("name", "key"):
            if len({getattr(part, name) for part in self.parts}) != len(self.parts):
                raise ValueError(f"two parts have the same {name}")
        return self


class Manifest(ManifestFacts):
    """The statement that is signed: the facts, the recipient, and how the package was sealed."""

    version: Literal[1] = 1
    recipient: ParticipantId
    recipient_desk: DeskId | None = None
    recipient_key_ids: Annotated[tuple[KeyId, ...], Field(min_length=1, max_length=8)]
    suite: Suite
    offered_suites: Annotated[tuple[Suite, ...], Field(min_length=1, max_length=len(Suite))]
    sealed_at: Instant

    @model_validator(mode="after")
    def _choose(self) -> Self:
        # protocol M4
        if self.suite not in self.offered_suites:
            raise ValueError("the recipient did not offer the suite")
        # protocol M4
        if self.sealed_at < self.created_at:
            raise ValueError("the package was sealed before it was created")
        return self


def encode_manifest(manifest: Manifest) -> bytes:
    """The canonical JSON that is signed."""
    return canonical(manifest.model_dump(mode="json"))


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest in `raw`; raises MalformedInput("malformed-package"). Does not verify who wrote it."""
    return read_statement(Manifest, raw, code="malformed-package")
