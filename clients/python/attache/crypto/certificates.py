"""X.509 for signing keys: a P-384 chain up to a pinned agency CA (RFC 5280), and revocation lists.

Checked: each signature and name link, validity of every certificate at the instant, CA flag and path length, key usage,
P-384 with SHA-384 or SHA-256 only, no critical extension that is not understood, and that the leaf holds the expected key.
Not checked: names (the descriptor binds the key to the participant), OCSP.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attache.crypto.digests import sha256, sha256_hex
from attache.crypto.encoding import b64u
from attache.crypto.public_keys import PublicKey
from attache.errors import CertificateRejected, MalformedInput

MAX_CHAIN = 4
_T = TypeVar("_T", bound=x509.ExtensionType)

_UNDERSTOOD = {
    x509.BasicConstraints.oid,
    x509.KeyUsage.oid,
    x509.ExtendedKeyUsage.oid,
    x509.SubjectAlternativeName.oid,
}


@dataclass(frozen=True)
class Certificate:
    """One X.509 certificate, as DER; parsed once. Holding one says nothing about its validity."""

    der: bytes

    def __post_init__(self) -> None:
        try:
            _ = self.native.extensions, self.native.not_valid_before_utc, self.native.subject, self.native.issuer
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
            raise MalformedInput(detail="not a certificate") from None

    @cached_property
    def native(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der)

    @cached_property
    def sha256(self) -> str:
        """The certificate's fingerprint, as lowercase hex."""
        return sha256_hex(self.der)

    @cached_property
    def thumbprint(self) -> str:
        """The fingerprint as RFC 8705 and JOSE write it (`x5t#S256`): base64url."""
        return b64u(sha256(self.der))

    @property
    def text(self) -> str:
        """The DER in standard base64, as `x5c` has it (RFC 7515, 4.1.6)."""
        return base64.b64encode(self.der).decode("ascii")

    @property
    def serial_number(self) -> int:
        return self.native.serial_number

    @property
    def not_before(self) -> datetime:
        return self.native.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        return self.native.not_valid_after_utc

    @cached_property
    def public_point(self) -> bytes:
        """The subject's key as an uncompressed SEC 1 point; raises CertificateRejected unless it is on P-384."""
        try:
            key = self.native.public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise CertificateRejected(detail="the certificate's key cannot be read") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise CertificateRejected(detail="the certificate's key is not on P-384")
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def parse_certificate_text(text: object) -> Certificate:
    """The certificate that `Certificate.text` spells; raises MalformedInput for any other spelling."""
    try:
        if not isinstance(text, str):
            raise MalformedInput(detail="not a certificate")
        der = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedInput(detail="not base64") from None
    certificate = Certificate(der)
    if certificate.text != text:
        raise MalformedInput(detail="base64 in another spelling")
    return certificate


Revoked = Callable[[Certificate], bool]
"""Returns whether a certificate is revoked, as far as its provider knows."""


def nothing_revoked(_: Certificate) -> bool:
    """Always false: for uses without a revocation list."""
    return False


def certificates_of_pem(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, in order; raises MalformedInput where there is none or one does not parse."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedInput(detail="not PEM certificates") from None
    return tuple(Certificate(certificate.public_bytes(Encoding.DER)) for certificate in found)


def verify_chain(
    chain: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    *,
    key: PublicKey,
    at: datetime,
    revoked: Revoked = nothing_revoked,
) -> None:
    """Raises CertificateRejected unless `chain`, leaf first, leads to an anchor, was valid `at`, and certifies `key`.

    The anchor itself is not part of the chain. A revoked certificate is refused for every `at`, with code
    `certificate-revoked`: an attacker may have held its key before the revocation.
    """
    path = _verified_path(chain, anchors)
    # protocol J4
    if path[0].public_point != key.raw:
        raise CertificateRejected(detail="the certificate is for another key")
    for certificate in path:
        if not certificate.not_before <= at <= certificate.not_after:
            raise CertificateRejected(detail="a certificate of the chain was not valid then")
        # protocol J4: an attacker may have held its key before the instant of the revocation
        if revoked(certificate):
            raise CertificateRejected("certificate-revoked")


@lru_cache(maxsize=256)
def _verified_path(chain: tuple[Certificate, ...], anchors: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """The chain with its anchor, after all checks that do not depend on time. Pure, so caching it is safe."""
    # protocol J4
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise CertificateRejected(detail=f"a chain has 1 to {MAX_CHAIN} certificates")
    for anchor in anchors:
        path = (*chain, anchor)
        if _is_issued_by(chain[-1], anchor):
            break
    else:
        raise CertificateRejected(detail="the chain does not lead to a pinned CA")
    for depth, (issued, issuer) in enumerate(pairwise(path)):
        if not _is_issued_by(issued, issuer):
            raise CertificateRejected(detail="a certificate is not issued by the next")
        _require_ca(issuer, below=depth)
    for certificate in path:
        _require_understood(certificate)
    _require_signing_leaf(chain[0])
    return path


def _is_issued_by(issued: Certificate, issuer: Certificate) -> bool:
    _ = issuer.public_point
    try:
        # protocol J4
        if not isinstance(issued.native.signature_hash_algorithm, hashes.SHA384 | hashes.SHA256):
            return False
        issued.native.verify_directly_issued_by(issuer.native)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _require_ca(issuer: Certificate, *, below: int) -> None:
    """RFC 5280, 4.2.1.9 and 4.2.1.3. `below`: how many intermediates follow it in the path."""
    constraints = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or usage is None or not usage.key_cert_sign:
        raise CertificateRejected(detail="an issuer is not a CA")
    if constraints.path_length is not None and below > constraints.path_length:
        raise CertificateRejected(detail="the chain is longer than its CA allows")


def _require_signing_leaf(leaf: Certificate) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature or (constraints is not None and constraints.ca):
        raise CertificateRejected(detail="the certificate is not for signing")


def _require_understood(certificate: Certificate) -> None:
    """RFC 5280, 4.2: a critical extension that is not understood refuses the certificate."""
    for extension in certificate.native.extensions:
        # protocol J4
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise CertificateRejected(detail="a critical extension is not understood")


def _extension(certificate: Certificate, kind: type[_T]) -> _T | None:
    try:
        return certificate.native.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
