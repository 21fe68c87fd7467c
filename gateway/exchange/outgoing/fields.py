"""Fields: what there is to decide within a part, read from its content each time that policy is asked.

The content is decrypted in memory, one part at a time, and only where the gateway understands it (gateway.content).
What it cannot be read as, it is not released as: it is refused. Blocking.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from attache.crypto import parse_b64u
from attache.errors import IntegrityLost, MalformedInput, NotAuthentic, NotPermitted, PayloadTooLarge
from attache.package import PartStatement, SealedPart, open_part
from attache.vocabulary import Markings
from attache.wire.packages import PartFacts, Submission
from gateway.content import UnitFacts, foreseen, is_understood, units
from gateway.exchange.kernel.agency import Agency
from gateway.policy import FieldFacts
from gateway.policy.request import MAX_FIELDS

Fields = tuple[tuple[FieldFacts, ...], ...]
"""What there is to decide within each part, in the order of the parts."""


class Readable(Protocol):
    """Where the contents of a package's parts come from."""

    def read(self, agency: Agency, number: int) -> bytes | None:
        """A part's content, in memory; None where there is none yet."""
        ...


@dataclass(frozen=True)
class ContentAsked:
    """The contents that came with a question."""

    submission: Submission

    def read(self, agency: Agency, number: int) -> bytes | None:
        """The part's content as it came; see Readable."""
        given = self.submission.parts[number].content
        if given is None:
            return None
        plaintext = parse_b64u(given)
        require_readable(agency, self.submission.parts[number], len(plaintext))
        return plaintext


@dataclass(frozen=True)
class Content:
    """The parts of one package as they were encrypted on arrival,
    in the order of the submission, and where they are.
    """

    parts: tuple[SealedPart, ...]
    blob_ids: tuple[str, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(part.sha256 for part in self.parts)

    def read(self, agency: Agency, number: int) -> bytes:
        """A part's content, in memory. Only for what is understood, whose size is bounded."""
        return b"".join(self.pieces(agency, number))

    def pieces(self, agency: Agency, number: int) -> Iterator[bytes]:
        """A part's content, piece by piece; raises IntegrityLost before the
        last where the blob is not what was stored.
        """
        part = self.parts[number]
        stated = PartStatement(part.key, part.bytes, part.sha256, part.ciphertext_bytes, part.ciphertext_root)
        try:
            yield from open_part(stated, agency.blobs.chunks(self.blob_ids[number]))
        except NotAuthentic:
            raise IntegrityLost(detail="a stored part does not open", step="at-rest") from None


def fields_of(agency: Agency, submission: Submission, content: Content) -> Fields:
    """What there is to decide within the parts of a package that has all its content.

    Raises MalformedInput: `content-malformed`, `unknown-field`,
    and PayloadTooLarge("content-too-large"), each naming the part.
    """
    found: list[tuple[FieldFacts, ...]] = []
    for number, part in enumerate(submission.parts):
        require_readable(agency, part, content.parts[number].bytes)
        if is_understood(part.media_type):
            with about_part(part):
                found.append(_facts(units(part.media_type, content.read(agency, number), stated_units(part))))
        else:
            found.append(_as_stated(part))
    return _bounded(found)


def fields_foreseen(agency: Agency, submission: Submission) -> Fields:
    """The same for a package that is only asked about:
    from what content comes with the question, else from what is stated.
    """
    asked = ContentAsked(submission)
    found: list[tuple[FieldFacts, ...]] = []
    for number, part in enumerate(submission.parts):
        plaintext = asked.read(agency, number) if is_understood(part.media_type) else None
        if plaintext is None:
            found.append(_as_stated(part))
            continue
        with about_part(part):
            found.append(_facts(units(part.media_type, plaintext, stated_units(part))))
    return _bounded(found)


def require_readable(agency: Agency, part: PartFacts, size: int) -> None:
    """Raise PayloadTooLarge("content-too-large") for what is understood and too large to be looked into."""
    if is_understood(part.media_type) and size > agency.limits.max_content_bytes:
        raise PayloadTooLarge("content-too-large", extra={"part": part.name})


def stated_units(part: PartFacts) -> tuple[UnitFacts, ...]:
    """What the submitter says of a part's fields."""
    return tuple(
        UnitFacts(
            unit.path,
            Markings.parse(unit.markings),
            frozenset(unit.content_class),
            unit.originator or "",
            frozenset(unit.handling_codes),
        )
        for unit in part.fields
    )


@contextmanager
def about_part(part: PartFacts) -> Iterator[None]:
    """An error about content names the part."""
    try:
        yield
    except (MalformedInput, NotPermitted) as error:
        raise type(error)(error.code, error.detail, extra={**error.extra, "part": part.name}) from None


def _as_stated(part: PartFacts) -> tuple[FieldFacts, ...]:
    if part.fields and not is_understood(part.media_type):
        raise MalformedInput(
            "unknown-field", "the gateway does not look into this media type", extra={"part": part.name}
        )
    with about_part(part):
        return _facts(foreseen(part.media_type, stated_units(part)))


def _facts(found: Sequence[UnitFacts]) -> tuple[FieldFacts, ...]:
    return tuple(
        FieldFacts(
            path=unit.path,
            markings=unit.markings,
            content_class=unit.content_class,
            origin=unit.origin,
            handling_codes=unit.handling_codes,
            unresolved_markings=unit.unresolved,
            contradictory_markings=unit.contradictory,
        )
        for unit in found
    )


def _bounded(found: Sequence[tuple[FieldFacts, ...]]) -> Fields:
    if sum(map(len, found)) > MAX_FIELDS:
        raise PayloadTooLarge("content-too-large", f"a package has at most {MAX_FIELDS} fields to decide about")
    return tuple(found)
