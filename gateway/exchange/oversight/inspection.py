"""Inspection: a caller that sees all packages leaves an entry when looking at them."""

from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange_log.events.oversight import PackagesInspected
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all


async def note_inspection(
    agency: Agency, caller: Caller, operation: str, packages: int = 1, package_id: PackageId | None = None
) -> None:
    """Log that a caller that sees all has looked at packages. A caller's look at its own packages is no entry."""
    # exchange-log N2
    if not sees_all(caller):
        return
    inspected = PackagesInspected(operation=operation, package_id=package_id, packages=packages)
    await agency.commit(caller, lambda work: work.log(inspected))
