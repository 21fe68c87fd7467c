"""Purges before the retention ends: one security officer orders them, another confirms them."""

from collections.abc import Iterable

from fastapi import status

from attache.wire.purges import PackagePlace, PurgeApproval, PurgeList, PurgeOrder, PurgeRejection, PurgeView
from gateway.admission import Json, PageSize, ThisAgency, api_router, requires
from gateway.api.callers import Cursor, PackageId, Purger
from gateway.exchange.ending.purge import Place
from gateway.exchange.ending.purge_order import (
    approve_purge,
    list_purges,
    order_purge,
    purge_of,
    purge_view,
    reject_purge,
)
from gateway.identity import Action

READERS = [requires(Action.READ_PURGES)]

router = api_router("purges", "/purges")


@router.get("", dependencies=READERS)
async def list_orders(agency: ThisAgency, after: Cursor = "", limit: PageSize = 50) -> PurgeList:
    """Orders, newest first."""
    page = (await list_purges(agency, after, limit)).map(purge_view)
    return PurgeList.of(page, purges=page.items)


@router.get("/{purge_id}", dependencies=READERS)
async def show(agency: ThisAgency, purge_id: PackageId) -> PurgeView:
    """One order."""
    return purge_view(await purge_of(agency, purge_id))


@router.post("", status_code=status.HTTP_201_CREATED)
async def order(agency: ThisAgency, caller: Purger, body: Json[PurgeOrder]) -> PurgeView:
    """Order a purge. Nothing is destroyed until another security officer confirms it. A legal hold is 409 `on-hold`."""
    places = places_of(body.packages)
    return purge_view(await order_purge(agency, caller, places, legal_basis=body.legal_basis, note=body.note))


@router.post("/{purge_id}/approve")
async def approve(agency: ThisAgency, caller: Purger, purge_id: PackageId, approval: Json[PurgeApproval]) -> PurgeView:
    """Confirm another officer's order. The content is destroyed and cannot be restored."""
    return purge_view(await approve_purge(agency, caller, purge_id, approval.note))


@router.post("/{purge_id}/reject")
async def reject(agency: ThisAgency, caller: Purger, purge_id: PackageId, rejection: Json[PurgeRejection]) -> PurgeView:
    """Reject another officer's order."""
    return purge_view(await reject_purge(agency, caller, purge_id, rejection.reason))


def places_of(packages: Iterable[PackagePlace]) -> list[Place]:
    """The packages in the form that the use cases take."""
    return [Place(each.originator, each.package_id) for each in packages]
