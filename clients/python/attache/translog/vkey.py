"""Verifier keys in the format of C2SP signed-note and tlog-cosignature."""

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum

from attache.crypto.log_keys import ED25519_PUBLIC_BYTES, MLDSA44_PUBLIC_BYTES
from attache.errors import MalformedInput, UnsupportedVersion
from attache.translog.encoding import format_base64, parse_base64, parse_name

KEY_ID_BYTES = 4

_CODE = "malformed-log"
_KEY_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


class SignatureType(IntEnum):
    """The type byte of a key; it determines what the key's signatures cover."""

    ED25519 = 0x01
    """Ed25519 over the note's text: for a log."""
    COSIGNATURE_V1 = 0x04
    """Ed25519 over a time and the note's text: for a witness."""
    MLDSA44 = 0x06
    """ML-DSA-44 over cosigner, time, origin, size and root: for a log or a witness."""


_PUBLIC_BYTES = {
    SignatureType.ED25519: ED25519_PUBLIC_BYTES,
    SignatureType.COSIGNATURE_V1: ED25519_PUBLIC_BYTES,
    SignatureType.MLDSA44: MLDSA44_PUBLIC_BYTES,
}


@dataclass(frozen=True)
class VerifierKey:
    """A public key, its name and what its signatures cover. Name and `key_id` together say which key signed a line."""

    name: str
    type: SignatureType
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || type || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public_key).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The vkey: `<name>+<8 hex digits>+<base64>`."""
        return f"{self.name}+{self.key_id.hex()}+{format_base64(bytes([self.type]) + self.public_key)}"


def parse_vkey(text: str) -> VerifierKey:
    """The key in a vkey line (without newline).

    Raises UnsupportedVersion for another signature type, MalformedInput("malformed-log") for any other text that is not a vkey.
    """
    name, _, rest = text.partition("+")
    key_id, _, material = rest.partition("+")
    parse_name(name, code=_CODE, step="vkey")
    raw = parse_base64(material, code=_CODE, step="vkey")
    if not raw or not _KEY_ID.fullmatch(key_id):
        raise MalformedInput(_CODE, "not name+hash+key", step="vkey")
    if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:KEY_ID_BYTES].hex() != key_id:
        raise MalformedInput(_CODE, "the key's hash does not match the key", step="vkey")
    if raw[0] not in list(SignatureType):
        raise UnsupportedVersion(detail=f"signature type 0x{raw[0]:02x} is unknown", step="vkey")
    key = VerifierKey(name, SignatureType(raw[0]), raw[1:])
    if len(key.public_key) != _PUBLIC_BYTES[key.type]:
        raise MalformedInput(_CODE, "the key has the wrong length", step="vkey")
    return key
