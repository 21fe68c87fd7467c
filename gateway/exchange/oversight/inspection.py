"""Inspection: whoever may see all packages leaves an entry when looking at them."""

from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import event
from gateway.exchange.shown.packages import SEE_ALL
from gateway.exchange_log import EventCode
from gateway.identity.caller import Caller


async def note_inspection(
    agency: Agency, caller: Caller, operation: str, packages: int = 1, package_id: PackageId | None = None
) -> None:
    """Log that somebody whose role sees all has looked at packages. Who sees their own alone is nobody else's business."""
    if not caller.roles & SEE_ALL:
        return
    about = {"operation": operation, "packages": packages, **({"package_id": package_id} if package_id else {})}
    entry = event(EventCode.PACKAGES_INSPECTED, agency.clock(), caller, record=about)
    await agency.store.write(lambda tx: tx.log(entry))
