"""An example token issuer, for the demo and the tests: keys, their JWK set, and tokens as a real issuer makes them."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm


@dataclass(frozen=True)
class IssuerKey:
    """A private signing key of the issuer, with the key id and algorithm it goes by."""

    key_id: str
    algorithm: str
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

    def jwk(self) -> dict[str, Any]:
        """The public half, as a JWK."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            public = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}


def new_issuer_key(key_id: str, algorithm: str = "EdDSA") -> IssuerKey:
    """A fresh key for EdDSA (Ed25519) or ES384."""
    if algorithm == "EdDSA":
        return IssuerKey(key_id, algorithm, ed25519.Ed25519PrivateKey.generate())
    return IssuerKey(key_id, algorithm, ec.generate_private_key(ec.SECP384R1()))


def issuer_jwks(keys: Iterable[IssuerKey]) -> bytes:
    """The JWK set that the gateways are given."""
    return json.dumps({"keys": [key.jwk() for key in keys]}, indent=1).encode()


def mint_token(
    issuer_key: IssuerKey,
    *,
    issuer: str,
    audience: str,
    subject: str,
    roles: Iterable[str],
    now: datetime,
    posts: Iterable[str] = (),
    client_id: str = "attache-demo",
    lifetime: timedelta = timedelta(minutes=15),
    certificate_thumbprint: str | None = None,
    claims: dict[str, Any] | None = None,
) -> str:
    """An access token of RFC 9068. `claims` replaces or adds members; None as a value leaves the member out."""
    issued_at = int(now.timestamp())
    members: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "client_id": client_id,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "jti": secrets.token_hex(16),
        "roles": list(roles),
        "posts": list(posts),
        "cnf": {"x5t#S256": certificate_thumbprint} if certificate_thumbprint else None,
        **(claims or {}),
    }
    payload = {name: value for name, value in members.items() if value is not None}
    headers = {"typ": "at+jwt", "kid": issuer_key.key_id}
    return jwt.PyJWS().encode(json.dumps(payload).encode(), issuer_key.private, issuer_key.algorithm, headers)
