"""The refusal of a consent: the originator signs it, so that the holder can prove that the consent was not given.

A signed statement of type `attache-consent-refusal+json`, made with the strongest suite that the originator has keys
for. It answers one request as a whole.
"""

from attache.consent_request import Words
from attache.crypto import KeyRing, Revoked, nothing_revoked
from attache.errors import Misconfigured, SignatureInvalid
from attache.package.instants import Instant
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.party import Party
from attache.package.statements import verify_dated_statement
from attache.package.values import PackageId, ParticipantId, Statement, read_statement
from attache.strict_json import canonical

REFUSAL = SignedType("attache-consent-refusal+json", "malformed-consent")


class ConsentRefusal(Statement):
    """What a refusal states: `originator` does not consent to the request that `holder` sent as the package `request_id`.

    `package_id` is the originator's package that the request is about; `reason` is the officer's text, for people.
    """

    originator: ParticipantId
    holder: ParticipantId
    package_id: PackageId
    request_id: PackageId
    reason: Words
    at: Instant


def sign_refusal(refusal: ConsentRefusal, keys: KeyRing) -> bytes:
    """The signed refusal, in the strongest suite of the ring. Raises Misconfigured where the ring cannot sign."""
    suites = keys.suites()
    if not suites:
        raise Misconfigured(detail=f"{keys.participant} has no signing keys")
    return sign_statement(REFUSAL, canonical(refusal.model_dump(mode="json")), keys, suites[0])


def parse_refusal_payload(raw: bytes) -> ConsentRefusal:
    """The refusal in a payload; raises MalformedInput("malformed-consent"). Does not verify who wrote it."""
    return read_statement(ConsentRefusal, raw, code="malformed-consent")


def verify_refusal(raw: bytes, originator: Party, *, revoked: Revoked = nothing_revoked) -> ConsentRefusal:
    """The refusal, once it is proven that `originator` (a verified descriptor) signed it with keys that held at its `at`.

    Raises MalformedInput, SignatureInvalid, UnknownKey, CertificateRejected. What is not checked: that the
    caller ever sent the request that it answers.
    """
    statement = parse_statement(raw, REFUSAL)
    payload = verify_dated_statement(statement, originator, lambda it: parse_refusal_payload(it).at, revoked)
    refusal = parse_refusal_payload(payload)
    # protocol G4
    if refusal.originator != originator.participant:
        raise SignatureInvalid(detail="signed by another participant than the originator it names")
    return refusal
