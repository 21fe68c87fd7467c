"""The public keys of the token issuer, from a JWK set (RFC 7517)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jwt import PyJWK, PyJWTError

from attache import strict_json
from attache.errors import MalformedInput, Misconfigured

MAX_KEYS = 32
MAX_KEY_ID = 128

# The accepted signature algorithms of tokens, and the key type and curve of each.
KEY_KIND: Mapping[str, tuple[str, str]] = {"ES384": ("EC", "P-384"), "EdDSA": ("OKP", "Ed25519")}


@dataclass(frozen=True)
class IssuerKeys:
    """Public keys by key id. Each key is for one algorithm."""

    by_id: Mapping[str, PyJWK]


def parse_jwks(raw: bytes) -> IssuerKeys:
    """The keys of a JWK set; raises Misconfigured for anything else, and for a set with a key that we cannot use.

    Stricter than RFC 7517: every key must have a `kid` of its own and an accepted `alg`, and must not be private.
    """
    try:
        keys = strict_json.parse_object(raw).get("keys")
    except MalformedInput as error:
        raise Misconfigured(detail=f"the JWK set is not usable: {error.detail}") from None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise Misconfigured(detail=f"a JWK set holds 1 to {MAX_KEYS} keys")
    by_id: dict[str, PyJWK] = {}
    for position, member in enumerate(keys):
        key_id, key = _parse_key(member, position)
        if key_id in by_id:
            raise Misconfigured(detail=f"key {position} of the JWK set has a kid that occurs before")
        by_id[key_id] = key
    return IssuerKeys(by_id)


def _parse_key(member: Any, position: int) -> tuple[str, PyJWK]:
    where = f"key {position} of the JWK set"
    if not isinstance(member, dict):
        raise Misconfigured(detail=f"{where} is not an object")
    key_id, algorithm = member.get("kid"), member.get("alg")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID:
        raise Misconfigured(detail=f"{where} has no kid")
    if not isinstance(algorithm, str) or KEY_KIND.get(algorithm) != (member.get("kty"), member.get("crv")):
        raise Misconfigured(detail=f"{where} is neither ES384 on P-384 nor EdDSA on Ed25519")
    if "d" in member:
        raise Misconfigured(detail=f"{where} is a private key")
    if member.get("use", "sig") != "sig":
        raise Misconfigured(detail=f"{where} is not for signatures")
    try:
        return key_id, PyJWK(member, algorithm)
    except (PyJWTError, ValueError, TypeError):
        raise Misconfigured(detail=f"{where} is not a valid public key") from None
