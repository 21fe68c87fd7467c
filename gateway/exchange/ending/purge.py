"""Purge: what says anything of a package's content is destroyed; what proves that it was exchanged stays.

One transaction blanks the records, takes the private side out of the log entries, and logs that. The data key, the
blobs and the old pages of the database go after its commit (`finish_purges`), and where that is interrupted, at the
next start or turn of upkeep.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from attache.errors import NotFound
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import ReceiptKind
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.block_ranges import format_ranges
from gateway.exchange.kernel.ports import PurgedEntries, Reader
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ArrivalPartRecord,
    ArrivalRecord,
    ConsentRecord,
    ConsentRequestRecord,
    DecisionRecord,
    HoldRecord,
    OutboxKind,
    OutboxRecord,
    PackageRecord,
    PartRecord,
    PurgedRecord,
    Query,
    Record,
    RedactedPartRecord,
    ReleaseRecord,
    ReviewRecord,
)
from gateway.exchange.kernel.search import unsearchable
from gateway.exchange.kernel.state import (
    APPROVAL,
    ARRIVAL,
    OUTBOX,
    RELEASE,
    UNDER_WAY,
    ApprovalEvent,
    ApprovalState,
    ArrivalEvent,
    ArrivalState,
    OutboxEvent,
    OutboxState,
    ReleaseEvent,
    ReleaseState,
    advance,
)
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange.receipts.issue import ensure_receipt
from gateway.exchange_log.events.base import ArrivalIds, PackageIds, ReleaseIds
from gateway.exchange_log.events.packages import PackageExpired
from gateway.exchange_log.events.purges import PackagePurged, PurgeDone

R = TypeVar("R", bound=Record)

FINISHED_AT_ONCE = 500
_INDEXES_AT_ONCE = 2_000


@dataclass(frozen=True)
class Place:
    """Which package."""

    originator: ParticipantId
    package_id: PackageId


@dataclass(frozen=True)
class Blanked(Generic[R]):
    """What of a class of records goes with a package's content: which records of it, and how each is left."""

    kind: type[R]
    records: Callable[[Place], Query[R]]
    blank: Callable[[R], R]
    blob: Callable[[R], str] | None = None
    """The id of the blob that goes as well."""

    def blanked(self, work: Work, place: Place) -> Iterator[str]:
        """Blank the records; the ids of their blobs."""
        for record in work.find(self.records(place)):
            blob_id = self.blob(record) if self.blob else ""
            work.put(record, self.blank(record))
            if blob_id:
                yield blob_id


OF_OURS: tuple[Blanked[Any], ...] = (
    Blanked(
        PackageRecord,
        lambda p: PackageRecord.with_id(p.package_id),
        lambda r: replace(unsearchable(r), facts_sealed=b""),
    ),
    Blanked(
        PartRecord,
        lambda p: PartRecord.of_package(p.package_id),
        lambda r: replace(r, sealed_part_sealed=b"", ciphertext_bytes=0, blob_id=""),
        lambda r: r.blob_id,
    ),
    Blanked(
        RedactedPartRecord,
        lambda p: RedactedPartRecord.of_package(p.package_id),
        lambda r: replace(r, sealed_part_sealed=b"", ciphertext_bytes=0, blob_id=""),
        lambda r: r.blob_id,
    ),
    Blanked(
        ReleaseRecord,
        lambda p: ReleaseRecord.of_package(p.package_id),
        lambda r: replace(r, frame=None, manifest_sealed=None),
    ),
    Blanked(DecisionRecord, lambda p: DecisionRecord.of_package(p.package_id), lambda r: replace(r, record_sealed=b"")),
    Blanked(
        ApprovalRecord,
        lambda p: ApprovalRecord.of_package(p.package_id),
        lambda r: replace(r, reason_sealed=None, digest_sealed=b""),
    ),
    Blanked(ReviewRecord, lambda p: ReviewRecord.of_package(p.package_id), lambda r: replace(r, note_sealed=None)),
)
"""Of a package that we originated."""
OF_ARRIVALS: tuple[Blanked[Any], ...] = (
    Blanked(
        ArrivalRecord,
        lambda p: ArrivalRecord.at(p.originator, p.package_id),
        lambda r: replace(r, facts_sealed=b"", frame=b""),
    ),
    Blanked(
        ArrivalPartRecord,
        lambda p: ArrivalPartRecord.of_package(p.originator, p.package_id),
        lambda r: replace(r, block_hashes=b"", blocks_missing="", content="", ciphertext_bytes=0, blob_id=""),
        lambda r: r.blob_id,
    ),
)
"""Of a package that came to us."""
OF_EITHER: tuple[Blanked[Any], ...] = (
    Blanked(
        ConsentRecord,
        lambda p: ConsentRecord.of_package(p.originator, p.package_id),
        lambda r: replace(r, signed_sealed=b"", content=""),
    ),
    Blanked(
        ConsentRequestRecord,
        lambda p: ConsentRequestRecord.of_package(p.originator, p.package_id),
        lambda r: replace(r, facts_sealed=b"", refusal_sealed=None),
    ),
)
"""Of both."""


@dataclass(frozen=True)
class Cause:
    """By whose authority: an order, or a rule."""

    purge_id: str = ""
    legal_basis: str | None = None
    rule: str | None = None


def purge_package(agency: Agency, work: Work, place: Place, cause: Cause) -> None:
    """Destroy the content of a package whose releases have ended. Call `finish_purges` after the commit."""
    now = work.at
    blob_ids = list(_blanked(agency, work, place))
    head = head_of(agency, work, place)
    work.put(head, replace(head, purge_at=None, purged_at=now))
    for row in work.find(OutboxRecord.about_package(place.originator, place.package_id)):
        if row.state is OutboxState.PENDING and row.kind is not OutboxKind.RECEIPT:
            work.put(row, replace(row, state=advance(OUTBOX, row.state, OutboxEvent.GIVE_UP), problem="purged"))
    entries = work.purge_entries(place.originator, place.package_id)
    work.add(PurgedRecord(place.originator, place.package_id, now, cause.purge_id, ",".join(blob_ids)))
    purged = PackagePurged(
        about=PackageIds(package_id=place.package_id, originator=place.originator),
        blobs=len(blob_ids),
        purge_id=cause.purge_id,
        legal_basis=cause.legal_basis,
        rule=cause.rule,
    )
    for event in (purged, *_done(entries, cause)):
        work.log(event)


def end_release(agency: Agency, work: Work, release: ReleaseRecord) -> None:
    """A release that waits for an approval or is under way goes no further: its package has expired, or is to be
    purged.
    """
    now, problem = work.at, "package-expired"
    was_held = release.state is ReleaseState.AWAITING_APPROVAL
    state = advance(RELEASE, release.state, ReleaseEvent.REJECT if was_held else ReleaseEvent.EXPIRE)
    work.put(release, replace(release, state=state, changed_at=now, problem=problem))
    for approval in work.find(ApprovalRecord.of_release(release.package_id, release.recipient)):
        if approval.state is ApprovalState.PENDING:
            work.put(approval, replace(approval, state=advance(APPROVAL, approval.state, ApprovalEvent.VOID)))
    for row in work.find(OutboxRecord.carrying(release.package_id, release.recipient)):
        if row.originator == agency.participant and row.state is OutboxState.PENDING:
            work.put(row, replace(row, state=advance(OUTBOX, row.state, OutboxEvent.GIVE_UP), problem=problem))
    about = ReleaseIds(package_id=release.package_id, originator=agency.participant, recipient=release.recipient)
    work.log(PackageExpired(about=about, expires_at=release.expires_at), by=SYSTEM)


def end_arrival(agency: Agency, work: Work, arrival: ArrivalRecord) -> None:
    """What was announced and did not come whole is given up, with the room that was made for it."""
    now = work.at
    work.put(arrival, replace(arrival, state=advance(ARRIVAL, arrival.state, ArrivalEvent.EXPIRE), changed_at=now))
    about = ArrivalIds(package_id=arrival.package_id, originator=arrival.originator, recipient=agency.participant)
    work.log(PackageExpired(about=about), by=SYSTEM)


def end_releases(agency: Agency, work: Work, place: Place) -> None:
    """End whatever is still under way with a package."""
    if place.originator == agency.participant:
        for release in work.find(ReleaseRecord.of_package(place.package_id)):
            if release.state in UNDER_WAY:
                end_release(agency, work, release)
        return
    arrival = work.get(ArrivalRecord.key(place.originator, place.package_id))
    if arrival is not None and arrival.state is ArrivalState.RECEIVING:
        end_arrival(agency, work, arrival)


def head_of(agency: Agency, reader: Reader, place: Place) -> PackageRecord | ArrivalRecord:
    """The record of the package, ours or a partner's; raises NotFound."""
    is_ours = place.originator == agency.participant
    head: PackageRecord | ArrivalRecord | None = (
        reader.get(PackageRecord.key(place.package_id))
        if is_ours
        else reader.get(ArrivalRecord.key(place.originator, place.package_id))
    )
    if head is None:
        raise NotFound(detail="no such package is on record")
    return head


def is_on_hold(reader: Reader, place: Place) -> bool:
    """Whether a legal hold keeps it."""
    return bool(reader.find(HoldRecord.keeping(place.originator, place.package_id)))


async def sign_before_purge(agency: Agency, place: Place) -> None:
    """Receipts are made from the package: those that are due and not signed yet are signed while it is there."""
    if place.originator == agency.participant:
        return
    arrival = await agency.store.read(lambda reader: reader.get(ArrivalRecord.key(place.originator, place.package_id)))
    if arrival is None or arrival.purged_at is not None or arrival.log_index < 0:
        return
    kinds = (ReceiptKind.DELIVERED, *((ReceiptKind.OPENED,) if arrival.opened_index >= 0 else ()))
    for kind in kinds:
        await ensure_receipt(agency, place.originator, place.package_id, kind)


async def finish_purges(agency: Agency) -> bool:
    """Destroy what committed purges have left: data keys, blobs, old pages.
    False where a reader is in the way: try again later.
    """
    while left := await agency.store.read(lambda reader: reader.find(PurgedRecord.unfinished(FINISHED_AT_ONCE))):
        blob_ids = [blob_id for each in left for blob_id in each.blob_ids.split(",") if blob_id]
        # exchange-log P4
        if not await agency.store.destroy([(each.originator, each.package_id) for each in left], blob_ids):
            return False
        await agency.commit(SYSTEM, partial(_note_destroyed, tuple(left)))
        await agency.store.destroy((), ())  # the blobs' ids go from the file as well
    return True


def _note_destroyed(done: tuple[PurgedRecord, ...], work: Work) -> None:
    for each in done:
        if work.get(PurgedRecord.key(each.originator, each.package_id)) == each:
            work.put(each, replace(each, blob_ids="", destroyed_at=work.at))


def _blanked(agency: Agency, work: Work, place: Place) -> Iterator[str]:
    """Blank what is on record of the package's content; the ids of its blobs."""
    of_its_side = OF_OURS if place.originator == agency.participant else OF_ARRIVALS
    for content in (*of_its_side, *OF_EITHER):
        yield from content.blanked(work, place)


def _done(entries: PurgedEntries, cause: Cause) -> Iterator[PurgeDone]:
    for start in range(0, len(entries.indexes), _INDEXES_AT_ONCE):
        indexes = entries.indexes[start : start + _INDEXES_AT_ONCE]
        yield PurgeDone(
            purge_id=cause.purge_id,
            # exchange-log L9
            indexes=format_ranges(indexes),
            groups=tuple(sorted(entries.groups)),
            legal_basis=cause.legal_basis,
            rule=cause.rule,
        )
