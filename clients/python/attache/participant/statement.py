"""What a descriptor states: names, endpoints, and keys by use. Values only; nothing here is verified."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from attache.crypto import MAX_CHAIN, SUITES, Algorithm, KeyUse, Suite, parse_certificate_text, parse_jwk
from attache.errors import AttacheError, MalformedInput
from attache.package.instants import Instant
from attache.package.party import KeyStatement, KeyStatus
from attache.package.values import KeyId, Line, ParticipantId, Sha256, Statement, read_statement
from attache.translog.vkey import SignatureType, parse_vkey
from attache.vocabulary import Post

MAX_KEYS = 128
MAX_CAPABILITIES = 64


def _certificate_text(text: str) -> str:
    try:
        parse_certificate_text(text)
    except MalformedInput as error:
        raise ValueError(error.detail) from None
    return text


CertificateText = Annotated[str, Field(max_length=8192), AfterValidator(_certificate_text)]
Capability = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
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
        # protocol K1
        if (self.use, self.algorithm) not in _USES:
            raise ValueError("the algorithm does not fit the use")
        try:
            key = parse_jwk(self.jwk, self.algorithm)
        except AttacheError as error:
            raise ValueError(error.detail) from None
        # protocol K1
        if key.key_id != self.key_id:
            raise ValueError("the key id is not the key's")
        if self.not_before >= self.not_after:
            raise ValueError("the key ends before it begins")
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
            x5c=tuple(certificate.text for certificate in key.chain),
            not_before=key.not_before,
            not_after=key.not_after,
            status=key.status,
        )

    def statement(self) -> KeyStatement:
        chain = tuple(parse_certificate_text(text) for text in self.x5c)
        key = parse_jwk(self.jwk, self.algorithm)
        return KeyStatement(self.use, key, self.epoch, self.not_before, self.not_after, self.status, chain)


_USES = {
    *((KeyUse.SIGN, algorithm) for rule in SUITES.values() for algorithm in rule.signatures),
    *((KeyUse.SEAL, rule.sealing) for rule in SUITES.values()),
}


class Endpoints(Statement):
    """How to reach the participant: by the base URL of its exchange API, or in its mailbox at the gateway, if `mailbox` is true."""

    exchange: Annotated[str, Field(pattern=r"^https://[!-~]{1,500}$")] | None = None
    mailbox: bool = False


class DescriptorStatement(Statement):
    """What a descriptor states: exactly the members that are signed.

    `tls` lists the thumbprints (`x5t#S256`) of the TLS certificates the participant connects and answers with; `log` (Ed25519),
    `log_mldsa44` (a second key of the same log) and `witness` are C2SP verifier keys; `previous` is the digest of the predecessor's payload.
    `capabilities` may hold names that this version does not know (D6); without any, the signed JSON lacks the member.
    """

    participant: ParticipantId
    name: Line
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    post: Post
    serial: Annotated[int, Field(ge=1)]
    previous: Sha256 | None = None
    suites: Annotated[tuple[Suite, ...], Field(min_length=1, max_length=len(Suite))]
    # protocol D6: older versions refuse this member, so a descriptor without capabilities must not have it.
    capabilities: Annotated[
        tuple[Capability, ...], Field(max_length=MAX_CAPABILITIES, exclude_if=lambda names: not names)
    ] = ()
    endpoints: Endpoints
    log: VerifierKey | None = None
    log_mldsa44: VerifierKey | None = None
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
        # protocol D6
        if list(self.capabilities) != sorted(set(self.capabilities)):
            raise ValueError("capabilities are out of order, or one occurs twice")
        if (self.serial == 1) != (self.previous is None):
            raise ValueError("the first descriptor has serial 1 and no predecessor")
        if self.log_mldsa44 is not None:
            _require_second_key(self.log_mldsa44, self.log)
        return self


def _require_second_key(text: str, first: str | None) -> None:
    try:
        second = parse_vkey(text)
    except AttacheError as error:
        raise ValueError(error.detail) from None
    if second.type is not SignatureType.MLDSA44 or first is None or first.partition("+")[0] != second.name:
        raise ValueError("log_mldsa44 is not an ML-DSA-44 key of the log")


def parse_descriptor_payload(payload: bytes) -> DescriptorStatement:
    """The statement in a payload; raises MalformedInput("malformed-descriptor"). Does not verify who wrote it."""
    return read_statement(DescriptorStatement, payload, code="malformed-descriptor")
