"""Verification of access tokens: JWTs of RFC 9068, which may be bound to a client certificate (RFC 8705).

`verify_access_token` follows its numbered steps in order; no claim is read before the signature verifies.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from jwt import PyJWS, PyJWTError

from attache import strict_json
from attache.errors import MalformedInput, NotAuthentic
from attache.vocabulary import Post
from gateway.identity.caller import Caller, Role
from gateway.identity.issuer_keys import KEY_KIND, IssuerKeys

MAX_TOKEN_BYTES = 8192
MAX_TEXT = 256
MAX_SCOPES = 64
MAX_DESKS = 64

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")  # RFC 6749, 3.3
_DESK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068, 4
_JWS = PyJWS(algorithms=list(KEY_KIND))

Term = TypeVar("Term", bound=StrEnum)


def bearer_token(authorization: Sequence[str]) -> str:
    """The token of a request's Authorization headers (RFC 6750, 2.1);
    raises NotAuthentic unless there is exactly one.
    """
    if len(authorization) != 1:
        raise NotAuthentic(detail="" if not authorization else "more than one Authorization header")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthentic(detail="the Authorization header holds no bearer token")
    return token


def verify_access_token(
    token: str,
    *,
    keys: IssuerKeys,
    issuer: str,
    audience: str,
    now: datetime,
    certificate_thumbprint: str | None,
    leeway: timedelta,
    pseudonym_key: bytes,
) -> Caller:
    """The caller that the token identifies.

    `certificate_thumbprint` is the `x5t#S256` of the connection's client certificate; None if there is none.
    `pseudonym_key` is secret: without it, nobody can find the subject of a pseudonym.
    Raises NotAuthentic: token-invalid, token-expired, token-audience or token-not-bound, with the step.
    Not checked: revocation. The issuer must issue short-lived tokens.
    """
    # 1. Size and shape
    compact = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN_BYTES else None
    if not compact:
        raise _invalid("not a compact JWS of at most 8 KiB", "1")
    # 2. The header: an access token, an accepted algorithm, and a key of the issuer for this algorithm
    header = _parse_header(compact[1])
    key = keys.by_id.get(header["kid"])
    if key is None or key.algorithm_name != header["alg"]:
        raise _invalid("no key of the issuer has this kid and alg", "2")
    # 3. The signature
    try:
        payload: bytes = _JWS.decode(token, key, algorithms=[header["alg"]])
    except (PyJWTError, ValueError):
        raise _invalid("the signature does not verify", "3") from None
    claims = _parse_claims(payload)
    # 4. The issuer, the audience, and the period of validity
    if claims.get("iss") != issuer:
        raise _invalid("another issuer", "4")
    _verify_audience(claims.get("aud"), audience)
    expires_at = _verify_times(claims, now, leeway)
    # 5. The certificate that the token is bound to
    thumbprint = _verify_binding(claims, certificate_thumbprint)
    # 6. The caller
    subject = _text(claims, "sub")
    token_id = _text(claims, "jti")  # RFC 9068, 2.2: required
    return Caller(
        subject=subject,
        client_id=_text(claims, "client_id"),
        pseudonym=pseudonym_of(subject, issuer=issuer, key=pseudonym_key),
        roles=_terms(claims, "roles", Role),
        expires_at=expires_at,
        scopes=_scopes(claims),
        posts=_terms(claims, "posts", Post),
        thumbprint=thumbprint,
        desks=_desks(claims),
        session=session_of(token_id, issuer=issuer),
    )


def pseudonym_of(subject: str, *, issuer: str, key: bytes) -> str:
    """The pseudonym of a subject, for places where callers must only be distinguished:
    16 hex digits of a keyed hash.
    """
    return hmac.new(key, f"{issuer}\n{subject}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def session_of(token_id: str, *, issuer: str) -> str:
    """The id of a sign-in: SHA-256 of issuer and token id, as hex."""
    return hashlib.sha256(f"{issuer}\n{token_id}".encode("utf-8", "surrogatepass")).hexdigest()


def _invalid(detail: str, step: str) -> NotAuthentic:
    return NotAuthentic("token-invalid", detail, step=step)


def _parse_header(segment: str) -> dict[str, Any]:
    """The header. Only `typ`, `alg` and `kid` of it are used; a key inside the header is ignored."""
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        header = strict_json.parse_object(raw)
    except (binascii.Error, MalformedInput):
        raise _invalid("the header is not strict JSON", "2") from None
    if str(header.get("typ")).lower() not in _TYPES:
        raise _invalid("typ is not at+jwt", "2")
    if header.get("alg") not in list(KEY_KIND):  # a list, because the value may not be hashable
        raise _invalid("alg is neither ES384 nor EdDSA", "2")
    if not isinstance(header.get("kid"), str):
        raise _invalid("no kid", "2")
    if "crit" in header or "b64" in header:
        raise _invalid("an extension that is not understood", "2")
    return header


def _parse_claims(payload: bytes) -> dict[str, Any]:
    try:
        return strict_json.parse_object(payload)
    except MalformedInput:
        raise _invalid("the payload is not strict JSON", "3") from None


def _verify_audience(claimed: Any, audience: str) -> None:
    audiences = [claimed] if isinstance(claimed, str) else claimed
    if not isinstance(audiences, list) or audience not in audiences:
        raise NotAuthentic("token-audience", step="4")


def _verify_times(claims: dict[str, Any], now: datetime, leeway: timedelta) -> datetime:
    expires_at, not_before, issued_at = (_instant(claims, name) for name in ("exp", "nbf", "iat"))
    if expires_at + leeway <= now:
        raise NotAuthentic("token-expired", step="4")
    if max(not_before, issued_at) > now + leeway:
        raise _invalid("not valid yet", "4")
    return expires_at


def _instant(claims: dict[str, Any], name: str) -> datetime:
    seconds = claims.get(name)
    if type(seconds) is not int or not 0 <= seconds < 2**33:  # until the year 2242; a bool is not accepted
        raise _invalid(f"{name} is not an instant", "4")
    return datetime.fromtimestamp(seconds, UTC)


def _verify_binding(claims: dict[str, Any], certificate_thumbprint: str | None) -> str | None:
    """The thumbprint that the token is bound to (RFC 8705, 3.1).
    Any other kind of confirmation cannot be checked here, and is refused.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    bound_to = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    if not isinstance(bound_to, str) or certificate_thumbprint is None:
        raise NotAuthentic("token-not-bound", step="5")
    if not hmac.compare_digest(bound_to.encode("utf-8", "surrogatepass"), certificate_thumbprint.encode()):
        raise NotAuthentic("token-not-bound", step="5")
    return certificate_thumbprint


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise _invalid(f"{name} is not a text of 1 to {MAX_TEXT} characters", "6")
    return value


def _terms(claims: dict[str, Any], name: str, vocabulary: type[Term]) -> frozenset[Term]:
    values = claims.get(name, [])
    if not isinstance(values, list) or any(
        not isinstance(value, str) or value not in set(vocabulary) for value in values
    ):
        raise _invalid(f"{name} holds a term that is not known", "6")
    return frozenset(vocabulary(value) for value in values)


def _desks(claims: dict[str, Any]) -> frozenset[str]:
    desks = claims.get("desks", [])
    if not isinstance(desks, list) or len(desks) > MAX_DESKS:
        raise _invalid("desks is not a list of desks", "6")
    if not all(isinstance(desk, str) and _DESK.fullmatch(desk) for desk in desks):
        raise _invalid("desks is not a list of desks", "6")
    return frozenset(desks)


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """The scopes of the token: one text, separated by spaces (RFC 8693, 4.2)."""
    scope = claims.get("scope", "")
    scopes = scope.split(" ") if isinstance(scope, str) and scope else []
    if not isinstance(scope, str) or len(scopes) > MAX_SCOPES or not all(map(_SCOPE.fullmatch, scopes)):
        raise _invalid("scope is not a list of scopes", "6")
    return frozenset(scopes)
