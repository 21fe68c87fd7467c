"""Which packages a caller may know of: the ones it submitted, or all of them where its role sees all."""

from attache.errors import NotFound
from attache.package.ids import PackageId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import PackageRecord
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all


def visible_package(agency: Agency, reader: Reader, caller: Caller, package_id: PackageId) -> PackageRecord:
    """The record of a package that the caller submitted, or that its role may see. Raises NotFound, NotForCaller."""
    record = reader.get(PackageRecord.key(package_id))
    if record is None:
        raise NotFound
    # protocol A4
    if not (sees_all(caller) or record.submitter == agency.officer(caller)):
        # protocol X5: is answered as `not-found`
        raise NotForCaller
    return record
