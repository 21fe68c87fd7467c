"""Purges before their time: ordered by one security officer, confirmed by another."""

from collections.abc import Iterable
from typing import TypeVar

from fastapi import APIRouter, Request, status
from pydantic import BaseModel

from attache.wire.purges import PackagePlace, PurgeApproval, PurgeList, PurgeOrder, PurgeRejection, PurgeView
from gateway.admission import read_json, requires
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Cursor, Limit, Own, PackageId, Purger
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

router = APIRouter(prefix="/purges", tags=["purges"], responses=PROBLEM)

T = TypeVar("T", bound=BaseModel)


@router.get("", dependencies=READERS)
async def list_orders(own: Own, after: Cursor = "", limit: Limit = 50) -> PurgeList:
    """Orders, newest first."""
    page = (await list_purges(own, after, limit)).map(purge_view)
    return PurgeList.of(page, purges=page.items)


@router.get("/{purge_id}", dependencies=READERS)
async def show(own: Own, purge_id: PackageId) -> PurgeView:
    """One order."""
    return purge_view(await purge_of(own, purge_id))


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(PurgeOrder))
async def order(request: Request, own: Own, caller: Purger) -> PurgeView:
    """Order a purge. Nothing is destroyed until another security officer confirms it; a legal hold is 409 `on-hold`."""
    given = await read_given(request, PurgeOrder)
    places = places_of(given.packages)
    return purge_view(await order_purge(own, caller, places, legal_basis=given.legal_basis, note=given.note))


@router.post("/{purge_id}/approve", openapi_extra=json_body(PurgeApproval))
async def approve(request: Request, own: Own, caller: Purger, purge_id: PackageId) -> PurgeView:
    """Confirm another officer's order. The content is destroyed, and nothing brings it back."""
    given = await read_given(request, PurgeApproval)
    return purge_view(await approve_purge(own, caller, purge_id, given.note))


@router.post("/{purge_id}/reject", openapi_extra=json_body(PurgeRejection))
async def reject(request: Request, own: Own, caller: Purger, purge_id: PackageId) -> PurgeView:
    """Reject another officer's order."""
    given = await read_given(request, PurgeRejection)
    return purge_view(await reject_purge(own, caller, purge_id, given.reason))


def places_of(packages: Iterable[PackagePlace]) -> list[Place]:
    """The packages as the use cases name them."""
    return [Place(each.originator, each.package_id) for each in packages]


async def read_given(request: Request, body: type[T]) -> T:
    """The body of a request as `body`; raises MalformedInput."""
    settings = request.app.state.settings
    return await read_json(request, body, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds)
