"""The TLS files of a listener: its own certificate and key,
the participants' CA certificates, and their revocation lists.

The files are read again when they change. A CA certificate or list that cannot be used is ignored, so that certificates
of this CA are refused and no others. Without a current list of its CA, no client certificate is accepted.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from attache.clock import Clock
from attache.crypto.certificates import Certificate, certificates_of_pem
from attache.crypto.revocation import RevocationList, verify_crl
from attache.errors import AttacheError, CertificateRejected, MalformedInput, Misconfigured
from gateway.settings import verify_secret_file
from gateway.tls.peer import PeerCertificate

MAX_FILES = 512
MAX_FILE_BYTES = 16 << 20
X509_V_ERR_CERT_REVOKED = 23

log = structlog.get_logger("gateway.tls")


@dataclass(frozen=True)
class TlsFiles:
    """The paths of a listener's TLS files.

    With `crl_dir`, clients need a certificate of a CA in `ca_dir`, and this CA needs a current list in `crl_dir`.
    Without it, a certificate is optional, and verified against `ca_dir` if the client sends one.
    `passphrase` is that of the key, if it has one.
    """

    certificate: Path
    key: Path
    ca_dir: Path
    crl_dir: Path | None = None
    passphrase: bytes | None = field(default=None, repr=False)


NoteRefusedHandshake = Callable[[str], None]
"""Receives the problem code of each handshake that failed because of the client's certificate."""


class WatchedHandshake(ssl.SSLObject):
    """A TLS connection that reports to its context when the handshake fails because of the client's certificate."""

    def do_handshake(self) -> None:
        """As in the base class."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if isinstance(self.context, TrustContext) and (code := _code_of(error)):
                self.context.note_refused(code)
            raise


class TrustContext(ssl.SSLContext):
    """A TLS context that never changes. `note_refused` is called on the event loop, during the handshake."""

    sslobject_class = WatchedHandshake

    @staticmethod
    def note_refused(code: str) -> None:
        """Does nothing until `LiveTrust` replaces it."""


@dataclass(frozen=True)
class Trust:
    """The contents of the files at one moment. `faults` names each ignored file and why it is ignored."""

    context: TrustContext
    lists: tuple[RevocationList, ...]
    faults: tuple[str, ...]

    def verify_current(self, peer: PeerCertificate, now: datetime) -> None:
        """Raise CertificateRejected unless the certificate is valid now, and not revoked by a current list of its CA.

        Not checked: chain and key. The handshake has verified them.
        """
        certificate = Certificate(peer.der)
        # protocol X2
        if not certificate.not_before <= now <= certificate.not_after:
            raise CertificateRejected(detail="the certificate is not valid now")
        issuer = certificate.native.issuer.public_bytes()
        lists = [crl for crl in self.lists if crl.issuer == issuer and now <= crl.next_update_at]
        # protocol X2
        if not lists:
            raise CertificateRejected(detail="the certificate's CA has no current revocation list")
        if any(crl.is_revoked(certificate) for crl in lists):
            raise CertificateRejected("certificate-revoked")


class LiveContext(ssl.SSLContext):
    """A context for a listening socket: each new connection uses the newest trust."""

    current: ssl.SSLContext

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As in the base class, with the current context."""
        return self.current.wrap_bio(*args, **kwargs)


class LiveTrust:
    """The present trust of one listener.

    The constructor raises Misconfigured if the listener's own certificate or key cannot be used. Later, such a fault is
    logged, and the trust stays unchanged.
    """

    def __init__(self, files: TlsFiles, clock: Clock) -> None:
        self.note_refused: NoteRefusedHandshake = lambda _: None
        self._files = files
        self._clock = clock
        self._state = _state_of(files)
        self.context = LiveContext(ssl.PROTOCOL_TLS_SERVER)
        self._adopt(read_trust(files, clock()))

    def verify_current(self, peer: PeerCertificate) -> None:
        """As `Trust.verify_current`, with the present trust and time."""
        self.trust.verify_current(peer, self._clock())

    def reload_if_changed(self) -> bool:
        """Read the files again if any of them has changed. Returns whether the trust was replaced."""
        try:
            state = _state_of(self._files)
            if state == self._state:
                return False
            self._adopt(read_trust(self._files, self._clock()))
        except (Misconfigured, OSError) as error:
            log.warning("tls-not-reloaded", detail=str(error))
            return False
        self._state = state
        return True

    def raw_lists(self) -> list[bytes]:
        """The revocation lists as they are on file now, unverified; unreadable files are ignored. Blocking."""
        found = []
        for path in _paths(self._files.crl_dir) if self._files.crl_dir else []:
            with suppress(AttacheError, OSError):
                found.append(_read(path))
        return found

    def _note_refused(self, code: str) -> None:
        self.note_refused(code)

    def _adopt(self, trust: Trust) -> None:
        for fault in trust.faults:
            log.error("tls-file-left-out", fault=fault)
        trust.context.note_refused = self._note_refused  # type: ignore[method-assign]  # replaces the static default
        self.trust = trust
        self.context.current = trust.context


def read_trust(files: TlsFiles, now: datetime) -> Trust:
    """The trust from the files; raises Misconfigured where the listener's own certificate or key cannot be used."""
    faults: list[str] = []
    authorities = list(_read_authorities(files.ca_dir, faults))
    context = _context(files)
    if authorities:
        context.load_verify_locations(cadata="".join(ssl.DER_cert_to_PEM_cert(ca.der) for ca in authorities))
        context.verify_mode = ssl.CERT_OPTIONAL
    lists: list[RevocationList] = []
    if files.crl_dir:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        for path, crl in _read_lists(files.crl_dir, authorities, now, faults):
            context.load_verify_locations(cafile=path)
            lists.append(crl)
    return Trust(context, tuple(lists), tuple(faults))


def _code_of(error: ssl.SSLError) -> str | None:
    """The problem code for the client's certificate; None for a handshake that failed for another reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate-revoked" if error.verify_code == X509_V_ERR_CERT_REVOKED else "certificate-rejected"
    return "certificate-required" if error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE" else None


def _context(files: TlsFiles) -> TrustContext:
    context = TrustContext(ssl.PROTOCOL_TLS_SERVER)
    # protocol X1
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would not be checked against a new revocation list
    context.set_alpn_protocols(["http/1.1"])
    verify_secret_file(files.key)
    try:
        context.load_cert_chain(
            files.certificate, files.key, password=files.passphrase or b""
        )  # never ask on a terminal
    except (OSError, ValueError) as error:
        raise Misconfigured(detail=f"{files.certificate}, {files.key}: {error}") from None
    return context


def _read_authorities(folder: Path, faults: list[str]) -> Iterator[Certificate]:
    """The CA certificates of a folder. A second CA of the same name is ignored:
    a list names its CA by this name only.
    """
    names: dict[bytes, bytes] = {}
    for path in _paths(folder):
        try:
            found = certificates_of_pem(_read(path))
        except (AttacheError, OSError) as error:
            faults.append(f"{path.name}: {error}")
            continue
        for ca in found:
            if names.setdefault(ca.native.subject.public_bytes(), ca.der) == ca.der:
                yield ca
            else:
                faults.append(f"{path.name}: another CA has the same name")


def _read_lists(
    folder: Path, authorities: list[Certificate], now: datetime, faults: list[str]
) -> Iterator[tuple[Path, RevocationList]]:
    for path in _paths(folder):
        try:
            yield path, _read_list(path, authorities, now)
        except (AttacheError, OSError) as error:
            faults.append(f"{path.name}: {error}")


def _read_list(path: Path, authorities: list[Certificate], now: datetime) -> RevocationList:
    """The revocation list of a file; raises unless it is current and signed by one of the CAs."""
    raw = _read(path)
    if raw.count(b"-----BEGIN ") != 1 or b"-----BEGIN X509 CRL-----" not in raw:
        raise MalformedInput(
            detail="a file holds one revocation list, as PEM"
        )  # OpenSSL would trust a certificate in this file
    rejected: AttacheError = CertificateRejected(detail="the revocation list is not of a known CA")
    for ca in authorities:
        try:
            return verify_crl(raw, ca, now=now)
        except CertificateRejected as error:
            rejected = error
    raise rejected


def _paths(folder: Path) -> list[Path]:
    """The files of a folder by name, without hidden ones. Write a new file under a hidden name, then rename it."""
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if len(found) > MAX_FILES:
        raise Misconfigured(detail=f"{folder} holds more than {MAX_FILES} files")
    return found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise MalformedInput(detail=f"larger than {MAX_FILE_BYTES} bytes")
    return raw


def _state_of(files: TlsFiles) -> tuple[tuple[str, int, int, int], ...]:
    """Names, times, sizes and inodes of the files; they differ whenever a file has changed."""
    folders = [folder for folder in (files.ca_dir, files.crl_dir) if folder]
    paths = [files.certificate, files.key, *(path for folder in folders for path in _paths(folder))]
    return tuple(_entry(path) for path in paths)


def _entry(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
