"""Signed statements: JWS in general JSON serialization (RFC 7515), made and checked with PyJWT.

    {"payload": b64u, "signatures": [{"protected": b64u, "signature": b64u}, ...]}

The protected header of each signature names `alg`, `kid`, `typ` and `suite`, and `x5c` where the key has a certificate.
The suite says which signatures there are: exactly those, in its order. Any other signature makes the statement invalid.
The document is canonical JSON, so that it may travel inside another one and come out as the same bytes.

This module parses the JSON itself, more strictly than PyJWT, which accepts duplicate members. It then calls PyJWT's algorithms
directly: PyJWT's own parser would go over every character of the payload again, in Python.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import Algorithm as JwtAlgorithm

from attache.crypto import (
    MAX_CHAIN,
    SUITES,
    Algorithm,
    Certificate,
    KeyRing,
    PublicKey,
    Signer,
    Suite,
    b64u,
    is_equal,
    parse_b64u,
    parse_certificate_text,
    parse_suite,
    sha256_hex,
)
from attache.errors import MalformedInput, SignatureInvalid
from attache.strict_json import canonical, parse_object

MAX_SIGNED_BYTES = 2 << 20
MAX_SIGNATURES = 4

_HEADER = {"alg", "kid", "typ", "suite"}


@dataclass(frozen=True)
class SignedType:
    """A kind of signed statement: its `typ`, and the error code for bytes that are not well-formed. A statement of one type never passes for another."""

    typ: str
    malformed: str = "malformed-request"


MANIFEST = SignedType("attache-manifest+json", "malformed-package")


@dataclass(frozen=True)
class SignatureClaim:
    """Which key a signature claims to be made with. Nothing is proven yet."""

    algorithm: Algorithm
    key_id: str
    suite: Suite
    chain: tuple[Certificate, ...]


Resolve = Callable[[SignatureClaim], PublicKey]
"""Finds the key for a claim. Raises UnknownKey if the key is unknown or was not active, and CertificateRejected."""


@dataclass(frozen=True)
class UnverifiedStatement:
    """A well-formed JWS that is not verified. Only `verify` and `pinned_payload` return its payload."""

    type: SignedType
    suite: Suite
    claims: tuple[SignatureClaim, ...]
    _payload: bytes
    _signatures: tuple["_Signature", ...]

    def verify(self, resolve: Resolve) -> bytes:
        """The payload, once every signature that the suite requires has verified.

        Raises SignatureInvalid, and every error that `resolve` raises.
        """
        for claim, signature in zip(self.claims, self._signatures, strict=True):
            checker = _PYJWT.get_algorithm_by_name(claim.algorithm.value)
            try:
                is_good = checker.verify(signature.over, checker.prepare_key(resolve(claim)), signature.signature)
            except jwt.InvalidKeyError:
                is_good = False
            if not is_good:
                raise SignatureInvalid(detail=f"the {claim.algorithm} signature is wrong")
        # protocol J5
        return self._payload

    @property
    def payload_sha256(self) -> str:
        """The digest of the payload, as hex; people compare it by hand before they trust the payload."""
        return sha256_hex(self._payload)

    def pinned_payload(self, payload_sha256: str) -> bytes:
        """The payload, if its digest is one that the caller already trusts; raises SignatureInvalid otherwise."""
        if not is_equal(self.payload_sha256.encode(), payload_sha256.encode()):
            raise SignatureInvalid(detail="not the payload of that fingerprint")
        return self._payload


@dataclass(frozen=True)
class _Signature:
    """A signature and the bytes that it is over (RFC 7515, 5.1: protected header, full stop, payload)."""

    over: bytes
    signature: bytes


def sign_statement(type_: SignedType, payload: bytes, keys: KeyRing, suite: Suite) -> bytes:
    """The JWS over `payload`, with exactly the signatures of `suite`, as canonical JSON.

    Raises Misconfigured where the ring lacks a key.
    """
    signatures = []
    for signer in keys.signers_for(suite):
        header: dict[str, Any] = {"kid": signer.key_id, "typ": type_.typ, "suite": suite.value}
        if chain := keys.chains.get(signer.key_id):
            header["x5c"] = [certificate.text for certificate in chain]
        compact = _PYJWT.encode(payload, signer, algorithm=signer.algorithm.value, headers=header)  # type: ignore[arg-type]
        protected, _, signature = compact.split(".")
        signatures.append({"protected": protected, "signature": signature})
    return canonical({"payload": b64u(payload), "signatures": signatures})


def parse_statement(raw: bytes, type_: SignedType) -> UnverifiedStatement:
    """A well-formed statement of that type. Nothing in it is proven.

    Raises MalformedInput with the type's code, UnsupportedVersion for an unknown suite, and SignatureInvalid if it was
    signed as another type or if its signatures are not exactly those of the suite.
    """
    if len(raw) > MAX_SIGNED_BYTES:
        raise MalformedInput(type_.malformed, "longer than any signed statement")
    document = parse_object(raw, code=type_.malformed)
    signatures = document.get("signatures")
    if document.keys() != {"payload", "signatures"} or not isinstance(signatures, list):
        raise MalformedInput(type_.malformed, "not a JWS in general JSON serialization")
    # protocol T2
    if canonical(document) != raw:
        raise MalformedInput(type_.malformed, "a JWS that is not canonical JSON")
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise SignatureInvalid(detail="no suite has this number of signatures")
    payload = parse_b64u(document["payload"], code=type_.malformed)
    entries = [_parse_entry(entry, document["payload"], type_) for entry in signatures]
    claims = tuple(claim for claim, _ in entries)
    suite = claims[0].suite
    # protocol S2
    if any(claim.suite is not suite for claim in claims):
        raise SignatureInvalid(detail="the signatures name different suites")
    # protocol S2
    if tuple(claim.algorithm for claim in claims) != SUITES[suite].signatures:
        raise SignatureInvalid(detail=f"not exactly the signatures of {suite}")
    return UnverifiedStatement(type_, suite, claims, payload, tuple(signature for _, signature in entries))


def _parse_entry(entry: object, payload: str, type_: SignedType) -> tuple[SignatureClaim, _Signature]:
    if not isinstance(entry, dict) or entry.keys() != {"protected", "signature"}:
        raise MalformedInput(type_.malformed, "a signature has other members than protected and signature")
    header = parse_object(parse_b64u(entry["protected"], code=type_.malformed), code=type_.malformed)
    signature = _Signature(
        f"{entry['protected']}.{payload}".encode("ascii"), parse_b64u(entry["signature"], code=type_.malformed)
    )
    # protocol J1
    if header.keys() - {"x5c"} != _HEADER or not all(isinstance(header[name], str) for name in _HEADER):
        raise MalformedInput(type_.malformed, "a protected header has other members than alg, kid, typ, suite and x5c")
    # protocol J2
    if header["typ"] != type_.typ:
        raise SignatureInvalid(detail="signed as another kind of statement")
    suite = parse_suite(header["suite"])
    if header["alg"] not in SUITES[suite].signatures:
        raise SignatureInvalid(detail=f"an algorithm that {suite} does not sign with")
    chain = _parse_chain(header["x5c"], type_) if "x5c" in header else ()
    claim = SignatureClaim(Algorithm(header["alg"]), header["kid"], suite, chain)
    return claim, signature


def _parse_chain(x5c: object, type_: SignedType) -> tuple[Certificate, ...]:
    """RFC 7515, 4.1.6: standard base64 of DER, leaf first; here without the CA."""
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CHAIN:
        raise MalformedInput(type_.malformed, f"x5c has not 1 to {MAX_CHAIN} certificates")
    try:
        return tuple(parse_certificate_text(text) for text in x5c)
    except MalformedInput:
        raise MalformedInput(type_.malformed, "x5c does not hold certificates") from None


class _KeyBound(JwtAlgorithm):
    """Lets PyJWT sign and verify with keys of `attache.crypto`, in files or in a token. One instance for each algorithm."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm

    def prepare_key(self, key: Signer | PublicKey) -> Signer | PublicKey:
        if key.algorithm is not self._algorithm:
            raise jwt.InvalidKeyError("a key for another algorithm")
        return key

    def sign(self, msg: bytes, key: Signer) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: PublicKey, sig: bytes) -> bool:
        try:
            key.verify(msg, sig)
        except SignatureInvalid:
            return False
        return True

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError


def _pyjwt() -> jwt.PyJWS:
    """A PyJWT that knows the suites' signature algorithms and no other: neither `none` nor HMAC."""
    bound = jwt.PyJWS(algorithms=[])
    for algorithm in dict.fromkeys(algorithm for rule in SUITES.values() for algorithm in rule.signatures):
        bound.register_algorithm(algorithm.value, _KeyBound(algorithm))
    return bound


_PYJWT = _pyjwt()
