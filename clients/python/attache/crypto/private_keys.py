"""Private keys behind two small interfaces, so that a key may live in a file or in a PKCS#11 token."""

import hashlib
import os
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hpke import MLKEM1024P384PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attache.crypto.key_wrap import WrappedKey, unwrap_ecdh, unwrap_hpke
from attache.crypto.public_keys import COORDINATE_BYTES, PublicKey
from attache.crypto.suites import Algorithm
from attache.errors import MalformedInput

Random = Callable[[int], bytes]


class Signer(Protocol):
    """Signs with one private key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, as JOSE has it: r || s for ES384, the FIPS 204 or RFC 8032 bytes otherwise."""


class Opener(Protocol):
    """Opens what was sealed to one key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def key_id(self) -> str: ...

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """The content key; raises NotAuthentic("decryption-failed")."""


class PrivateKey:
    """A private key in memory: a `Signer` or an `Opener`, by its algorithm.

    `raw` is the P-384 scalar (48 bytes, big-endian), or the 32-byte seed of ML-DSA, Ed25519 and HPKE-10.
    """

    def __init__(self, algorithm: Algorithm, raw: bytes) -> None:
        # protocol K3
        if len(raw) != RAW_BYTES.get(algorithm):
            raise MalformedInput(detail=f"not a private key for {algorithm}")
        try:
            self._native, public = _pair_of(algorithm, raw)
        except ValueError:
            raise MalformedInput(detail=f"not a private key for {algorithm}") from None
        self._raw = raw
        self.public_key = PublicKey(algorithm, public)

    @property
    def algorithm(self) -> Algorithm:
        return self.public_key.algorithm

    @property
    def key_id(self) -> str:
        return self.public_key.key_id

    def sign(self, message: bytes) -> bytes:
        if self.algorithm is Algorithm.ES384:
            r, s = decode_dss_signature(self._native.sign(message, ec.ECDSA(hashes.SHA384())))
            return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
        signature: bytes = self._native.sign(message)
        return signature

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        if self.algorithm is Algorithm.HPKE_10:
            return unwrap_hpke(self._native, wrapped)
        return unwrap_ecdh(self._native, wrapped)

    def secret_bytes(self) -> bytes:
        """The private key itself, for wrapping at rest and nothing else."""
        return self._raw

    def __repr__(self) -> str:
        return f"PrivateKey({self.algorithm}, {self.key_id})"


RAW_BYTES = {
    Algorithm.ES384: COORDINATE_BYTES,
    Algorithm.ECDH_P384: COORDINATE_BYTES,
    Algorithm.ML_DSA_87: 32,
    Algorithm.ML_DSA_44: 32,
    Algorithm.ED25519: 32,
    Algorithm.HPKE_10: 32,
}


def generate_private_key(algorithm: Algorithm, random: Random = os.urandom) -> PrivateKey:
    """A fresh key; P-384 scalars by rejection sampling (FIPS 186-5, A.2.2)."""
    while True:
        try:
            return PrivateKey(algorithm, random(RAW_BYTES[algorithm]))
        except MalformedInput:  # a scalar of zero or beyond the group's order: one in 2^190
            continue


def expand_hybrid_seed(seed: bytes) -> tuple[mlkem.MLKEM1024PrivateKey, ec.EllipticCurvePrivateKey]:
    """Both halves of an MLKEM1024-P384 key (draft-irtf-cfrg-concrete-hybrid-kems: expandDecapsKey, RandomScalar)."""
    # protocol K3
    expanded = hashlib.shake_256(seed).digest(64 + COORDINATE_BYTES)
    scalar = int.from_bytes(expanded[64:], "big")
    return mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:64]), ec.derive_private_key(scalar, ec.SECP384R1())


def _pair_of(algorithm: Algorithm, raw: bytes) -> tuple[Any, bytes]:
    """The private key as an object of `cryptography`, and the bytes of its public key."""
    match algorithm:
        case Algorithm.ES384 | Algorithm.ECDH_P384:
            p384 = ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP384R1())
            return p384, _point_of(p384)
        case Algorithm.HPKE_10:
            ml_kem, p384 = expand_hybrid_seed(raw)
            public = ml_kem.public_key().public_bytes_raw() + _point_of(p384)
            return MLKEM1024P384PrivateKey(ml_kem, p384), public
        case Algorithm.ML_DSA_87:
            native: Any = mldsa.MLDSA87PrivateKey.from_seed_bytes(raw)
        case Algorithm.ML_DSA_44:
            native = mldsa.MLDSA44PrivateKey.from_seed_bytes(raw)
        case _:
            native = ed25519.Ed25519PrivateKey.from_private_bytes(raw)
    return native, native.public_key().public_bytes_raw()


def _point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
