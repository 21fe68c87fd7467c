"""Public keys: one algorithm each, one serialization, one id (the JWK thumbprint), and verification."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hpke import MLKEM1024P384PublicKey

from attache.crypto.digests import sha256
from attache.crypto.encoding import b64u, parse_b64u
from attache.crypto.suites import Algorithm
from attache.errors import MalformedInput, SignatureInvalid
from attache.strict_json import canonical

COORDINATE_BYTES = 48  # P-384
POINT_BYTES = 1 + 2 * COORDINATE_BYTES  # SEC 1 uncompressed
ML_KEM_1024_BYTES = 1568

_RAW_BYTES = {
    Algorithm.ES384: POINT_BYTES,
    Algorithm.ECDH_P384: POINT_BYTES,
    Algorithm.ML_DSA_87: 2592,
    Algorithm.ML_DSA_44: 1312,
    Algorithm.ED25519: 32,
    Algorithm.HPKE_10: ML_KEM_1024_BYTES + POINT_BYTES,
}
_ON_P384 = (Algorithm.ES384, Algorithm.ECDH_P384)


@dataclass(frozen=True)
class PublicKey:
    """A public key and the only algorithm it is used with.

    `raw` is the uncompressed SEC 1 point for P-384, the FIPS encoding for ML-DSA, RFC 8032's for Ed25519, and
    ML-KEM-1024 encapsulation key || P-384 point for HPKE-10. Raises MalformedInput where the bytes are no such key.
    """

    algorithm: Algorithm
    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _RAW_BYTES.get(self.algorithm):
            raise MalformedInput(detail=f"not a public key for {self.algorithm}")
        try:
            _ = self.native
        except (ValueError, UnsupportedAlgorithm):
            raise MalformedInput(detail=f"not a public key for {self.algorithm}") from None

    @cached_property
    def native(self) -> Any:
        """The key as an object of `cryptography`; parsed once."""
        match self.algorithm:
            case Algorithm.ES384 | Algorithm.ECDH_P384:
                # protocol K2: refuses a point that is not on the curve
                return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), self.raw)
            case Algorithm.ML_DSA_87:
                return mldsa.MLDSA87PublicKey.from_public_bytes(self.raw)
            case Algorithm.ML_DSA_44:
                return mldsa.MLDSA44PublicKey.from_public_bytes(self.raw)
            case Algorithm.ED25519:
                return ed25519.Ed25519PublicKey.from_public_bytes(self.raw)
            case _:
                return MLKEM1024P384PublicKey(
                    mlkem.MLKEM1024PublicKey.from_public_bytes(self.raw[:ML_KEM_1024_BYTES]),
                    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), self.raw[ML_KEM_1024_BYTES:]),
                )

    @cached_property
    def key_id(self) -> str:
        """The key's id: its JWK thumbprint (RFC 7638, SHA-256), base64url, 43 characters."""
        return b64u(sha256(canonical(self.jwk())))

    def jwk(self) -> dict[str, str]:
        """The members of the JWK that its thumbprint covers (RFC 7638, 3.2; RFC 8037, 2; RFC 9964)."""
        if self.algorithm in _ON_P384:
            x, y = self.raw[1 : 1 + COORDINATE_BYTES], self.raw[1 + COORDINATE_BYTES :]
            return {"kty": "EC", "crv": "P-384", "x": b64u(x), "y": b64u(y)}
        if self.algorithm is Algorithm.ED25519:
            return {"kty": "OKP", "crv": "Ed25519", "x": b64u(self.raw)}
        return {"kty": "AKP", "alg": self.algorithm.value, "pub": b64u(self.raw)}

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises SignatureInvalid unless `signature` is this key's over `message`."""
        try:
            if self.algorithm is Algorithm.ES384:
                self.native.verify(_der_of(signature), message, ec.ECDSA(hashes.SHA384()))
            elif self.algorithm in (Algorithm.ML_DSA_87, Algorithm.ML_DSA_44, Algorithm.ED25519):
                self.native.verify(signature, message)
            else:
                raise SignatureInvalid(detail=f"{self.algorithm} does not sign")
        except (InvalidSignature, ValueError):
            raise SignatureInvalid(detail=f"the {self.algorithm} signature is wrong") from None


def parse_jwk(jwk: object, algorithm: Algorithm, *, code: str = "malformed-request") -> PublicKey:
    """The public key of a JWK that holds exactly the members `PublicKey.jwk` writes.

    Raises MalformedInput(code) for surplus members (a private key among them), another type or curve, or no key at all.
    """
    if not isinstance(jwk, dict):
        raise MalformedInput(code, "not a JWK")
    if algorithm in _ON_P384:
        coordinates = [parse_b64u(jwk.get(name), code=code, size=COORDINATE_BYTES) for name in ("x", "y")]
        raw = b"\x04" + b"".join(coordinates)
    else:
        raw = parse_b64u(jwk.get("x" if algorithm is Algorithm.ED25519 else "pub"), code=code)
    try:
        key = PublicKey(algorithm, raw)
    except MalformedInput as error:
        raise MalformedInput(code, error.detail) from None
    # protocol K2
    if key.jwk() != jwk:
        raise MalformedInput(code, f"not a JWK for {algorithm}")
    return key


def _der_of(signature: bytes) -> bytes:
    """The DER that `cryptography` requires, from the fixed-length r || s of JOSE (RFC 7518, 3.4)."""
    if len(signature) != 2 * COORDINATE_BYTES:
        raise ValueError
    r, s = signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
