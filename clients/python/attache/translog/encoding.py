"""Numbers, base64 and names in the C2SP formats. Each value has one encoding, and every other one is refused."""

import base64
import binascii
import re

from attache.errors import MalformedInput

MAX_INTEGER = 2**63 - 1
MAX_NAME_BYTES = 255

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_FIRST_PRINTABLE = "\x20"


def parse_decimal(text: str, *, code: str, step: str) -> int:
    """An ASCII decimal without sign or leading zeroes, at most 2^63 - 1."""
    # exchange-log T8
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_INTEGER:
        raise MalformedInput(code, "not a canonical decimal number", step=step)
    return int(text)


def parse_base64(text: str, *, code: str, step: str) -> bytes:
    """Standard base64 with padding, without white space or unused bits that are set (RFC 4648 section 4)."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raw = None
    # exchange-log T8
    if raw is None or format_base64(raw) != text:
        raise MalformedInput(code, "not canonical base64", step=step)
    return raw


def format_base64(raw: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(raw).decode("ascii")


def parse_name(text: str, *, code: str, step: str) -> str:
    """A key name: not empty, at most 255 bytes of UTF-8, without white space, `+` and control characters."""
    if not text or len(encoded(text)) > MAX_NAME_BYTES:
        raise MalformedInput(code, f"a name has 1 to {MAX_NAME_BYTES} bytes", step=step)
    if any(c == "+" or c.isspace() or c < _FIRST_PRINTABLE or "\ud800" <= c <= "\udfff" for c in text):
        raise MalformedInput(code, "a name holds no white space, + or control characters", step=step)
    return text


def parse_origin(text: str, *, code: str, step: str) -> str:
    """A log's origin: a name that is a URL without scheme and without trailing slash."""
    parse_name(text, code=code, step=step)
    # exchange-log T4
    if "://" in text or text.endswith("/"):
        raise MalformedInput(code, "an origin has no scheme and no trailing slash", step=step)
    return text


def encoded(text: str) -> bytes:
    """UTF-8, also for a str with lone surrogates."""
    return text.encode("utf-8", "surrogatepass")
