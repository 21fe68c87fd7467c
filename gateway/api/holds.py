"""Legal holds: they keep packages from being purged, by rule and by order."""

from fastapi import APIRouter, Request, status

from attache.wire.purges import HoldList, HoldView
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Cursor, Holder, Limit, Own, PackageId
from gateway.api.purges import READERS, Given, Named, Words, read_given
from gateway.exchange.ending.legal_hold import lift_hold, list_holds, place_hold
from gateway.exchange.shown.purges import hold_view

router = APIRouter(prefix="/holds", tags=["holds"], responses=PROBLEM)


class Lifted(Given):
    """Why the hold ends."""

    note: Words


@router.get("", dependencies=READERS)
async def list_all(own: Own, after: Cursor = "", limit: Limit = 50) -> HoldList:
    """Legal holds, newest first, lifted ones among them."""
    found = [hold_view(hold) for hold in await list_holds(own, after, limit)]
    return HoldList(holds=found, next=found[-1].hold_id if len(found) == limit else None)


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Named))
async def place(request: Request, own: Own, caller: Holder) -> HoldView:
    """Keep packages from being purged, by rule and by order."""
    given = await read_given(request, Named)
    return hold_view(await place_hold(own, caller, given.places(), legal_basis=given.legal_basis, note=given.note))


@router.post("/{hold_id}/lift", openapi_extra=json_body(Lifted))
async def lift(request: Request, own: Own, caller: Holder, hold_id: PackageId) -> HoldView:
    """Lift a hold that another officer placed."""
    given = await read_given(request, Lifted)
    return hold_view(await lift_hold(own, caller, hold_id, given.note))
