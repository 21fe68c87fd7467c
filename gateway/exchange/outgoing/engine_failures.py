"""Where policy cannot be evaluated nothing leaves, and the log says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attache.errors import NotPermitted
from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import event
from gateway.exchange.outgoing.manifest import ENGINE_FAILED
from gateway.exchange_log import Event, EventCode
from gateway.identity.caller import Caller


@asynccontextmanager
async def engine_failure_logged(agency: Agency, by: Caller, package_id: PackageId) -> AsyncIterator[None]:
    """Logs the failure for the recipient that it names, and passes it on."""
    try:
        yield
    except NotPermitted as error:
        if error.code == ENGINE_FAILED:
            entry = _failure_entry(agency, by, package_id, error)
            await agency.store.write(lambda tx: tx.log(entry))
        raise


def _failure_entry(agency: Agency, by: Caller, package_id: PackageId, error: NotPermitted) -> Event:
    recipient = error.extra["recipient"]
    record = {
        "package_id": package_id,
        "originator": agency.participant,
        "recipient": recipient,
        "policy_sha256": agency.in_force.policy.hash,
    }
    return event(
        EventCode.PACKAGE_DENIED,
        agency.clock(),
        by,
        package=package_id,
        partner=recipient,
        record=record,
        reason={"reasons": [error.title]},
    )
