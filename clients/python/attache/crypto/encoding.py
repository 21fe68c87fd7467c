"""Base64url as JOSE writes it (RFC 7515, 2): no padding, and exactly one spelling of each value."""

import base64
import binascii
import re

from attache.errors import MalformedInput

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z", re.ASCII)


def b64u(data: bytes) -> str:
    """Base64url of `data`, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def parse_b64u(text: object, *, code: str = "malformed-request", size: int | None = None) -> bytes:
    """The bytes that `text` spells; `size` of them where `size` is given.

    Raises MalformedInput(code) for anything that `b64u` would not have written: padding, white space, another alphabet,
    or set bits after the last byte.
    """
    try:
        if not isinstance(text, str) or not _ALPHABET.match(text):
            raise MalformedInput(code, "not base64url")
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise MalformedInput(code, "not base64url") from None
    # protocol T4
    if b64u(data) != text:
        raise MalformedInput(code, "base64url in another spelling")
    if size is not None and len(data) != size:
        raise MalformedInput(code, f"{len(data)} bytes where {size} are expected")
    return data
