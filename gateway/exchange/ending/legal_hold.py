"""Legal holds: what is on one is not purged, by rule or by order,
until another security officer than who placed it lifts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attache.errors import Gone, IllegalTransition, NotFound, NotPermitted
from attache.package import uuid7
from attache.wire.purges import HoldView, PackagePlaceView
from gateway.exchange.ending.purge import Place, head_of
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import HoldRecord
from gateway.exchange.kernel.sealed import HOLD_LIFTING, HOLD_REASONS, Reasons
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.base import PackageIds
from gateway.exchange_log.events.purges import HoldLifted, HoldPlaced
from gateway.identity.caller import Caller


@dataclass(frozen=True)
class Hold:
    """One hold: its rows, one for each package, and what was said for it and of its lifting."""

    rows: tuple[HoldRecord, ...]
    legal_basis: str
    note: str
    lifting: str | None


async def place_hold(agency: Agency, caller: Caller, places: Sequence[Place], *, legal_basis: str, note: str) -> Hold:
    """Keep packages from being purged. Raises NotFound, and Gone for what is purged already."""
    now, by = agency.clock(), agency.officer(caller)
    hold_id = uuid7(now, agency.random)
    wanted = tuple(dict.fromkeys(places))
    unsealed = (HoldRecord(hold_id, place.originator, place.package_id, by, now, b"") for place in wanted)
    rows = tuple(agency.seal(HOLD_REASONS, row, Reasons(legal_basis, note)) for row in unsealed)

    def unit(work: Work) -> None:
        for place in wanted:
            if head_of(agency, work, place).purged_at is not None:
                raise Gone(detail=f"{place.package_id} is purged already")
        for row in rows:
            work.add(row)
        packages = tuple(PackageIds(package_id=place.package_id, originator=place.originator) for place in wanted)
        placed = HoldPlaced(hold_id=hold_id, packages=packages, legal_basis=legal_basis, note=note)
        work.log(placed)

    await agency.commit(caller, unit)
    return _hold(agency, rows)


async def lift_hold(agency: Agency, caller: Caller, hold_id: str, note: str) -> Hold:
    """End a hold. Raises NotFound, NotPermitted("own-order") for who placed it,
    IllegalTransition where it is lifted already.
    """
    by = agency.officer(caller)

    def unit(work: Work) -> tuple[HoldRecord, ...]:
        rows = work.find(HoldRecord.of_hold(hold_id))
        if not rows:
            raise NotFound
        if any(row.placed_by == by for row in rows):
            raise NotPermitted("own-order", "another officer lifts what one has placed")
        if any(row.lifted_at is not None for row in rows):
            raise IllegalTransition(detail="the hold is lifted already")
        work.log(HoldLifted(hold_id=hold_id, note=note))
        return tuple(
            work.put(row, agency.seal(HOLD_LIFTING, replace(row, lifted_by=by, lifted_at=work.at), note))
            for row in rows
        )

    return _hold(agency, await agency.commit(caller, unit))


async def list_holds(agency: Agency, after: str, limit: int) -> Page[Hold]:
    """Holds newest first, those with an id below `after`; lifted ones among them."""

    def query(reader: Reader, size: int) -> list[tuple[HoldRecord, ...]]:
        by_hold: dict[str, list[HoldRecord]] = {}
        for row in reader.holds_after(after, size):
            by_hold.setdefault(row.hold_id, []).append(row)
        return [tuple(rows) for rows in by_hold.values()]

    page = await read_page(agency, limit, query, lambda rows: rows[0].hold_id)
    return page.map(lambda rows: _hold(agency, rows))


def hold_view(hold: Hold) -> HoldView:
    """A legal hold as callers see it."""
    return HoldView.of(hold.rows[0], hold, packages=[PackagePlaceView.of(row) for row in hold.rows])


def _hold(agency: Agency, rows: tuple[HoldRecord, ...]) -> Hold:
    reasons = agency.open(HOLD_REASONS, rows[0])
    lifting = None if rows[0].lifting_sealed is None else agency.open(HOLD_LIFTING, rows[0])
    return Hold(rows, reasons.legal_basis, reasons.note, lifting)
