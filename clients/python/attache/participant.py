"""Participant descriptors: the one signed file in which a participant states its names, keys and endpoints.

The first one is exchanged by hand and pinned by its fingerprint, compared in words. Every later one is accepted only as
the successor of the one on record: signed with keys that one lists, naming its digest, with a greater serial.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from attache.crypto import (
    MAX_CHAIN,
    SUITES,
    Algorithm,
    Certificate,
    KeyRing,
    KeyUse,
    Suite,
    parse_jwk,
    sha256_hex,
)
from attache.errors import AttacheError, Conflict, MalformedInput, Misconfigured, UnknownKey
from attache.package.instants import Instant
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.manifest import KeyId, Line, ParticipantId, Sha256, Statement, first_fault
from attache.package.party import KeyStatement, KeyStatus
from attache.package.statements import verify_dated_statement
from attache.strict_json import canonical, parse_object
from attache.vocabulary import Post

PARTICIPANT = SignedType("attache-participant+json", "malformed-descriptor")
MAX_KEYS = 128

_MALFORMED = "malformed-descriptor"


def _certificate_text(text: str) -> str:
    _certificate(text)
    return text


def _certificate(text: str) -> Certificate:
    """Of standard base64 DER, as in `x5c`."""
    try:
        der = base64.b64decode(text, validate=True)
        if base64.b64encode(der).decode() != text:
            raise ValueError("base64 in another spelling")
        return Certificate(der)
    except (binascii.Error, MalformedInput):
        raise ValueError("not a certificate") from None


CertificateText = Annotated[str, Field(max_length=8192), AfterValidator(_certificate_text)]
VerifierKey = Annotated[str, Field(pattern=r"^[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{4,4000}={0,2}$")]


class DescribedKey(Statement):
    """A key as the descriptor lists it; `jwk` holds the public members only."""

    use: KeyUse
    algorithm: Algorithm
    key_id: KeyId
    epoch: Annotated[int, Field(ge=1, le=1_000_000)]
    jwk: dict[str, str]
    x5c: Annotated[tuple[CertificateText, ...], Field(max_length=MAX_CHAIN)] = ()
    not_before: Instant
    not_after: Instant
    status: KeyStatus

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.use, self.algorithm) not in _USES:
            raise ValueError("an algorithm that is not for that use")
        try:
            key = parse_jwk(self.jwk, self.algorithm)
        except AttacheError as error:
            raise ValueError(error.detail) from None
        if key.key_id != self.key_id:
            raise ValueError("the key id is not the key's")
        if self.not_before >= self.not_after:
            raise ValueError("a key that ends before it begins")
        if self.x5c and self.algorithm is not Algorithm.ES384:
            raise ValueError("only ES384 keys have certificates")
        return self

    @classmethod
    def of(cls, key: KeyStatement) -> Self:
        return cls(
            use=key.use,
            algorithm=key.algorithm,
            key_id=key.key_id,
            epoch=key.epoch,
            jwk=key.public_key.jwk(),
            x5c=tuple(base64.b64encode(certificate.der).decode() for certificate in key.chain),
            not_before=key.not_before,
            not_after=key.not_after,
            status=key.status,
        )

    def statement(self) -> KeyStatement:
        chain = tuple(_certificate(text) for text in self.x5c)
        key = parse_jwk(self.jwk, self.algorithm)
        return KeyStatement(self.use, key, self.epoch, self.not_before, self.not_after, self.status, chain)


_USES = {
    *((KeyUse.SIGN, algorithm) for rule in SUITES.values() for algorithm in rule.signatures),
    *((KeyUse.SEAL, rule.sealing) for rule in SUITES.values()),
}


class Endpoints(Statement):
    """How to reach the participant: the base URL of its exchange API; or that it collects from our mailbox."""

    exchange: Annotated[str, Field(pattern=r"^https://[!-~]{1,500}$")] | None = None
    mailbox: bool = False


class DescriptorStatement(Statement):
    """What a descriptor states; signed as it stands.

    `tls` lists the thumbprints (`x5t#S256`) of the TLS certificates the participant connects and answers with; `log` and
    `witness` are C2SP verifier keys; `previous` is the digest of the predecessor's payload.
    """

    participant: ParticipantId
    name: Line
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    post: Post
    serial: Annotated[int, Field(ge=1)]
    previous: Sha256 | None = None
    suites: Annotated[tuple[Suite, ...], Field(min_length=1, max_length=len(Suite))]
    endpoints: Endpoints
    log: VerifierKey | None = None
    witness: VerifierKey | None = None
    certificate_authorities: Annotated[tuple[CertificateText, ...], Field(max_length=8)]
    tls: Annotated[tuple[KeyId, ...], Field(max_length=16)]
    keys: Annotated[tuple[DescribedKey, ...], Field(min_length=1, max_length=MAX_KEYS)]
    issued_at: Instant

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len({key.key_id for key in self.keys}) != len(self.keys):
            raise ValueError("a key occurs twice")
        if len(set(self.suites)) != len(self.suites):
            raise ValueError("a suite occurs twice")
        if (self.serial == 1) != (self.previous is None):
            raise ValueError("the first descriptor has serial 1 and no predecessor")
        return self


@dataclass(frozen=True)
class Descriptor:
    """A descriptor that was verified. Only `verify_descriptor` and `verify_successor` make one."""

    stated: DescriptorStatement
    raw: bytes
    sha256: str

    @property
    def participant(self) -> str:
        return self.stated.participant

    @property
    def serial(self) -> int:
        return self.stated.serial

    @property
    def suites(self) -> tuple[Suite, ...]:
        return self.stated.suites

    @cached_property
    def keys(self) -> tuple[KeyStatement, ...]:
        return tuple(key.statement() for key in self.stated.keys)

    @cached_property
    def certificate_authorities(self) -> tuple[Certificate, ...]:
        return tuple(_certificate(text) for text in self.stated.certificate_authorities)


def sign_descriptor(stated: DescriptorStatement, keys: KeyRing) -> bytes:
    """The signed descriptor, in the strongest suite of the ring: its own for the first, the predecessor's for a successor."""
    suites = keys.suites()
    if not suites:
        raise Misconfigured(detail=f"{keys.participant} has no signing keys")
    return sign_statement(PARTICIPANT, canonical(stated.model_dump(mode="json")), keys, suites[0])


def fingerprint_of(raw: bytes) -> str:
    """The fingerprint of a descriptor that nobody has verified: SHA-256 of its payload, as hex.

    Two people compare it, in words (`fingerprint_words`), before it is pinned.
    """
    return parse_statement(raw, PARTICIPANT).payload_sha256


def verify_descriptor(raw: bytes, *, fingerprint: str) -> Descriptor:
    """The descriptor of that fingerprint, signed by the keys that it lists itself.

    Raises MalformedInput, SignatureInvalid, UnknownKey, CertificateRejected.
    """
    statement = parse_statement(raw, PARTICIPANT)
    payload = statement.pinned_payload(fingerprint)
    descriptor = _descriptor_of(payload, raw)
    verify_dated_statement(statement, descriptor, lambda _: descriptor.stated.issued_at)
    return descriptor


def verify_successor(raw: bytes, predecessor: Descriptor) -> Descriptor:
    """The descriptor that follows `predecessor`; the predecessor itself where `raw` states the very same.

    It names the predecessor's digest, has a greater serial, was signed with keys that the predecessor lists as active
    at its `issued_at`, and keeps every key: an old key may retire or be revoked, but not vanish or come back.
    Raises MalformedInput, SignatureInvalid, CertificateRejected, and Conflict("descriptor-rollback").
    """
    statement = parse_statement(raw, PARTICIPANT)
    if statement.payload_sha256 == predecessor.sha256:
        return predecessor
    try:
        payload = verify_dated_statement(statement, predecessor, lambda it: _parse_payload(it).issued_at)
    except UnknownKey:
        raise _rollback("not signed with keys of the one on record") from None
    successor = _descriptor_of(payload, raw)
    _require_succession(successor.stated, predecessor)
    _require_keys_kept(successor.keys, predecessor.keys)
    return successor


def _require_succession(stated: DescriptorStatement, predecessor: Descriptor) -> None:
    before = predecessor.stated
    if stated.participant != before.participant:
        raise _rollback("another participant")
    if stated.serial <= before.serial or stated.issued_at < before.issued_at:
        raise _rollback("older than the one on record")
    if stated.previous != predecessor.sha256:
        raise _rollback("it does not follow the one on record")


def _require_keys_kept(keys: Iterable[KeyStatement], before: Iterable[KeyStatement]) -> None:
    by_id = {key.key_id: key for key in keys}
    for old in before:
        new = by_id.get(old.key_id)
        if new is None or (new.use, new.epoch, new.not_before) != (old.use, old.epoch, old.not_before):
            raise _rollback("a key of the one on record is gone, or restated")
        if old.status is KeyStatus.REVOKED and new.status is not KeyStatus.REVOKED:
            raise _rollback("a revoked key is back")


def _rollback(why: str) -> Conflict:
    return Conflict("descriptor-rollback", why)


def _parse_payload(payload: bytes) -> DescriptorStatement:
    parse_object(payload, code=_MALFORMED)
    try:
        return DescriptorStatement.model_validate_json(payload)
    except ValidationError as error:
        raise MalformedInput(_MALFORMED, first_fault(error)) from None


def _descriptor_of(payload: bytes, raw: bytes) -> Descriptor:
    return Descriptor(_parse_payload(payload), raw, sha256_hex(payload))
