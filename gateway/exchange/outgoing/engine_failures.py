"""Where policy cannot be evaluated nothing leaves, and the log says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attache.errors import NotPermitted
from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.refused_requests import ENGINE_FAILED
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import PackageDenied
from gateway.identity.caller import Caller


@asynccontextmanager
async def engine_failure_logged(agency: Agency, by: Caller, package_id: PackageId) -> AsyncIterator[None]:
    """Logs the failure for the recipient that it names, and passes it on."""
    try:
        yield
    except NotPermitted as error:
        if error.code == ENGINE_FAILED:
            recipient = error.extra["recipient"]
            denied = PackageDenied(
                about=ReleaseIds(package_id=package_id, originator=agency.participant, recipient=recipient),
                policy_sha256=agency.in_force.policy.hash,
                reasons=(error.title,),
            )
            await agency.commit(by, lambda work: work.log(denied))
        raise
