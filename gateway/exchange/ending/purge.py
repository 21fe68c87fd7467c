"""Purge: what says anything of a package's content is destroyed; what proves that it was exchanged stays.

One transaction blanks the records, takes the private side out of the log entries, and logs that. The data key, the blobs and the
old pages of the database go after its commit (`finish_purges`), and where that is interrupted, at the next start or turn of upkeep.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attache.errors import NotFound
from attache.package import instant_text
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import ReceiptKind
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.block_ranges import format_ranges
from gateway.exchange.kernel.consent_records import ConsentRequestRecord
from gateway.exchange.kernel.logged import SYSTEM, event
from gateway.exchange.kernel.ports import PurgedEntries, Reader, Transaction
from gateway.exchange.kernel.purge_records import HoldRecord, PurgedRecord
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ApprovalState,
    ArrivalPartRecord,
    ArrivalRecord,
    ConsentRecord,
    DecisionRecord,
    OutboxKind,
    OutboxRecord,
    OutboxState,
    PackageRecord,
    PartRecord,
    Record,
    RedactedPartRecord,
    ReleaseRecord,
    ReviewRecord,
)
from gateway.exchange.kernel.state import (
    ARRIVAL,
    RELEASE,
    ArrivalEvent,
    ArrivalState,
    ReleaseEvent,
    ReleaseState,
    advance,
)
from gateway.exchange.receipts.issue import ensure_receipt
from gateway.exchange_log import EventCode
from gateway.identity.caller import Caller

UNDER_WAY = frozenset({ReleaseState.HELD, ReleaseState.RELEASED, ReleaseState.DELIVERING})
FINISHED_AT_ONCE = 500
_INDEXES_AT_ONCE = 2_000


@dataclass(frozen=True)
class Content:
    """What a class of record holds of a package's content: each field's value once it is destroyed, and the field with a blob's id."""

    kind: type[Record]
    blank: Mapping[str, Any]
    blob: str | None = None


OF_OURS = (
    Content(PackageRecord, {"facts_sealed": b""}),
    Content(PartRecord, {"sealed_part_sealed": b"", "ciphertext_bytes": 0}, blob="blob_id"),
    Content(RedactedPartRecord, {"sealed_part_sealed": b"", "ciphertext_bytes": 0}, blob="blob_id"),
    Content(ReleaseRecord, {"frame": None, "manifest_sealed": None}),
    Content(DecisionRecord, {"record_sealed": b""}),
    Content(ApprovalRecord, {"reason_sealed": None, "digest_sealed": b""}),
    Content(ReviewRecord, {"note_sealed": None}),
)
"""Of a package that we originated; found by its id."""
OF_ARRIVALS = (
    Content(ArrivalRecord, {"facts_sealed": b"", "frame": b""}),
    Content(
        ArrivalPartRecord,
        {"block_hashes": b"", "blocks_missing": "", "content": "", "ciphertext_bytes": 0},
        blob="blob_id",
    ),
)
"""Of a package that came to us; found by originator and id."""
OF_EITHER = (
    Content(ConsentRecord, {"signed_sealed": b"", "content": ""}),
    Content(ConsentRequestRecord, {"facts_sealed": b"", "refusal_sealed": None}),
)
"""Of both; found by originator and id."""


@dataclass(frozen=True)
class Place:
    """Which package."""

    originator: ParticipantId
    package_id: PackageId


@dataclass(frozen=True)
class Cause:
    """By whose authority: an order, or a rule."""

    by: Caller | str = SYSTEM
    purge_id: str = ""
    legal_basis: str | None = None
    rule: str | None = None

    @property
    def reason(self) -> dict[str, str]:
        named = {"legal_basis": self.legal_basis, "rule": self.rule}
        return {name: text for name, text in named.items() if text is not None}


def purge_package(agency: Agency, tx: Transaction, place: Place, cause: Cause) -> None:
    """Destroy the content of a package whose life has ended. Call `finish_purges` after the commit."""
    now = agency.clock()
    blob_ids = [blob_id for content in _contents(agency, place) for blob_id in _blank(agency, tx, place, content)]
    head = head_of(agency, tx, place)
    tx.change(head, purge_at=None, purged_at=now)
    for row in tx.find(OutboxRecord, package_id=place.package_id, originator=place.originator):
        if row.state is OutboxState.PENDING and row.kind is not OutboxKind.RECEIPT:
            tx.change(row, state=OutboxState.FAILED, problem="purged")
    entries = tx.purge_entries(place.originator, place.package_id)
    tx.add(PurgedRecord(place.originator, place.package_id, now, cause.purge_id, ",".join(blob_ids)))
    record = {**vars(place), "blobs": len(blob_ids), "purge_id": cause.purge_id}
    tx.log(event(EventCode.PACKAGE_PURGED, now, cause.by, package=place.package_id, record=record, reason=cause.reason))
    for about in _done(entries, cause):
        tx.log(event(EventCode.PURGE_DONE, now, cause.by, record=about, reason=cause.reason))


def end_release(agency: Agency, tx: Transaction, life: ReleaseRecord) -> None:
    """A release that is held or under way goes no further: its package has expired, or is to be purged."""
    now, problem = agency.clock(), "package-expired"
    was_held = life.state is ReleaseState.HELD
    state = advance(RELEASE, life.state, ReleaseEvent.REJECT if was_held else ReleaseEvent.EXPIRE)
    tx.change(life, state=state, changed_at=now, problem=problem)
    for approval in tx.find(ApprovalRecord, package_id=life.package_id, recipient=life.recipient):
        if approval.state is ApprovalState.PENDING:
            tx.change(approval, state=ApprovalState.VOID)
    for row in tx.find(OutboxRecord, package_id=life.package_id, partner=life.recipient, kind=OutboxKind.PACKAGE):
        if row.originator == agency.participant and row.state is OutboxState.PENDING:
            tx.change(row, state=OutboxState.FAILED, problem=problem)
    record = {
        "package_id": life.package_id,
        "originator": agency.participant,
        "recipient": life.recipient,
        "expires_at": None if life.expires_at is None else instant_text(life.expires_at),
    }
    names: dict[str, Any] = {"package": life.package_id, "partner": life.recipient}
    tx.log(event(EventCode.PACKAGE_EXPIRED, now, SYSTEM, record=record, **names))


def end_arrival(agency: Agency, tx: Transaction, arrival: ArrivalRecord) -> None:
    """What was announced and did not come whole is given up, with the room that was made for it."""
    now = agency.clock()
    tx.change(arrival, state=advance(ARRIVAL, arrival.state, ArrivalEvent.EXPIRE), changed_at=now)
    record = {"package_id": arrival.package_id, "originator": arrival.originator, "recipient": agency.participant}
    names: dict[str, Any] = {"package": arrival.package_id, "partner": arrival.originator}
    tx.log(event(EventCode.PACKAGE_EXPIRED, now, SYSTEM, record=record, **names))


def end_life(agency: Agency, tx: Transaction, place: Place) -> None:
    """End whatever is still under way with a package."""
    if place.originator == agency.participant:
        for life in tx.find(ReleaseRecord, package_id=place.package_id):
            if life.state in UNDER_WAY:
                end_release(agency, tx, life)
        return
    arrival = tx.get(ArrivalRecord, place.originator, place.package_id)
    if arrival is not None and arrival.state is ArrivalState.RECEIVING:
        end_arrival(agency, tx, arrival)


def head_of(agency: Agency, reader: Reader, place: Place) -> PackageRecord | ArrivalRecord:
    """The record of the package, ours or a partner's; raises NotFound."""
    is_ours = place.originator == agency.participant
    head: PackageRecord | ArrivalRecord | None = (
        reader.get(PackageRecord, place.package_id)
        if is_ours
        else reader.get(ArrivalRecord, place.originator, place.package_id)
    )
    if head is None:
        raise NotFound(detail="no such package is on record")
    return head


def is_on_hold(reader: Reader, place: Place) -> bool:
    """Whether a legal hold keeps it."""
    return bool(reader.find(HoldRecord, originator=place.originator, package_id=place.package_id, lifted_at=None))


async def sign_before_purge(agency: Agency, place: Place) -> None:
    """Receipts are made from the package: those that are due and not signed yet are signed while it is there."""
    if place.originator == agency.participant:
        return
    arrival = await agency.store.read(lambda reader: reader.get(ArrivalRecord, place.originator, place.package_id))
    if arrival is None or arrival.purged_at is not None or arrival.log_index < 0:
        return
    kinds = (ReceiptKind.DELIVERED, *((ReceiptKind.OPENED,) if arrival.opened_index >= 0 else ()))
    for kind in kinds:
        await ensure_receipt(agency, place.originator, place.package_id, kind)


async def finish_purges(agency: Agency) -> bool:
    """Destroy what committed purges have left: data keys, blobs, old pages. False where a reader is in the way: try again later."""
    while left := await agency.store.read(lambda reader: reader.purges_unfinished(FINISHED_AT_ONCE)):
        blob_ids = [blob_id for each in left for blob_id in each.blob_ids.split(",") if blob_id]
        if not await agency.store.destroy([(each.originator, each.package_id) for each in left], blob_ids):
            return False
        await agency.store.write(lambda tx, done=tuple(left): _note_destroyed(agency, tx, done))  # type: ignore[misc]
        await agency.store.destroy((), ())  # the blobs' ids go from the file as well
    return True


def _note_destroyed(agency: Agency, tx: Transaction, done: tuple[PurgedRecord, ...]) -> None:
    for each in done:
        if tx.get(PurgedRecord, each.originator, each.package_id) == each:
            tx.change(each, blob_ids="", destroyed_at=agency.clock())


def _contents(agency: Agency, place: Place) -> tuple[Content, ...]:
    return (*(OF_OURS if place.originator == agency.participant else OF_ARRIVALS), *OF_EITHER)


def _blank(agency: Agency, tx: Transaction, place: Place, content: Content) -> Iterator[str]:
    """Blank the records; the ids of their blobs."""
    for record in tx.find(content.kind, **_key(agency, place, content)):
        blob_id = getattr(record, content.blob) if content.blob else ""
        blank = {**content.blank, **({content.blob: ""} if content.blob else {})}
        tx.change(record, **blank)
        if blob_id:
            yield blob_id


def _key(agency: Agency, place: Place, content: Content) -> dict[str, str]:
    is_by_id = place.originator == agency.participant and content in OF_OURS
    return {"package_id": place.package_id} if is_by_id else vars(place)


def _done(entries: PurgedEntries, cause: Cause) -> Iterator[dict[str, Any]]:
    for start in range(0, len(entries.indexes), _INDEXES_AT_ONCE):
        indexes = entries.indexes[start : start + _INDEXES_AT_ONCE]
        yield {"purge_id": cause.purge_id, "indexes": format_ranges(indexes), "groups": sorted(entries.groups)}
