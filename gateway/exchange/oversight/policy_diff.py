"""What a policy set on record would change: who could get what they could not, each with a request that shows it."""

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attache.errors import AttacheError, TooManyRequests
from attache.wire.policies import PolicyChangeView, PolicyDiffView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.policy_sets import policy_set_of, stored_files
from gateway.exchange.kernel.ports import Reader
from gateway.policy import PolicySet, load_policy_set
from gateway.policy.record import plain

if TYPE_CHECKING:
    from gateway.policy.analysis.diff import PolicyDiff

_ONE_AT_A_TIME = threading.Lock()
RETRY_SECONDS = 10


@dataclass(frozen=True)
class ComparedSets:
    """`diff` is what changes when `policy_sha256` comes into force instead of `against`."""

    policy_sha256: str
    against: str
    diff: "PolicyDiff"


async def compare_policies(agency: Agency, policy_sha256: str, against: str | None) -> ComparedSets:
    """Compare a set on record with another, or with the one in force.

    Raises NotFound, Misconfigured("policy-not-loaded") for one that this engine does not load any more,
    AttacheError("analysis-unavailable") where the solver is not installed,
    and TooManyRequests while another comparison runs.
    """
    wanted = [policy_sha256] if against is None else [policy_sha256, against]

    def query(reader: Reader) -> list[dict[str, str]]:
        return [stored_files(reader, policy_set_of(reader, each)) for each in wanted]

    files = await agency.store.read(query)
    sets = await asyncio.to_thread(lambda: [load_policy_set(each, agency.participant) for each in files])
    before = agency.in_force.policy if against is None else sets[1]
    return ComparedSets(policy_sha256, before.hash, await asyncio.to_thread(_compared, before, sets[0]))


def policy_diff_view(compared: ComparedSets) -> PolicyDiffView:
    """What a proposed set would change, each change with the request that shows it."""
    changes = []
    for change in compared.diff.changes:
        shown = {"request": plain(change.example.request), "words": change.example.render()} if change.example else {}
        changes.append(PolicyChangeView.of(change, shown, {"request": None, "words": ""}))
    return PolicyDiffView.of(compared, compared.diff, changes=changes)


def _compared(before: PolicySet, after: PolicySet) -> "PolicyDiff":
    try:
        from gateway.policy.analysis.diff import diff  # noqa: PLC0415 -- only this needs the solver, which is large
    except ImportError:
        raise AttacheError("analysis-unavailable", "z3-solver is not installed on this gateway") from None
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise TooManyRequests(detail="another comparison is running", retry_after_seconds=RETRY_SECONDS)
    try:
        return diff(before, after)
    finally:
        _ONE_AT_A_TIME.release()
