"""The door of the agency API: a bearer token in, a permitted caller out. Who is new, and who is refused, is logged."""

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from attache.errors import AttacheError, NotAuthentic, NotPermitted
from gateway.admission.rates import RateLimit
from gateway.exchange.kernel.refusals import NotForCaller, Refusals, client_network
from gateway.exchange.kernel.sign_ins import SignIns
from gateway.exchange_log.events.sessions import AccessRefused, SignInRefused
from gateway.identity import AccessTokens, Action, Caller, bearer_token, verify_permitted
from gateway.problems import answer_problem
from gateway.request_log import route_template
from gateway.tls.peer import peer_of

NOTED = frozenset({"not-permitted", "own-submission"})
"""Refusals that are another role's or officer's business; those of policy and state have entries of their own."""


@dataclass(frozen=True)
class CallerDoor:
    """Authenticates the callers of an application, at `app.state.door`.

    `rate` bounds the requests of one caller; `failure_rate` those of one address that failed to authenticate.
    """

    tokens: AccessTokens
    rate: RateLimit
    failure_rate: RateLimit
    sign_ins: SignIns
    refusals: Refusals

    async def admit(self, request: Request) -> Caller:
        """The caller of a request; raises NotAuthentic or TooManyRequests. Notes the pseudonym for the request log.

        A token that is met for the first time is in the exchange log when this returns; one that is refused is noted for it.
        """
        peer = peer_of(request.scope)
        host = request.client.host if request.client else ""
        try:
            token = bearer_token(request.headers.getlist("authorization"))
            caller = self.tokens.caller_of(token, peer.thumbprint if peer else None)
        except NotAuthentic as error:
            self.failure_rate.spend(host)
            if error.code != "not-authenticated":  # that is a request without a token
                self._note_refused(error, host)
            raise
        request.scope["state"]["caller"] = caller.pseudonym
        self.rate.spend(caller.pseudonym)
        # exchange-log N3
        await self.sign_ins.note(caller)
        request.scope["state"]["admitted"] = caller
        return caller

    def _note_refused(self, error: AttacheError, host: str) -> None:
        self.refusals.note(SignInRefused(method="access-token", code=error.code, client_network=client_network(host)))


def requires(action: Action) -> Any:
    """Dependency of an endpoint: the caller, authenticated, within its rate, and permitted to do this.

    `Submitter = Annotated[Caller, requires(Action.SUBMIT_PACKAGE)]`
    """

    async def permitted_caller(request: Request) -> Caller:
        return verify_permitted(await request.app.state.door.admit(request), action)

    return Depends(permitted_caller)


def install_refusals(app: FastAPI) -> None:
    """Note for the exchange log what an admitted caller is refused because it is another's. Call it after `install_problems`."""
    app.add_exception_handler(NotPermitted, _note_and_answer)
    app.add_exception_handler(NotForCaller, _note_and_answer)


async def _note_and_answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, AttacheError)
    caller = request.scope["state"].get("admitted")
    if caller is not None and (isinstance(error, NotForCaller) or error.code in NOTED):
        operation = f"{request.method} {route_template(request.scope)}"
        request.app.state.door.refusals.note(AccessRefused(operation=operation, code=error.code), caller)
    return await answer_problem(request, error)
