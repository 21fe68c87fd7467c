"""What was submitted, asked or answered and names something unknown, or contradicts itself: refused, and logged once.

Nothing is decided and nothing leaves. What is not even well-formed is not logged: it asks for nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from attache.errors import AttacheError, Conflict, MalformedInput, NotFound, NotPermitted
from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange_log.events.approvals import ApprovalRefused
from gateway.exchange_log.events.packages import SubmissionRefused
from gateway.identity.caller import Caller

ENGINE_FAILED = "policy-engine-failed"
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
"""A partner, desk, agreement or code that is unknown, a marking that contradicts another,
an instant outside its validity.

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
            refused = SubmissionRefused(
                package_id=package_id,
                request=asked,
                code=error.code,
                policy_sha256=agency.in_force.policy.hash,
                note=error.detail[:MAX_NOTE],
            )
            await agency.commit(caller, lambda work: work.log(refused))
        raise


@asynccontextmanager
async def approval_refusal_logged(agency: Agency, caller: Caller, approval_id: str) -> AsyncIterator[None]:
    """An approval that is none, or none any more, or whose package, recipient or time is."""
    try:
        yield
    except (NotFound, NotPermitted, Conflict, MalformedInput) as error:
        # The log has other events for some: package.denied, and access.refused.
        if error.code in TOLD or isinstance(error, NotForCaller):
            raise
        refused = ApprovalRefused(approval_id=approval_id, code=error.code)
        await agency.commit(caller, lambda work: work.log(refused))
        raise
