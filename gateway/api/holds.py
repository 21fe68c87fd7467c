"""Legal holds: while a hold is in force, no rule and no order purges its packages."""

from fastapi import status

from attache.wire.purges import HoldLift, HoldList, HoldOrder, HoldView
from gateway.admission import Json, PageSize, ThisAgency, api_router
from gateway.api.callers import Cursor, Holder, PackageId
from gateway.api.purges import READERS, places_of
from gateway.exchange.ending.legal_hold import hold_view, lift_hold, list_holds, place_hold

router = api_router("holds", "/holds")


@router.get("", dependencies=READERS)
async def list_all(agency: ThisAgency, after: Cursor = "", limit: PageSize = 50) -> HoldList:
    """Legal holds, newest first, including lifted ones."""
    page = (await list_holds(agency, after, limit)).map(hold_view)
    return HoldList.of(page, holds=page.items)


@router.post("", status_code=status.HTTP_201_CREATED)
async def place(agency: ThisAgency, caller: Holder, order: Json[HoldOrder]) -> HoldView:
    """Place a legal hold: until it is lifted, no rule and no order purges these packages."""
    places = places_of(order.packages)
    return hold_view(await place_hold(agency, caller, places, legal_basis=order.legal_basis, note=order.note))


@router.post("/{hold_id}/lift")
async def lift(agency: ThisAgency, caller: Holder, hold_id: PackageId, body: Json[HoldLift]) -> HoldView:
    """Lift a hold that another officer placed."""
    return hold_view(await lift_hold(agency, caller, hold_id, body.note))
