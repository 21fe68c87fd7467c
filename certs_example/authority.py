"""An example agency CA: P-384 with SHA-384, certificates for signing and for TLS on loopback,
and its revocation list.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from attache.crypto import Certificate

CA_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=730)
CRL_LIFETIME = timedelta(days=30)
BACKDATED = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A CA of one agency."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue_signing(self, name: str, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
        """A certificate for a document signing key."""
        builder = _builder(name, key, self.certificate.subject, now, CERTIFICATE_LIFETIME)
        return self._sign(_with_usage(builder, digital_signature=True))

    def issue_tls(
        self, name: str, key: ec.EllipticCurvePublicKey, now: datetime, *, is_server: bool
    ) -> x509.Certificate:
        """A TLS certificate for `localhost` and the loopback addresses, as server or as client."""
        usage = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(name, key, self.certificate.subject, now, CERTIFICATE_LIFETIME)
        builder = _with_usage(builder, digital_signature=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        addresses = [x509.IPAddress(ip_address(text)) for text in ("127.0.0.1", "::1")]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False
        )
        return self._sign(builder)

    def revoke(self, certificates: list[x509.Certificate], now: datetime, lifetime: timedelta = CRL_LIFETIME) -> bytes:
        """The CA's revocation list, as PEM; of no certificate at all, as a rule."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(now + lifetime)
        )
        for certificate in certificates:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        builder = builder.add_extension(self._key_identifier(), critical=False)
        return builder.sign(self.private_key, SHA384()).public_bytes(Encoding.PEM)

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        builder = builder.add_extension(self._key_identifier(), critical=False)
        return builder.sign(self.private_key, SHA384())

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private_key.public_key())


def make_authority(name: str, now: datetime) -> Authority:
    """A new CA with its self-signed certificate."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _name_of(f"{name} example CA")
    builder = _builder(f"{name} example CA", key.public_key(), subject, now, CA_LIFETIME, is_ca=True)
    builder = _with_usage(builder, key_cert_sign=True, crl_sign=True)
    return Authority(builder.sign(key, SHA384()), key)


def as_value(certificate: x509.Certificate) -> Certificate:
    """The certificate as `attache` holds it."""
    return Certificate(certificate.public_bytes(Encoding.DER))


def _name_of(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    now: datetime,
    lifetime: timedelta,
    *,
    is_ca: bool = False,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name_of(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _with_usage(
    builder: x509.CertificateBuilder,
    *,
    digital_signature: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(usage, critical=True)
