"""Authentication at the agency API: a valid access token identifies the caller, whose role must permit the action.

The first use of each token, and refusals, go into the exchange log.
"""

from dataclasses import dataclass

from fastapi import FastAPI, Request, Response, params

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
"""Refusals that the exchange log records as `access.refused`: the action needs another role or another officer.

Refusals by policy, or because of a state, have entries of their own.
"""


@dataclass(frozen=True)
class CallerAuthentication:
    """Authenticates the callers of an application; kept in `app.state.authentication`.

    `rate` limits the requests of one caller; `failure_rate` limits failed authentications from one address.
    """

    tokens: AccessTokens
    rate: RateLimit
    failure_rate: RateLimit
    sign_ins: SignIns
    refusals: Refusals

    async def authenticate(self, request: Request) -> Caller:
        """The caller of a request. Raises NotAuthentic or TooManyRequests.

        The first use of a token is in the exchange log when this returns; a refused token is counted for the log. Gives
        the caller's pseudonym to the request log.
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
        request.scope["state"]["authenticated"] = caller
        return caller

    def _note_refused(self, error: AttacheError, host: str) -> None:
        self.refusals.note(SignInRefused(method="access-token", code=error.code, client_network=client_network(host)))


def requires(action: Action) -> params.Depends:
    """Dependency of an endpoint: the caller, who is authenticated, within the rate limit and permitted to do `action`.

    `Submitter = Annotated[Caller, requires(Action.SUBMIT_PACKAGE)]`
    """

    async def permitted_caller(request: Request) -> Caller:
        authentication: CallerAuthentication = request.app.state.authentication
        return verify_permitted(await authentication.authenticate(request), action)

    return params.Depends(permitted_caller)


def install_refusals(app: FastAPI) -> None:
    """Count for the exchange log when an authenticated caller is refused. Call this after `install_problems`.

    Counted are actions that need another role or officer, and requests for what the caller may not know to exist.
    """
    app.add_exception_handler(NotPermitted, _note_and_answer)
    app.add_exception_handler(NotForCaller, _note_and_answer)


async def _note_and_answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, AttacheError)
    caller = request.scope["state"].get("authenticated")
    if caller is not None and (isinstance(error, NotForCaller) or error.code in NOTED):
        authentication: CallerAuthentication = request.app.state.authentication
        operation = f"{request.method} {route_template(request.scope)}"
        authentication.refusals.note(AccessRefused(operation=operation, code=error.code), caller)
    return await answer_problem(request, error)
