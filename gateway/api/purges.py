"""Purges before their time: ordered by one security officer, confirmed by another."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN
from attache.wire.purges import PurgeList, PurgeView
from attache.package.values import ParticipantId
from gateway.admission import read_json, requires
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Cursor, Limit, Own, PackageId, Purger
from gateway.exchange.ending.purge import Place
from gateway.exchange.ending.purge_order import (
    MAX_PACKAGES,
    approve_purge,
    list_purges,
    order_purge,
    purge_of,
    reject_purge,
)
from gateway.exchange.shown.purges import purge_view
from gateway.identity import Action

READERS = [requires(Action.READ_PURGES)]

router = APIRouter(prefix="/purges", tags=["purges"], responses=PROBLEM)

T = TypeVar("T", bound=BaseModel)

Words = Annotated[str, Field(min_length=1, max_length=2000)]


class Given(BaseModel):
    """What a security officer sends."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PackagePlace(Given):
    """A package, by its originator and id."""

    originator: ParticipantId
    package_id: PackageId


class Named(Given):
    """Packages, ours or partners', and why. What is said outlasts them: name nobody in it."""

    packages: Annotated[tuple[PackagePlace, ...], Field(min_length=1, max_length=MAX_PACKAGES)]
    legal_basis: Annotated[str, Field(min_length=1, max_length=200)]
    note: Words

    def places(self) -> list[Place]:
        """As the use cases name them."""
        return [Place(each.originator, each.package_id) for each in self.packages]


class Confirmed(Given):
    """Why a second officer says yes."""

    note: Words


class Reasoned(Given):
    """Why a second officer says no."""

    reason: Words


@router.get("", dependencies=READERS)
async def list_orders(own: Own, after: Cursor = "", limit: Limit = 50) -> PurgeList:
    """Orders, newest first."""
    found = [purge_view(order) for order in await list_purges(own, after, limit)]
    return PurgeList(purges=found, next=found[-1].purge_id if len(found) == limit else None)


@router.get("/{purge_id}", dependencies=READERS)
async def show(own: Own, purge_id: PackageId) -> PurgeView:
    """One order."""
    return purge_view(await purge_of(own, purge_id))


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Named))
async def order(request: Request, own: Own, caller: Purger) -> PurgeView:
    """Order a purge. Nothing is destroyed until another security officer confirms it; a legal hold is 409 `on-hold`."""
    given = await read_given(request, Named)
    places = given.places()
    return purge_view(await order_purge(own, caller, places, legal_basis=given.legal_basis, note=given.note))


@router.post("/{purge_id}/approve", openapi_extra=json_body(Confirmed))
async def approve(request: Request, own: Own, caller: Purger, purge_id: PackageId) -> PurgeView:
    """Confirm another officer's order. The content is destroyed, and nothing brings it back."""
    given = await read_given(request, Confirmed)
    return purge_view(await approve_purge(own, caller, purge_id, given.note))


@router.post("/{purge_id}/reject", openapi_extra=json_body(Reasoned))
async def reject(request: Request, own: Own, caller: Purger, purge_id: PackageId) -> PurgeView:
    """Reject another officer's order."""
    given = await read_given(request, Reasoned)
    return purge_view(await reject_purge(own, caller, purge_id, given.reason))


async def read_given(request: Request, body: type[T]) -> T:
    """The body of a request as `body`; raises MalformedInput."""
    settings = request.app.state.settings
    return await read_json(request, body, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds)
