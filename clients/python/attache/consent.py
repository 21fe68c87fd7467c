"""Originator consent: what an originator signs so that a holder may pass one part on, to one recipient, for one purpose.

A consent is a signed statement of type `attache-consent+json` (`attache.package.jws`), made with the strongest suite
that the originator has keys for. It covers content by its digest: no other part, and no later version of it.
"""

from typing import Self

from pydantic import model_validator

from attache.crypto import KeyRing, Revoked, nothing_revoked
from attache.errors import Misconfigured, SignatureInvalid
from attache.package.instants import Instant
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.party import Party
from attache.package.statements import verify_dated_statement
from attache.package.values import PackageId, ParticipantId, Sha256, Statement, Uuid7, read_statement
from attache.strict_json import canonical
from attache.vocabulary import Purpose

CONSENT = SignedType("attache-consent+json", "malformed-consent")


class Consent(Statement):
    """What a consent states: `holder` may pass the part with this SHA-256 on to `recipient`, for `purpose`, until `expires_at`.

    `package_id` is the package in which the originator gave it to the holder, `request_id` the holder's request for it.
    """

    consent_id: Uuid7
    originator: ParticipantId
    holder: ParticipantId
    recipient: ParticipantId
    purpose: Purpose
    content_sha256: Sha256
    package_id: PackageId
    request_id: PackageId
    at: Instant
    expires_at: Instant

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.expires_at <= self.at:
            raise ValueError("the consent expires before it is given")
        if len({self.originator, self.holder, self.recipient}) != 3:  # noqa: PLR2004 -- the three parties of third-party sharing
            raise ValueError("originator, holder and recipient are three participants")
        return self


def sign_consent(consent: Consent, keys: KeyRing) -> bytes:
    """The signed consent, in the strongest suite of the ring. Raises Misconfigured where the ring cannot sign."""
    suites = keys.suites()
    if not suites:
        raise Misconfigured(detail=f"{keys.participant} has no signing keys")
    return sign_statement(CONSENT, canonical(consent.model_dump(mode="json")), keys, suites[0])


def parse_consent_payload(raw: bytes) -> Consent:
    """The consent in a payload; raises MalformedInput("malformed-consent"). Does not verify who wrote it."""
    return read_statement(Consent, raw, code="malformed-consent")


def verify_consent(raw: bytes, originator: Party, *, revoked: Revoked = nothing_revoked) -> Consent:
    """The consent, once it is proven that `originator` (a verified descriptor) signed it with keys that held at its `at`.

    Raises MalformedInput, SignatureInvalid, UnknownKey, CertificateRejected. What is not checked: that it has not
    expired, and that it covers the part that the holder wants to pass on; policy checks both when it decides.
    """
    statement = parse_statement(raw, CONSENT)
    payload = verify_dated_statement(statement, originator, lambda it: parse_consent_payload(it).at, revoked)
    consent = parse_consent_payload(payload)
    # protocol G3
    if consent.originator != originator.participant:
        raise SignatureInvalid(detail="signed by another participant than the originator it names")
    return consent
