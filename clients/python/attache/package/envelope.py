r"""The envelope: routing in the clear, and the sealed manifest; and the frame in which it travels.

    attache-package/1\n
    u32 big-endian length, then the envelope as canonical JSON (at most 1 MiB)
    the parts' ciphertexts, one after another, in manifest order, and nothing after the last

The envelope has one encoding, so each package is exactly one sequence of bytes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, BinaryIO

from pydantic import Field

from attache.crypto import sha256_hex
from attache.errors import MalformedInput, PayloadTooLarge, UnsupportedVersion
from attache.package.instants import Instant
from attache.package.jwe import SealedText, parse_sealed_text
from attache.package.manifest import MAX_PARTS
from attache.package.steps import Step, at
from attache.package.values import PackageId, ParticipantId, Sha256, Statement, read_statement
from attache.strict_json import canonical, parse_object

MEDIA_TYPE = "application/vnd.attache.package"
SUFFIX = ".attache"
MAGIC = b"attache-package/1\n"
MAX_ENVELOPE_BYTES = 1 << 20

_MALFORMED = "malformed-package"
_LENGTH_BYTES = 4


class EnvelopePart(Statement):
    """What the transport needs to know about a part."""

    ciphertext_bytes: Annotated[int, Field(ge=1, le=1 << 42)]
    ciphertext_root: Sha256


class ClearMembers(Statement):
    """The envelope's members in the clear. They are the JWE's additional data, and repeated in the signed manifest."""

    package_id: PackageId
    originator: ParticipantId
    recipient: ParticipantId
    suite: str
    sealed_at: Instant
    parts: Annotated[tuple[EnvelopePart, ...], Field(min_length=1, max_length=MAX_PARTS)]


@dataclass(frozen=True)
class Envelope:
    """A well-formed envelope (step 1 of opening). Nothing in it is proven: use it to route the package and for nothing else."""

    clear: ClearMembers
    sealed_manifest: SealedText
    raw: bytes

    @property
    def package_id(self) -> PackageId:
        return self.clear.package_id

    @property
    def originator(self) -> ParticipantId:
        return self.clear.originator

    @property
    def recipient(self) -> ParticipantId:
        return self.clear.recipient

    @property
    def parts(self) -> tuple[EnvelopePart, ...]:
        return self.clear.parts

    @cached_property
    def sha256(self) -> str:
        """The digest of the envelope's bytes: two sealed packages are the same if their digests are equal."""
        return sha256_hex(self.raw)

    @property
    def parts_bytes(self) -> int:
        """How many bytes follow the envelope in the frame."""
        return sum(part.ciphertext_bytes for part in self.parts)


def make_envelope(clear: ClearMembers, sealed_manifest: dict[str, Any]) -> Envelope:
    """The envelope of its clear members and its sealed manifest; raises PayloadTooLarge where it would be longer than 1 MiB."""
    raw = canonical({**clear.model_dump(mode="json"), "manifest": sealed_manifest})
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise PayloadTooLarge(detail="the envelope is longer than 1 MiB: send fewer parts, or shorten their names")
    return Envelope(clear, parse_sealed_text(sealed_manifest), raw)


def encode_clear(clear: ClearMembers) -> bytes:
    """The canonical JSON of the clear members: the JWE's additional data."""
    return canonical(clear.model_dump(mode="json"))


def parse_envelope(raw: bytes) -> Envelope:
    """Step 1 for an envelope without its frame. Raises MalformedInput("malformed-package"), PayloadTooLarge."""
    with at(Step.SHAPE):
        if len(raw) > MAX_ENVELOPE_BYTES:
            raise PayloadTooLarge(detail="an envelope has at most 1 MiB")
        document = parse_object(raw, code=_MALFORMED)
        # protocol T2
        if canonical(document) != raw:
            raise MalformedInput(_MALFORMED, "the envelope is not canonical JSON")
        sealed_manifest = parse_sealed_text(document.pop("manifest", None))
        clear_bytes = canonical(document)
        # protocol E3
        if sealed_manifest.aad != clear_bytes:
            raise MalformedInput(_MALFORMED, "the JWE's additional data are not the clear members")
        # protocol E2
        return Envelope(read_statement(ClearMembers, clear_bytes, code=_MALFORMED), sealed_manifest, raw)


def encode_frame(envelope: Envelope) -> bytes:
    """The frame up to the first part: version line, length, envelope."""
    return MAGIC + len(envelope.raw).to_bytes(_LENGTH_BYTES, "big") + envelope.raw


def parse_frame(raw: bytes) -> Envelope:
    """The envelope of a frame that ends where its parts would begin.

    Raises as `parse_envelope`, and UnsupportedVersion for another version line.
    """
    with at(Step.SHAPE):
        length = _length_of(raw[: len(MAGIC) + _LENGTH_BYTES])
        body = raw[len(MAGIC) + _LENGTH_BYTES :]
        if len(body) != length:
            raise MalformedInput(_MALFORMED, "the frame is not as long as it states")
        return parse_envelope(body)


def split_frame(raw: bytes) -> tuple[bytes, list[bytes]]:
    """A whole package in memory as its frame and its parts' ciphertexts, by the sizes that the envelope states.

    Raises as `parse_frame`, and where the bytes after the envelope are not exactly those of its parts.
    """
    with at(Step.SHAPE):
        begin = len(MAGIC) + _LENGTH_BYTES + _length_of(raw[: len(MAGIC) + _LENGTH_BYTES])
        envelope = parse_frame(raw[:begin])
        # protocol E4
        if len(raw) - begin != envelope.parts_bytes:
            raise MalformedInput(_MALFORMED, "the bytes after the envelope are not as many as its parts have")
        parts = []
        for part in envelope.parts:
            parts.append(raw[begin : begin + part.ciphertext_bytes])
            begin += part.ciphertext_bytes
        return raw[: len(raw) - envelope.parts_bytes], parts


def read_frame(stream: BinaryIO) -> Envelope:
    """The envelope at the beginning of `stream`; leaves the stream at the first part. Reads at most 1 MiB and 22 bytes."""
    with at(Step.SHAPE):
        length = _length_of(_read(stream, len(MAGIC) + _LENGTH_BYTES))
        body = _read(stream, length)
        if len(body) != length:
            raise MalformedInput(_MALFORMED, "the frame ends within the envelope")
        return parse_envelope(body)


def _length_of(head: bytes) -> int:
    if len(head) != len(MAGIC) + _LENGTH_BYTES or not head.startswith(b"attache-package/"):
        raise MalformedInput(_MALFORMED, "not a sealed package")
    # protocol E1
    if not head.startswith(MAGIC):
        raise UnsupportedVersion(detail="another version of the sealed package")
    length = int.from_bytes(head[len(MAGIC) :], "big")
    # protocol E1
    if length > MAX_ENVELOPE_BYTES:
        raise PayloadTooLarge(detail="an envelope has at most 1 MiB")
    return length


def _read(stream: BinaryIO, count: int) -> bytes:
    """`count` bytes, or fewer at the end; a raw stream may give fewer at a time."""
    data = b""
    while len(data) < count and (more := stream.read(count - len(data))):
        data += more
    return data
