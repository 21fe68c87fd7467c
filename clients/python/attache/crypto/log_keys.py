"""Keys of the exchange log and of witnesses: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204, pure, empty context).

A private key is its 32-byte seed in both algorithms.
"""

from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from attache.errors import SignatureInvalid

ED25519_PUBLIC_BYTES = 32
MLDSA44_PUBLIC_BYTES = 1312


class LogKey(Protocol):
    """A private key that signs for a log or a witness."""

    @property
    def public_key(self) -> bytes:
        """The raw public key."""

    def sign(self, message: bytes) -> bytes:
        """The raw signature over `message`."""


class Ed25519LogKey:
    """An Ed25519 private key. Signing is deterministic."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


class MLDSA44LogKey:
    """An ML-DSA-44 private key. Signing is hedged: two signatures of one message differ."""

    def __init__(self, seed: bytes) -> None:
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """2,420 bytes."""
        return self._key.sign(message)


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid, without a step, unless `signature` is that of `public_key` over `message`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid(detail="the Ed25519 signature does not verify") from error


def verify_mldsa44(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid, without a step, unless `signature` is that of `public_key` over `message`."""
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid(detail="the ML-DSA-44 signature does not verify") from error
