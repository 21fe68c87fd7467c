"""Address, token, TLS and time limits of a connection, and the error for a connection that fails."""

import base64
import hashlib
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from attache.client.call import Call, Head
from attache.clock import Clock
from attache.errors import CertificateRejected, Misconfigured, Unreachable

if TYPE_CHECKING:  # so that a client of its own gateway does not load the protocol
    from attache.participant import Descriptor

USER_AGENT = "attache-python/1"
MAX_TOKEN_CHARS = 16_384


@dataclass(frozen=True)
class Timeouts:
    """Finite limits, in seconds, for connecting, for each read and write, and for getting a connection from the pool."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    pool: float = 30.0

    def of(self, call: Call[Any]) -> httpx.Timeout:
        """The limits for one call: its `patience_seconds` are added to the read limit."""
        return httpx.Timeout(
            connect=self.connect, read=self.read + call.patience_seconds, write=self.write, pool=self.pool
        )


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True)
class Access:
    """The address of a gateway and the client's credentials. The token is not in the repr; a token file is read again for each request.

    `ca` is a PEM file of the authorities to trust (None: the system's); `certificate` and `key` are this
    client's for mutual TLS. If `authorities` (DER) are given, no others are trusted; if `thumbprints` (`x5t#S256`) are
    given, the server must have one of those certificates.
    """

    url: str
    token: Callable[[], str] | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    passphrase: bytes | str | None = field(default=None, repr=False)
    authorities: tuple[bytes, ...] = field(default=(), repr=False)
    thumbprints: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        ca: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        passphrase: bytes | str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Access":
        """The access from the arguments; an argument that is left out is taken from the environment: ATTACHE_URL, ATTACHE_TOKEN, ATTACHE_TOKEN_FILE,
        ATTACHE_CA, ATTACHE_CERT, ATTACHE_KEY. Raises Misconfigured without an https address.
        """

        def path(given: str | os.PathLike[str] | None, variable: str) -> Path | None:
            text = given or environment.get(variable)
            return Path(text) if text else None

        address = url or environment.get("ATTACHE_URL") or ""
        if not _is_https(address):
            raise Misconfigured("misconfigured", "the gateway's address (url, ATTACHE_URL) must begin with https://")
        token_path = path(token_file, "ATTACHE_TOKEN_FILE") if token is None else None
        token_text = token or (None if token_file else environment.get("ATTACHE_TOKEN"))
        return cls(
            address.rstrip("/"),
            _token_source(token_text, token_path),
            path(ca, "ATTACHE_CA"),
            path(certificate, "ATTACHE_CERT"),
            path(key, "ATTACHE_KEY"),
            passphrase,
        )

    @classmethod
    def to_participant(
        cls, descriptor: "Descriptor", endpoint: str, *, certificate: Path, key: Path, passphrase: bytes | str | None
    ) -> "Access":
        """Access to the exchange API at `endpoint`, by mutual TLS, and only to servers with a certificate that the participant's descriptor lists.

        Raises CertificateRejected if the descriptor lists no CA or no TLS certificate: no other authority is trusted instead.
        """
        authorities = tuple(each.der for each in descriptor.certificate_authorities)
        thumbprints = frozenset(descriptor.stated.tls)
        # protocol X3
        if not authorities or not thumbprints:
            raise CertificateRejected("certificate-rejected", f"{descriptor.participant} states no TLS certificates")
        return cls(
            endpoint.rstrip("/"),
            certificate=certificate,
            key=key,
            passphrase=passphrase,
            authorities=authorities,
            thumbprints=thumbprints,
        )

    def tls(self) -> ssl.SSLContext:
        """A context for TLS 1.3 or later; raises Misconfigured if a file cannot be used. Never asks for a passphrase."""
        try:
            context = _trusting(self.authorities) if self.authorities else ssl.create_default_context(cafile=self.ca)
            # protocol X1
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, password=lambda: self.passphrase or b"")
        except (OSError, ValueError) as error:
            raise Misconfigured("misconfigured", f"a TLS file cannot be used: {error}") from None
        return context

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        common = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        return common if self.token is None else {**common, "Authorization": f"Bearer {self.token()}"}


def options_of(call: Call[Any], access: Access, timeouts: Timeouts) -> dict[str, Any]:
    """The arguments of httpx for a call, without the content."""
    headers = {**access.headers(), **call.headers, **call.fresh_headers()}
    if call.body is not None:
        headers["Content-Type"] = call.body.media_type
        if call.body.size is not None:
            headers["Content-Length"] = str(call.body.size)
    return {
        "method": call.method,
        "url": access.url + call.path,
        "params": dict(call.query) or None,
        "headers": headers,
        "timeout": timeouts.of(call),
    }


def head_of(response: httpx.Response, clock: Clock) -> Head:
    """Status and headers of an answer of httpx."""
    return Head(response.status_code, {name.lower(): value for name, value in response.headers.items()}, clock())


def unreachable(error: Exception, *, with_certificate: bool) -> Unreachable:
    """The error for a failed connection. httpx's error is not chained, because it holds the request with its token."""
    detail = f"{type(error).__name__}: {error}"[:300]
    is_cut_off = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
    if is_cut_off and with_certificate:
        detail += " (a server that refuses a client certificate ends the connection like this)"
    return Unreachable("server-unreachable", detail)


def require_known_server(event: str, info: Mapping[str, Any], access: Access) -> None:
    """Raises CertificateRejected unless the server has one of the expected certificates.

    Called with httpcore's trace events: after the TLS handshake and before anything is sent.
    """
    if event != "connection.start_tls.complete" or not access.thumbprints:
        return
    certificate = (
        info["return_value"].get_extra_info("ssl_object").getpeercert(True)
    )  # positional: a blocking connection returns the C object, which takes no keywords
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(certificate or b"").digest()).rstrip(b"=").decode()
    # protocol X3
    if thumbprint not in access.thumbprints:
        raise CertificateRejected(
            "certificate-rejected", "the server's certificate is not one that its descriptor lists"
        )


def _trusting(authorities: tuple[bytes, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=b"".join(authorities))
    return context


def _is_https(address: str) -> bool:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return url.scheme == "https" and bool(url.host) and not url.userinfo and not url.query and not url.fragment


def _token_source(token: str | None, file: Path | None) -> Callable[[], str] | None:
    if token is not None:
        checked = _checked_token(token)
        return lambda: checked
    if file is None:
        return None

    def read() -> str:
        try:
            return _checked_token(file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            raise Misconfigured("misconfigured", f"the token file {file} cannot be read") from None

    return read


def _checked_token(text: str) -> str:
    token = text.strip()
    if not token or len(token) > MAX_TOKEN_CHARS or not token.isascii() or not token.isprintable() or " " in token:
        raise Misconfigured("misconfigured", "the token is not one line of visible ASCII")
    return token
