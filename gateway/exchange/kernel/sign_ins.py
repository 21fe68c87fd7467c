"""Sign-ins: people sign in at the agency's issuer, and this gateway learns of it when it first meets the access token.

One entry for each token, before anything is done with it, and none again after a restart.
"""

from collections import OrderedDict
from datetime import timedelta

from attache.clock import Clock
from gateway.exchange.kernel.ports import Store
from gateway.exchange.kernel.records import SignInRecord
from gateway.exchange.kernel.work import Work, commit
from gateway.exchange_log.events.sessions import SignedIn
from gateway.identity.caller import Caller

KEPT_LONGER = timedelta(minutes=10)
"""Clocks may differ, and a token that has just expired must not be met again as a new one."""
FORGOTTEN_AT_ONCE = 20


class SignIns:
    """Which access tokens were met. `capacity` bounds what is kept in memory; the rest is looked up."""

    def __init__(self, store: Store, clock: Clock, *, capacity: int = 10_000) -> None:
        self._store = store
        self._clock = clock
        self._capacity = capacity
        self._met: OrderedDict[str, None] = OrderedDict()

    async def note(self, caller: Caller) -> None:
        """Log the sign-in that this caller's token came of, unless it is logged.
        Nothing is to be done for the caller before.
        """
        if caller.session in self._met:
            return
        await commit(self._store, self._clock, caller, lambda work: _note(work, caller))
        self._met[caller.session] = None
        if len(self._met) > self._capacity:
            self._met.popitem(last=False)


def _note(work: Work, caller: Caller) -> None:
    # exchange-log N3
    if work.get(SignInRecord.key(caller.session)) is not None:
        return
    for expired in work.find(SignInRecord.expired(work.at, FORGOTTEN_AT_ONCE)):
        work.remove(expired)
    work.add(SignInRecord(caller.session, caller.expires_at + KEPT_LONGER))
    signed_in = SignedIn(
        method="bound-access-token" if caller.thumbprint else "access-token",
        session_sha256=caller.session,
        expires_at=caller.expires_at.isoformat(),
    )
    work.log(signed_in)
