"""Purge by order: a security officer orders, another one confirms. Nobody confirms their own,
and a legal hold is stronger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from attache.errors import Conflict, Gone, IllegalTransition, NotFound, NotPermitted
from attache.package import uuid7
from attache.strict_json import canonical, parse
from attache.wire.purges import PackagePlaceView, PurgeView
from gateway.exchange.ending.purge import (
    Cause,
    Place,
    end_releases,
    finish_purges,
    head_of,
    is_on_hold,
    purge_package,
    sign_before_purge,
)
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import PurgeRecord
from gateway.exchange.kernel.sealed import PURGE_DECISION, PURGE_REASONS, Reasons
from gateway.exchange.kernel.state import PURGE, PurgeEvent, PurgeState, advance
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.base import PackageIds
from gateway.exchange_log.events.purges import PurgeApproved, PurgeLapsed, PurgeOrdered, PurgeRejected
from gateway.identity.caller import Caller


@dataclass(frozen=True)
class Order:
    """An order, with what was said for it and of it."""

    record: PurgeRecord
    places: tuple[Place, ...]
    legal_basis: str
    note: str
    decision: str | None


async def order_purge(agency: Agency, caller: Caller, places: Sequence[Place], *, legal_basis: str, note: str) -> Order:
    """Order that packages be purged before their time. Nothing is destroyed until another security officer confirms it.

    Raises NotFound, Gone for what is purged already, Conflict("on-hold").
    """
    now = agency.clock()
    purge_id = uuid7(now, agency.random)
    wanted = tuple(dict.fromkeys(places))
    record = PurgeRecord(
        purge_id=purge_id,
        state=PurgeState.ORDERED,
        packages=canonical([[place.originator, place.package_id] for place in wanted]).decode(),
        ordered_by=agency.officer(caller),
        ordered_at=now,
        expires_at=now + agency.limits.purge_term,
        reasons_sealed=b"",
    )
    record = agency.seal(PURGE_REASONS, record, Reasons(legal_basis, note))

    def unit(work: Work) -> None:
        for place in wanted:
            require_purgeable(agency, work, place)
        work.add(record)
        packages = tuple(PackageIds(package_id=place.package_id, originator=place.originator) for place in wanted)
        ordered = PurgeOrdered(purge_id=purge_id, packages=packages, legal_basis=legal_basis, note=note)
        work.log(ordered)

    await agency.commit(caller, unit)
    return read_order(agency, record)


async def approve_purge(agency: Agency, caller: Caller, purge_id: str, note: str) -> Order:
    """Confirm an order: what it names is purged at once, all of it or nothing.
    What is still under way with it ends first.

    Raises NotFound, NotPermitted("own-order"), IllegalTransition where it is
    decided or its time is over, Conflict("on-hold").
    """
    order = read_order(agency, await agency.store.read(lambda reader: _record(reader, purge_id)))
    _require_decidable(agency, order.record, caller, PurgeEvent.APPROVE)
    await agency.store.read(lambda reader: _require_all_purgeable(agency, reader, order))
    for place in order.places:
        await sign_before_purge(agency, place)

    def unit(work: Work) -> PurgeRecord:
        decided = _decided(agency, work, purge_id, PurgeEvent.APPROVE, note)
        work.log(PurgeApproved(purge_id=purge_id, note=note))
        _require_all_purgeable(agency, work, order)
        for place in order.places:
            end_releases(agency, work, place)
            purge_package(agency, work, place, Cause(purge_id, legal_basis=order.legal_basis))
        return decided

    decided = await agency.commit(caller, unit)
    await finish_purges(agency)
    return read_order(agency, decided)


async def reject_purge(agency: Agency, caller: Caller, purge_id: str, note: str) -> Order:
    """Say no to an order, with the reason. Raises as `approve_purge` does."""

    def unit(work: Work) -> PurgeRecord:
        decided = _decided(agency, work, purge_id, PurgeEvent.REJECT, note)
        work.log(PurgeRejected(purge_id=purge_id, note=note))
        return decided

    return read_order(agency, await agency.commit(caller, unit))


async def list_purges(agency: Agency, after: str, limit: int) -> Page[Order]:
    """Orders newest first, those with an id below `after`."""

    def query(reader: Reader, size: int) -> list[PurgeRecord]:
        return reader.find(PurgeRecord.newest(after, size))

    page = await read_page(agency, limit, query, lambda record: record.purge_id)
    return page.map(lambda record: read_order(agency, record))


def purge_view(order: Order) -> PurgeView:
    """An order to purge as callers see it."""
    return PurgeView.of(order.record, order, packages=[PackagePlaceView.of(place) for place in order.places])


async def purge_of(agency: Agency, purge_id: str) -> Order:
    """One order; raises NotFound."""
    return read_order(agency, await agency.store.read(lambda reader: _record(reader, purge_id)))


def let_purge_lapse(work: Work, record: PurgeRecord) -> None:
    """Nobody confirmed the order in time."""
    work.put(record, replace(record, state=advance(PURGE, record.state, PurgeEvent.LAPSE)))
    work.log(PurgeLapsed(purge_id=record.purge_id))


def require_purgeable(agency: Agency, reader: Reader, place: Place) -> None:
    """Raise NotFound, Gone where it is purged, Conflict("on-hold")."""
    if head_of(agency, reader, place).purged_at is not None:
        raise Gone(detail=f"{place.package_id} is purged already")
    if is_on_hold(reader, place):
        raise Conflict("on-hold", f"{place.package_id} of {place.originator} is on a legal hold")


def _require_all_purgeable(agency: Agency, reader: Reader, order: Order) -> None:
    for place in order.places:
        require_purgeable(agency, reader, place)


def read_order(agency: Agency, record: PurgeRecord) -> Order:
    """The order that a record keeps."""
    reasons = agency.open(PURGE_REASONS, record)
    decision = None if record.decision_sealed is None else agency.open(PURGE_DECISION, record)
    packages: Any = parse(record.packages.encode())
    return Order(record, tuple(Place(*pair) for pair in packages), reasons.legal_basis, reasons.note, decision)


def _record(reader: Reader, purge_id: str) -> PurgeRecord:
    record = reader.get(PurgeRecord.key(purge_id))
    if record is None:
        raise NotFound
    return record


def _require_decidable(agency: Agency, record: PurgeRecord, caller: Caller, decision: PurgeEvent) -> PurgeState:
    if record.ordered_by == agency.officer(caller):
        raise NotPermitted("own-order")
    state = advance(PURGE, record.state, decision)
    if record.expires_at <= agency.clock():
        raise IllegalTransition(detail="the time for this order is over")
    return state


def _decided(agency: Agency, work: Work, purge_id: str, decision: PurgeEvent, note: str) -> PurgeRecord:
    record = _record(work, purge_id)
    state = _require_decidable(agency, record, work.caller, decision)
    decided = replace(record, state=state, decided_by=agency.officer(work.caller), decided_at=work.at)
    return work.put(record, agency.seal(PURGE_DECISION, decided, note))
