"""A request for consent: the part with which a holder, in a package of kind `request`, asks the originator.

The package is a reply to the one that brought the content (`in_reply_to`), and its manifest is what is signed. The part
is canonical JSON. A package of kind `request` without this part is a request that only a person can read and answer.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from attache.package.values import FileName, PackageId, ParticipantId, Sha256, Statement, read_statement
from attache.strict_json import canonical
from attache.vocabulary import Purpose

MEDIA_TYPE = "application/vnd.attache.consent-request+json"
PART_NAME = "consent-request.json"
MAX_REQUEST_BYTES = 16 << 10
MAX_WORDS = 2000


def _shown(text: str) -> str:
    """Checks that every character prints; a line feed is allowed, too."""
    if any(not char.isprintable() and char != "\n" for char in text):
        raise ValueError("a character that does not print")
    return text


Words = Annotated[str, Field(min_length=1, max_length=MAX_WORDS), AfterValidator(_shown)]


class ConsentRequest(Statement):
    """Asks whether `holder` may pass the part on to `recipient`, for `purpose`. `package_id` is the package that brought the part."""

    format: Literal["attache-consent-request/1"] = "attache-consent-request/1"
    originator: ParticipantId
    holder: ParticipantId
    recipient: ParticipantId
    purpose: Purpose
    package_id: PackageId
    part: FileName
    content_sha256: Sha256
    reason: Words

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len({self.originator, self.holder, self.recipient}) != 3:  # noqa: PLR2004 -- the three parties of third-party sharing
            raise ValueError("originator, holder and recipient are three participants")
        return self


def encode_request(request: ConsentRequest) -> bytes:
    """The bytes of the part."""
    return canonical(request.model_dump(mode="json"))


def parse_request(raw: bytes) -> ConsentRequest:
    """The request in a part; raises MalformedInput("malformed-consent"). Does not verify who wrote it."""
    return read_statement(ConsentRequest, raw, code="malformed-consent")
