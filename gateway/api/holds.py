"""Legal holds: they keep packages from being purged, by rule and by order."""

from fastapi import APIRouter, Request, status

from attache.wire.purges import HoldLift, HoldList, HoldOrder, HoldView
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Cursor, Holder, Limit, Own, PackageId
from gateway.api.purges import READERS, places_of, read_given
from gateway.exchange.ending.legal_hold import hold_view, lift_hold, list_holds, place_hold

router = APIRouter(prefix="/holds", tags=["holds"], responses=PROBLEM)


@router.get("", dependencies=READERS)
async def list_all(own: Own, after: Cursor = "", limit: Limit = 50) -> HoldList:
    """Legal holds, newest first, lifted ones among them."""
    page = (await list_holds(own, after, limit)).map(hold_view)
    return HoldList.of(page, holds=page.items)


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(HoldOrder))
async def place(request: Request, own: Own, caller: Holder) -> HoldView:
    """Keep packages from being purged, by rule and by order."""
    given = await read_given(request, HoldOrder)
    return hold_view(
        await place_hold(own, caller, places_of(given.packages), legal_basis=given.legal_basis, note=given.note)
    )


@router.post("/{hold_id}/lift", openapi_extra=json_body(HoldLift))
async def lift(request: Request, own: Own, caller: Holder, hold_id: PackageId) -> HoldView:
    """Lift a hold that another officer placed."""
    given = await read_given(request, HoldLift)
    return hold_view(await lift_hold(own, caller, hold_id, given.note))
