"""The encryption of one stream in constant memory: Cobblestone-256 (C2SP chunked-encryption).

HKDF-SHA-512 derives the stream's key and a 32-byte key commitment, AES-256-GCM encrypts chunks of 16 KiB. Chunks
cannot be swapped, dropped, doubled or cut off at the end, and no second key opens the same ciphertext.
"""

import os
from collections.abc import Callable

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from attache.errors import NotAuthentic

KEY_BYTES = 32
_CHUNK_BYTES = 16 * 1024
_HEADER_BYTES = 24 + 32  # salt and key commitment
_TAG_BYTES = 16


def ciphertext_bytes(plaintext_bytes: int) -> int:
    """The length of a stream's ciphertext: header, and one tag a chunk, a last chunk that is not full included."""
    return _HEADER_BYTES + plaintext_bytes + _TAG_BYTES * (plaintext_bytes // _CHUNK_BYTES + 1)


def generate_key(random: Callable[[int], bytes] = os.urandom) -> bytes:
    """A fresh key; one key encrypts one stream."""
    return random(KEY_BYTES)


class StreamEncryptor:
    """Encrypts one stream. Fastest with calls of 1 MiB."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._encryptor = Cobblestone256Encryptor(key, context)

    def update(self, plaintext: bytes | memoryview) -> bytes:
        """The ciphertext that is complete by now; possibly empty."""
        return self._encryptor.update(plaintext)

    def finish(self) -> bytes:
        """The rest of the ciphertext."""
        return self._encryptor.finalize()


class StreamDecryptor:
    """Decrypts one stream; every byte it returns is authenticated, in its place, under `key` and `context`."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._decryptor = Cobblestone256Decryptor(key, context)

    def update(self, ciphertext: bytes | memoryview) -> bytes:
        """The plaintext that is authentic by now; raises NotAuthentic("decryption-failed")."""
        try:
            return self._decryptor.update(ciphertext)
        except (InvalidTag, ValueError):
            raise NotAuthentic("decryption-failed") from None

    def finish(self) -> bytes:
        """The last plaintext; raises NotAuthentic("decryption-failed") where the stream was cut off."""
        try:
            return self._decryptor.finalize()
        except (InvalidTag, ValueError):
            raise NotAuthentic("decryption-failed") from None
