"""Certificate revocation lists of an agency CA (RFC 5280, 5)."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from attache.crypto.certificates import Certificate
from attache.errors import CertificateRejected, MalformedInput, Stale


@dataclass(frozen=True)
class RevocationList:
    """What one CA has revoked, as of `issued_at`; replaced by `next_update_at`. Only `verify_crl` makes one."""

    issuer: bytes
    serial_numbers: frozenset[int]
    issued_at: datetime
    next_update_at: datetime

    def is_revoked(self, certificate: Certificate) -> bool:
        """Whether the list revokes the certificate; false for every certificate of another CA."""
        is_ours = certificate.native.issuer.public_bytes() == self.issuer
        return is_ours and certificate.serial_number in self.serial_numbers


def verify_crl(raw: bytes, ca: Certificate, *, now: datetime) -> RevocationList:
    """The list in `raw` (PEM or DER), signed by `ca` and current.

    Raises MalformedInput; CertificateRejected if another key signed it or if it has a critical extension; and Stale after
    its next update, because with an outdated list every certificate is to be refused.
    """
    try:
        load = x509.load_pem_x509_crl if raw.startswith(b"-----") else x509.load_der_x509_crl
        crl = load(raw)
        issued_at, next_update_at = crl.last_update_utc, crl.next_update_utc
        numbers = frozenset(entry.serial_number for entry in crl)
        is_signed = crl.issuer == ca.native.subject and crl.is_signature_valid(ca.native.public_key())  # type: ignore[arg-type]
        is_plain = not any(extension.critical for extension in crl.extensions)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise MalformedInput(detail="not a revocation list") from None
    if not is_signed or not is_plain:
        raise CertificateRejected(detail="the revocation list is not this CA's")
    # exchange-log N6
    if next_update_at is None or not issued_at <= now <= next_update_at:
        raise Stale(detail="the revocation list is not current")
    return RevocationList(crl.issuer.public_bytes(), numbers, issued_at, next_update_at)
