"""Who signed a statement, and whether the keys were valid then: step 4 of opening, and the same for receipts and descriptors."""

from collections.abc import Callable
from datetime import datetime

from attache.crypto import KeyUse, PublicKey, Revoked, nothing_revoked, verify_chain
from attache.errors import CertificateRejected, SignatureInvalid, UnknownKey
from attache.package.jws import SignatureClaim, UnverifiedStatement
from attache.package.party import Party, key_of, strongest_suite


def verify_statement(
    statement: UnverifiedStatement, signer: Party, signed_at: datetime, revoked: Revoked = nothing_revoked
) -> bytes:
    """The payload of a statement, once it is proven that `signer` made it with keys that were valid at `signed_at`.

    The caller vouches for `signed_at`; a caller that takes it from the payload uses `verify_dated_statement`.
    Raises SignatureInvalid, UnknownKey, CertificateRejected.
    """
    return statement.verify(lambda claim: _key_that_held(signer, claim, signed_at, revoked))


def verify_dated_statement(
    statement: UnverifiedStatement,
    signer: Party,
    signed_at: Callable[[bytes], datetime],
    revoked: Revoked = nothing_revoked,
) -> bytes:
    """As `verify_statement`, for a statement that contains its own date and that every participant may read.

    `signed_at` reads the instant from the payload after the signatures were verified; the keys must have been valid at that
    instant, and the suite must be the strongest that the signer had keys for.
    """
    payload = statement.verify(lambda claim: _key_named(signer, claim))
    instant = signed_at(payload)
    for claim in statement.claims:
        _key_that_held(signer, claim, instant, revoked)
    # protocol S5
    if statement.suite is not strongest_suite(signer, instant):
        raise SignatureInvalid(detail="signed with a suite that is weaker than the signer's strongest")
    return payload


def _key_named(signer: Party, claim: SignatureClaim) -> PublicKey:
    for key in signer.keys:
        if key.key_id == claim.key_id and key.use is KeyUse.SIGN and key.algorithm is claim.algorithm:
            return key.public_key
    raise UnknownKey(detail=f"{signer.participant} lists no such signing key")


def _key_that_held(signer: Party, claim: SignatureClaim, at: datetime, revoked: Revoked) -> PublicKey:
    key = key_of(signer, claim.key_id, KeyUse.SIGN, claim.algorithm, at)
    # protocol J4
    if bool(claim.chain) != bool(key.chain):
        raise CertificateRejected(detail="x5c is missing, or not expected")
    if claim.chain:
        anchors = signer.certificate_authorities
        verify_chain(claim.chain, anchors, key=key.public_key, at=at, revoked=revoked)
    return key.public_key
