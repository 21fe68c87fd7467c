"""A cache of verified access tokens."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta

from attache.clock import Clock
from attache.errors import NotAuthentic
from gateway.identity.access_token import verify_access_token
from gateway.identity.caller import Caller
from gateway.identity.issuer_keys import IssuerKeys


@dataclass
class AccessTokens:
    """Verifies tokens of one issuer for one audience, and caches the callers of valid tokens.

    The cache key is a digest of the token and of the client certificate; the token itself is not kept. An item stays
    until the token expires or `capacity` more recently used items replace it. For use on one event loop or thread only.
    """

    keys: IssuerKeys
    issuer: str
    audience: str
    leeway: timedelta
    pseudonym_key: bytes
    clock: Clock
    capacity: int = 10_000
    _verified: OrderedDict[bytes, Caller] = field(default_factory=OrderedDict, init=False, repr=False)

    def caller_of(self, token: str, certificate_thumbprint: str | None) -> Caller:
        """The caller that `token` identifies; raises as `verify_access_token` does."""
        key = _cache_key(token, certificate_thumbprint)
        now = self.clock()
        caller = self._verified.get(key)
        if caller is None:
            caller = verify_access_token(
                token,
                keys=self.keys,
                issuer=self.issuer,
                audience=self.audience,
                now=now,
                certificate_thumbprint=certificate_thumbprint,
                leeway=self.leeway,
                pseudonym_key=self.pseudonym_key,
            )
            self._remember(key, caller)
        elif caller.expires_at + self.leeway <= now:
            del self._verified[key]
            raise NotAuthentic("token-expired", step="4")
        else:
            self._verified.move_to_end(key)
        return caller

    def _remember(self, key: bytes, caller: Caller) -> None:
        self._verified[key] = caller
        if len(self._verified) > self.capacity:
            self._verified.popitem(last=False)


def _cache_key(token: str, certificate_thumbprint: str | None) -> bytes:
    bound = f"{certificate_thumbprint or ''}\n{token}"
    return hashlib.sha256(bound.encode("utf-8", "surrogatepass")).digest()
