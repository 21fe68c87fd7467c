"""Follow: wait until a package has come as far as its submitter cares for."""

import asyncio
from collections.abc import Mapping
from enum import StrEnum

from attache.package.ids import PackageId
from attache.wire.packages import PackageView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.state import ReleaseState
from gateway.exchange.outgoing.packages import package_view
from gateway.identity.caller import Caller


class Milestone(StrEnum):
    """How far every release of a package has to be."""

    SETTLED = "settled"
    DELIVERED = "delivered"
    OPENED = "opened"


_ON_THE_WAY = frozenset({ReleaseState.RELEASED, ReleaseState.DELIVERING})
_BEFORE: Mapping[Milestone, frozenset[ReleaseState]] = {
    Milestone.SETTLED: _ON_THE_WAY | {ReleaseState.AWAITING_APPROVAL},
    Milestone.DELIVERED: _ON_THE_WAY,
    Milestone.OPENED: _ON_THE_WAY | {ReleaseState.DELIVERED},
}


async def package_when(
    agency: Agency, caller: Caller, package_id: PackageId, milestone: Milestone, timeout_seconds: float
) -> PackageView:
    """The package once no release of it is before the milestone, or as it is when the time is up.

    What is held waits for people: only `settled` waits for them.
    """
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        changed = agency.store.changed()
        view = await package_view(agency, caller, package_id)
        if not any(release.state in _BEFORE[milestone] for release in view.recipients):
            return view
        try:
            async with asyncio.timeout_at(deadline):
                await changed.wait()
        except TimeoutError:
            return view
