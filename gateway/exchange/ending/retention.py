"""Retention: what upkeep ends by rule. Packages that have expired go no further;
those whose retention has ended are purged.

A package on a legal hold is left alone until the hold is lifted. One transaction a package, and bounded batches.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from attache.errors import IntegrityLost
from attache.package.ids import PackageId
from gateway.exchange.ending.purge import (
    Cause,
    Place,
    end_arrival,
    end_release,
    finish_purges,
    is_on_hold,
    purge_package,
    sign_before_purge,
)
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import ArrivalRecord, PackageRecord, ReleaseRecord
from gateway.exchange.kernel.state import UNDER_WAY, ArrivalState
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import SYSTEM, Work

AT_ONCE = 100
LOOK_AGAIN = timedelta(days=1)
RULE = "retention"
GIVEN_UP = "never-complete"


async def keep_retention(agency: Agency) -> None:
    """Expire and purge what is due now, and finish the purges that were interrupted."""
    await expire_releases(agency)
    await purge_packages(agency)
    await purge_arrivals(agency)
    await finish_purges(agency)


async def expire_releases(agency: Agency) -> None:
    """Releases that wait for an approval or are under way when their package expires end there."""

    def unit(work: Work) -> None:
        for release in work.find(ReleaseRecord.expired(work.at, AT_ONCE)):
            end_release(agency, work, release)

    while await agency.store.read(lambda reader: reader.find(ReleaseRecord.expired(agency.clock(), 1))):
        await agency.commit(SYSTEM, unit)


async def purge_packages(agency: Agency) -> None:
    """Purge packages of ours whose retention has ended, but none that is still under way."""

    def unit(package_id: PackageId, work: Work) -> None:
        record = work.get(PackageRecord.key(package_id))
        now = work.at
        place = Place(agency.participant, package_id)
        if record is None or record.purge_at is None or record.purge_at > now or is_on_hold(work, place):
            return
        ends_at = _retention_ends(agency, work, record)
        if ends_at > now:
            work.put(record, replace(record, purge_at=ends_at))
        else:
            purge_package(agency, work, place, Cause(rule=RULE))

    while due := await agency.store.read(lambda r: r.packages_due(agency.participant, agency.clock(), AT_ONCE)):
        for record in due:
            await agency.commit(SYSTEM, partial(unit, record.package_id))


async def purge_arrivals(agency: Agency) -> None:
    """Purge what came to us and whose retention has ended, and what was announced and never came whole."""

    def unit(place: Place, work: Work) -> None:
        arrival = work.get(ArrivalRecord.key(place.originator, place.package_id))
        if arrival is None or arrival.purge_at is None or arrival.purge_at > work.at or is_on_hold(work, place):
            return
        is_whole = arrival.state is not ArrivalState.RECEIVING
        if not is_whole:
            end_arrival(agency, work, arrival)
        purge_package(agency, work, place, Cause(rule=RULE if is_whole else GIVEN_UP))

    while due := await agency.store.read(lambda reader: reader.arrivals_due(agency.clock(), AT_ONCE)):
        for arrival in due:
            place = Place(arrival.originator, arrival.package_id)
            await sign_before_purge(agency, place)
            await agency.commit(SYSTEM, partial(unit, place))


def _retention_ends(agency: Agency, work: Work, record: PackageRecord) -> datetime:
    """When a package of ours is to be purged; tomorrow, or later, while a release of it is under way."""
    releases = work.find(ReleaseRecord.of_package(record.package_id))
    if any(release.state in UNDER_WAY for release in releases):
        return work.at + LOOK_AGAIN
    try:
        stated = submission_of(agency, record).retain_until
    except (
        IntegrityLost
    ):  # its data key was lost: its content cannot be read, and must not stop the purge of other packages
        stated = None
    if stated is not None:
        return stated
    return max([record.created_at, *(release.changed_at for release in releases)]) + agency.limits.retention
