"""The callers of the agency API, and what their roles permit. No HTTP and no clock: time is an argument."""

from gateway.identity.access_token import bearer_token, verify_access_token
from gateway.identity.access_tokens import AccessTokens
from gateway.identity.caller import Caller, Role
from gateway.identity.issuer_keys import IssuerKeys, parse_jwks
from gateway.identity.permissions import Action, is_permitted, sees_all, sees_all_consent_requests, verify_permitted

__all__ = [
    "AccessTokens",
    "Action",
    "Caller",
    "IssuerKeys",
    "Role",
    "bearer_token",
    "is_permitted",
    "parse_jwks",
    "sees_all",
    "sees_all_consent_requests",
    "verify_access_token",
    "verify_permitted",
]
