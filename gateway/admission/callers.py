"""The door of the agency API: a bearer token in, a permitted caller out."""

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from attache.errors import NotAuthentic
from gateway.admission.rates import RateLimit
from gateway.identity import AccessTokens, Action, Caller, bearer_token, verify_permitted
from gateway.tls.peer import peer_of


@dataclass(frozen=True)
class CallerDoor:
    """Authenticates the callers of an application, at `app.state.door`.

    `rate` bounds the requests of one caller; `failure_rate` those of one address that failed to authenticate.
    """

    tokens: AccessTokens
    rate: RateLimit
    failure_rate: RateLimit

    def admit(self, request: Request) -> Caller:
        """The caller of a request; raises NotAuthentic or TooManyRequests. Notes the pseudonym for the request log."""
        peer = peer_of(request.scope)
        try:
            token = bearer_token(request.headers.getlist("authorization"))
            caller = self.tokens.caller_of(token, peer.thumbprint if peer else None)
        except NotAuthentic:
            self.failure_rate.spend(request.client.host if request.client else "")
            raise
        request.scope["state"]["caller"] = caller.pseudonym
        self.rate.spend(caller.pseudonym)
        return caller


def requires(action: Action) -> Any:
    """Dependency of an endpoint: the caller, authenticated, within its rate, and permitted to do this.

    `Submitter = Annotated[Caller, requires(Action.SUBMIT_PACKAGE)]`
    """

    async def permitted_caller(request: Request) -> Caller:
        return verify_permitted(request.app.state.door.admit(request), action)

    return Depends(permitted_caller)
