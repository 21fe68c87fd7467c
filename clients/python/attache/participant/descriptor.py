"""Trust in a descriptor: the first one is pinned by hand, each later one is signed with keys of its predecessor."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from attache.crypto import Certificate, KeyRing, Suite, parse_certificate_text, sha256_hex
from attache.errors import Conflict, Misconfigured, UnknownKey
from attache.package.ids import ParticipantId
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.party import KeyStatement, KeyStatus
from attache.package.statements import verify_dated_statement
from attache.participant.statement import DescriptorStatement, parse_descriptor_payload
from attache.strict_json import canonical
from attache.translog.vkey import VerifierKey, parse_vkey

PARTICIPANT = SignedType("attache-participant+json", "malformed-descriptor")


@dataclass(frozen=True)
class Descriptor:
    """A descriptor that was verified. Only `verify_descriptor` and `verify_successor` make one."""

    stated: DescriptorStatement = field(repr=False)
    raw: bytes = field(repr=False)
    sha256: str

    @property
    def participant(self) -> ParticipantId:
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

    @property
    def chains(self) -> dict[str, tuple[Certificate, ...]]:
        """The X.509 chains of the keys that have one, by key id, for `attache.crypto.load_private_keys`."""
        return {key.key_id: key.chain for key in self.keys if key.chain}

    @cached_property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The verifier keys of the participant's log: Ed25519, and then ML-DSA-44 where it lists one; none where it has no log.

        Raises MalformedInput, UnsupportedVersion for a text that is not a verifier key.
        """
        return tuple(parse_vkey(text) for text in (self.stated.log, self.stated.log_mldsa44) if text)

    @cached_property
    def certificate_authorities(self) -> tuple[Certificate, ...]:
        return tuple(parse_certificate_text(text) for text in self.stated.certificate_authorities)


def sign_descriptor(stated: DescriptorStatement, keys: KeyRing) -> bytes:
    """The signed descriptor, in the strongest suite of `keys`: its own keys for the first one, its predecessor's for a successor.

    Raises Misconfigured if the ring cannot sign.
    """
    suites = keys.suites()
    if not suites:
        raise Misconfigured(detail=f"{keys.participant} has no signing keys")
    return sign_statement(PARTICIPANT, canonical(stated.model_dump(mode="json")), keys, suites[0])


def fingerprint_of(raw: bytes) -> str:
    """The fingerprint of a descriptor that is not yet verified: SHA-256 of its payload, as hex.

    Two people compare it, in words (`fingerprint_words`), before it is pinned.
    """
    # protocol D5
    return parse_statement(raw, PARTICIPANT).payload_sha256


def verify_descriptor(raw: bytes, *, fingerprint: str) -> Descriptor:
    """The descriptor of that fingerprint, signed by the keys that it lists itself.

    Raises MalformedInput, SignatureInvalid, UnknownKey, CertificateRejected.
    """
    statement = parse_statement(raw, PARTICIPANT)
    # protocol D1
    payload = statement.pinned_payload(fingerprint)
    descriptor = _descriptor_of(payload, raw)
    # protocol D1
    verify_dated_statement(statement, descriptor, lambda _: descriptor.stated.issued_at)
    return descriptor


def accepted_descriptor(raw: bytes, *, fingerprint: str) -> Descriptor:
    """A descriptor that was verified and accepted before, recognised by its fingerprint alone.

    Its signature is not verified anew: a successor is signed with a key of its predecessor, which it may itself revoke.
    Raises MalformedInput, and SignatureInvalid for another fingerprint.
    """
    return _descriptor_of(parse_statement(raw, PARTICIPANT).pinned_payload(fingerprint), raw)


def verify_successor(raw: bytes, predecessor: Descriptor) -> Descriptor:
    """The descriptor that follows `predecessor`; the predecessor itself if `raw` has the same payload.

    It names the predecessor's digest, has a greater serial, was signed with keys that the predecessor lists as active
    at its `issued_at`, and keeps every key: an old key may retire or be revoked, but not vanish or come back.
    Raises MalformedInput, SignatureInvalid, CertificateRejected, and Conflict("descriptor-rollback").
    """
    statement = parse_statement(raw, PARTICIPANT)
    if statement.payload_sha256 == predecessor.sha256:
        return predecessor
    try:
        # protocol D2
        payload = verify_dated_statement(statement, predecessor, lambda it: parse_descriptor_payload(it).issued_at)
    except UnknownKey:
        raise _rollback("not signed with keys of the one on record") from None
    successor = _descriptor_of(payload, raw)
    _require_succession(successor.stated, predecessor)
    _require_keys_kept(successor.keys, predecessor.keys)
    return successor


def _require_succession(stated: DescriptorStatement, predecessor: Descriptor) -> None:
    before = predecessor.stated
    # protocol D2
    if stated.participant != before.participant:
        raise _rollback("another participant")
    # protocol D2
    if stated.serial <= before.serial or stated.issued_at < before.issued_at:
        raise _rollback("older than the one on record")
    # protocol D2
    if stated.previous != predecessor.sha256:
        raise _rollback("it does not follow the one on record")


def _require_keys_kept(keys: Iterable[KeyStatement], before: Iterable[KeyStatement]) -> None:
    by_id = {key.key_id: key for key in keys}
    for old in before:
        new = by_id.get(old.key_id)
        # protocol D3
        if new is None or (new.use, new.epoch, new.not_before) != (old.use, old.epoch, old.not_before):
            raise _rollback("a key of the one on record is missing or changed")
        # protocol D3
        if old.status is KeyStatus.REVOKED and new.status is not KeyStatus.REVOKED:
            raise _rollback("a revoked key is no longer revoked")


def _rollback(why: str) -> Conflict:
    return Conflict("descriptor-rollback", why)


def _descriptor_of(payload: bytes, raw: bytes) -> Descriptor:
    # protocol D5
    return Descriptor(parse_descriptor_payload(payload), raw, sha256_hex(payload))
