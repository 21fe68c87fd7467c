"""Key encryption: a content key to one recipient key, and the content under it (RFC 7518; JOSE HPKE drafts).

`hybrid-1`: HPKE in base mode, ML-KEM-1024 + P-384, SHAKE256, AES-256-GCM, empty aad
    (draft-ietf-jose-hpke-encrypt, key encryption, over draft-ietf-hpke-pq).
`classical-1`: ECDH-ES+A256KW on P-384 with the Concat KDF (RFC 7518, 4.6), without apu and apv.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attache.crypto.public_keys import POINT_BYTES, PublicKey
from attache.crypto.suites import Algorithm
from attache.errors import NotAuthentic

CONTENT_KEY_BYTES = 32
IV_BYTES = 12
TAG_BYTES = 16
HPKE_ENC_BYTES = 1665

_HPKE = Suite(KEM.MLKEM1024_P384, KDF.SHAKE256, AEAD.AES_256_GCM)
_HPKE_INFO = b"JOSE-HPKE rcpt\xffA256GCM\xff"  # Recipient_structure: no extra info


@dataclass(frozen=True)
class WrappedKey:
    """A content key, encrypted to one recipient key.

    `encapsulated` is the HPKE encapsulation (1,665 bytes) or the ephemeral P-384 point (97 bytes, uncompressed).
    """

    encapsulated: bytes
    encrypted_key: bytes


def wrap(content_key: bytes, recipient: PublicKey) -> WrappedKey:
    """Encrypt `content_key` to `recipient`, a key for HPKE-10-KE or ECDH-ES+A256KW."""
    if recipient.algorithm is Algorithm.HPKE_10:
        sealed = _HPKE.encrypt(content_key, recipient.native, _HPKE_INFO)
        return WrappedKey(sealed[:HPKE_ENC_BYTES], sealed[HPKE_ENC_BYTES:])
    ephemeral = ec.generate_private_key(ec.SECP384R1())
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return WrappedKey(point, aes_key_wrap(_agreed_key(ephemeral, recipient.native), content_key))


def unwrap_hpke(private_key: Any, wrapped: WrappedKey) -> bytes:
    """The content key; raises NotAuthentic("decryption-failed")."""
    if len(wrapped.encapsulated) != HPKE_ENC_BYTES:
        raise NotAuthentic("decryption-failed")
    try:
        # protocol W3
        return _content_key(_HPKE.decrypt(wrapped.encapsulated + wrapped.encrypted_key, private_key, _HPKE_INFO))
    except (InvalidTag, ValueError):
        raise NotAuthentic("decryption-failed") from None


def unwrap_ecdh(private_key: ec.EllipticCurvePrivateKey, wrapped: WrappedKey) -> bytes:
    """The content key; raises NotAuthentic("decryption-failed")."""
    if len(wrapped.encapsulated) != POINT_BYTES:
        raise NotAuthentic("decryption-failed")
    try:
        ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), wrapped.encapsulated)
        return _content_key(aes_key_unwrap(_agreed_key(private_key, ephemeral), wrapped.encrypted_key))
    except (InvalidUnwrap, ValueError):
        raise NotAuthentic("decryption-failed") from None


def encrypt_content(key: bytes, plaintext: bytes, aad: bytes, iv: bytes) -> tuple[bytes, bytes]:
    """AES-256-GCM: (ciphertext, 16-byte tag). The caller never uses `key` and `iv` together twice."""
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    return sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]


def decrypt_content(key: bytes, ciphertext: bytes, tag: bytes, aad: bytes, iv: bytes) -> bytes:
    """The plaintext; raises NotAuthentic("decryption-failed")."""
    try:
        return AESGCM(key).decrypt(iv, ciphertext + tag, aad)
    except (InvalidTag, ValueError):
        raise NotAuthentic("decryption-failed") from None


def seal_at_rest(key: bytes, plaintext: bytes, context: bytes, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """`plaintext` encrypted under the storage key: 12-byte nonce || AES-256-GCM ciphertext and tag, `context` as AAD.

    `context` names what the value is and its owner, so that one sealed value never passes for another.
    """
    nonce = random(IV_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def open_at_rest(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `seal_at_rest` sealed under the same key and context; raises NotAuthentic("decryption-failed")."""
    return decrypt_content(key, sealed[IV_BYTES:], b"", context, sealed[:IV_BYTES])


def _agreed_key(private_key: ec.EllipticCurvePrivateKey, public_key: ec.EllipticCurvePublicKey) -> bytes:
    # protocol W3
    return concat_kdf(private_key.exchange(ec.ECDH(), public_key), Algorithm.ECDH_P384.value, 32)


def concat_kdf(shared: bytes, algorithm_id: str, key_bytes: int, apu: bytes = b"", apv: bytes = b"") -> bytes:
    """The Concat KDF with SHA-256 as JOSE uses it (RFC 7518, 4.6.2)."""
    fields = [_counted(field) for field in (algorithm_id.encode(), apu, apv)]
    info = b"".join(fields) + (8 * key_bytes).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), key_bytes, info).derive(shared)


def _counted(field: bytes) -> bytes:
    return len(field).to_bytes(4, "big") + field


def _content_key(key: bytes) -> bytes:
    if len(key) != CONTENT_KEY_BYTES:
        raise NotAuthentic("decryption-failed")
    return key
