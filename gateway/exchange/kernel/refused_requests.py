"""What was submitted, asked or answered and names something unknown, or contradicts itself: refused, and logged once.

Nothing is decided and nothing leaves. What is not even well-formed is not logged: it asks for nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from attache.errors import AttacheError, Conflict, MalformedInput, NotFound, NotPermitted
from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import event
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange.outgoing.manifest import ENGINE_FAILED
from gateway.exchange_log import EventCode
from gateway.identity.caller import Caller

MAX_NOTE = 500

LOGGED = frozenset(
    {
        "unknown-partner",
        "unknown-desk",
        "unknown-agreement",
        "unknown-term",
        "unknown-marking",
        "missing-legal-basis",
        "partner-suspended",
        "term-over",
    }
)
"""A partner, desk, agreement or code that is unknown, a marking that contradicts another, an instant outside its validity.

A part whose bytes are not the declared ones is a fault of their way here, and no question to policy.
"""


TOLD = frozenset({ENGINE_FAILED, "own-submission"})


class Attempt(StrEnum):
    """What was to be done."""

    SUBMIT = "submit"
    DECIDE = "decide"
    EXPLAIN = "explain"
    ASK_CONSENT = "ask-consent"


@asynccontextmanager
async def submission_refusal_logged(
    agency: Agency, caller: Caller, asked: Attempt, package_id: PackageId | None = None
) -> AsyncIterator[None]:
    """The code, under which policy set, and the detail, which names members and never repeats content."""
    try:
        yield
    except AttacheError as error:
        if error.code in LOGGED:
            record = {"request": asked.value, "code": error.code, "policy_sha256": agency.in_force.policy.hash}
            record |= {} if package_id is None else {"package_id": package_id}
            reason = {"note": error.detail[:MAX_NOTE]}
            code, at = EventCode.SUBMISSION_REFUSED, agency.clock()
            entry = event(code, at, caller, record=record, reason=reason)
            await agency.store.write(lambda tx: tx.log(entry))
        raise


@asynccontextmanager
async def approval_refusal_logged(agency: Agency, caller: Caller, approval_id: str) -> AsyncIterator[None]:
    """An approval that is none, or none any more, or whose package, recipient or time is."""
    try:
        yield
    except (NotFound, NotPermitted, Conflict, MalformedInput) as error:
        # Some the log is told as what they are: package.denied, and access.refused.
        if error.code in TOLD or isinstance(error, NotForCaller):
            raise
        record = {"approval_id": approval_id, "code": error.code}
        entry = event(EventCode.APPROVAL_REFUSED, agency.clock(), caller, record=record)
        await agency.store.write(lambda tx: tx.log(entry))
        raise
