"""A small PKI and a raw HTTP/1.1 client, for tests with real TLS on loopback."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Holder:
    """A certificate and its key, as files."""

    certificate: x509.Certificate
    crt: Path
    key: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


class Authority:
    def __init__(self, folder: Path, common_name: str) -> None:
        self.folder = folder
        self.name = name(common_name)
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.certificate = self._build(self.name, self.key.public_key(), is_ca=True).sign(self.key, hashes.SHA384())
        self.pem = self.certificate.public_bytes(Encoding.PEM)
        folder.mkdir(parents=True, exist_ok=True)

    def _build(self, subject, public_key, *, is_ca=False, start=NOW - timedelta(days=1), end=NOW + timedelta(days=30)):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        )

    def issue(self, common_name: str, **validity: datetime) -> Holder:
        key = ec.generate_private_key(ec.SECP384R1())
        certificate = self._build(name(common_name), key.public_key(), **validity).sign(self.key, hashes.SHA384())
        crt, key_file = self.folder / f"{common_name}.crt", self.folder / f"{common_name}.key"
        crt.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key_file.chmod(0o600)
        return Holder(certificate, crt, key_file)

    def crl(self, *revoked: Holder, issued=NOW - timedelta(hours=1), until=NOW + timedelta(days=1)) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(issued).next_update(until)
        for holder in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(holder.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(hours=2)).build())
        return builder.sign(self.key, hashes.SHA384()).public_bytes(Encoding.PEM)


def client_context(server_ca: Authority, holder: Holder | None = None, *, tls_1_2: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server_ca.pem.decode())
    if tls_1_2:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if holder:
        context.load_cert_chain(holder.crt, holder.key)
    return context


class Browser:
    """One connection, held open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext) -> "Browser":
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    async def get(self, path: str) -> tuple[int, str]:
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n".encode())
        await self.writer.drain()
        return await self.answer()

    async def answer(self) -> tuple[int, str]:
        """Status and body of one answer; raises IncompleteReadError where the connection ends before."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")
        )
        return int(head.split(" ")[1]), (await self.reader.readexactly(length)).decode()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (OSError, ssl.SSLError):
            return


async def refused(port: int, context: ssl.SSLContext) -> bool:
    """The server lets this client in no further than the handshake."""
    try:
        browser = await Browser.connect(port, context)
    except (OSError, ssl.SSLError):
        return True
    try:
        await browser.get("/whoami")
    except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
        return True
    finally:
        await browser.close()
    return False
