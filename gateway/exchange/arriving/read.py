"""Read: a reader here opens a package that came to us. Every opening is logged;
the first is acknowledged to its originator.

The gateway holds the recipient's keys, so it opens the manifest anew each time, and gives a reader verified chunks. The
manifest's signatures were verified when it came, and its digest logged: what happens to its originator's keys later
takes nothing from its reader.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from attache.crypto import b64u, parse_b64u
from attache.errors import AttacheError, Gone, IntegrityLost, MalformedInput, NotFound
from attache.package import VerifiedPackage, instant_text, is_uuid7, parse_frame, parse_instant, reopen_manifest
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import ReceiptKind
from attache.wire.arrivals import ArrivalView
from attache.wire.packages import PartView
from gateway.exchange.arriving.use import Intent, require_use
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.outbox_row import outbox_row
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import facts_of
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord, OutboxKind
from gateway.exchange.kernel.state import ARRIVAL, ArrivalEvent, ArrivalState, advance
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.arrivals import PackageOpened, PackageRead
from gateway.exchange_log.events.base import ArrivalIds
from gateway.identity.caller import Caller

PURGED = "purged"
READING = Intent()
Note = Callable[[Agency, Reader, ArrivalRecord, VerifiedPackage], Callable[[Work], None]]
"""What else the first opening of a package leaves: read before, off the event loop, and kept in the same commit."""

log = structlog.get_logger("gateway.exchange.arriving.read")


@dataclass(frozen=True)
class Arrival:
    """An arrival and its facts: the verified manifest as JSON, without keys; None once it is purged."""

    record: ArrivalRecord
    facts: Mapping[str, Any] | None


@dataclass(frozen=True)
class ReadablePart:
    """A part of an opened package; `chunks` verifies as it goes, and raises before the end on any fault."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    package: VerifiedPackage
    number: int
    blob_id: str

    def chunks(self, agency: Agency) -> Iterator[bytes]:  # the parts' size is unbounded; the chunks' is not
        try:
            # protocol A5: raises before its last piece, which cuts the connection
            yield from self.package.open_part(self.number, agency.blobs.chunks(self.blob_id))
        except AttacheError as error:
            # The answer is under way: its reader sees a cut connection, and only this line says why.
            where = {"originator": self.package.envelope.originator, "package_id": self.package.envelope.package_id}
            log.error("part-not-authentic", **where, part=self.number, code=error.code, step=error.step)  # noqa: TRY400 -- a traceback quotes values
            raise


async def list_arrivals(agency: Agency, after: str, limit: int) -> Page[Arrival]:
    """What has arrived as a whole, newest first. Raises MalformedInput for a cursor that is none of this list's."""
    since = _parse_cursor(after) if after else None

    def query(reader: Reader, size: int) -> list[ArrivalRecord]:
        return reader.find(ArrivalRecord.newest(since, size))

    page = await read_page(agency, limit, query, _cursor)
    return await asyncio.to_thread(page.map, lambda record: _with_facts(agency, record))


async def arrival_of(agency: Agency, originator: ParticipantId, package_id: PackageId) -> Arrival:
    """One arrival; raises NotFound until it is here as a whole."""
    record = await agency.store.read(lambda reader: _arrived(reader, originator, package_id))
    return _with_facts(agency, record)


def arrival_view(arrival: Arrival) -> ArrivalView:
    """A package that came to us, as its originator describes it."""
    facts, record = arrival.facts, arrival.record
    if facts is None:
        # Made without `of`: what the originator stated is gone.
        return ArrivalView(
            originator=record.originator,
            package_id=record.package_id,
            state=PURGED,
            received_at=record.announced_at,
            purpose="",
            onward="",
            purged_at=record.purged_at,
        )
    parts = [PartView.of(part, uploaded=True) for part in facts["parts"]]
    return ArrivalView.of(record, facts, received_at=record.announced_at, parts=parts)


async def open_arrival(
    agency: Agency,
    caller: Caller,
    originator: ParticipantId,
    package_id: PackageId,
    intent: Intent,
    note: Note,
) -> Arrival:
    """Open a package: all steps of opening anew, then state, log entry and, the first time, the receipt's outbox row.

    `note` looks into it for what is to be kept besides. Raises NotPermitted("policy-denied"), logged, where what its
    originator stated lets this reader read no part of it.
    """
    record = await agency.store.read(lambda reader: _readable(reader, originator, package_id))
    await require_use(agency, caller, record, None, intent)
    package = await asyncio.to_thread(_opened, agency, record)
    keep = await agency.store.read(lambda reader: note(agency, reader, record, package))
    now = agency.clock()

    def unit(work: Work) -> ArrivalRecord:
        present = _readable(work, originator, package_id)
        if present.state is ArrivalState.OPENED:
            _log_read(agency, work, present, None, intent)
            return present
        opened = PackageOpened(about=_about(agency, present), manifest_sha256=present.manifest_sha256)
        index = work.log(opened)
        keep(work)
        # protocol C2
        if agency.directory.partner(originator).endpoint is not None:
            subject = ReceiptKind.OPENED.value
            work.add(outbox_row(agency, OutboxKind.RECEIPT, originator, originator, package_id, now, subject))
        state = advance(ARRIVAL, present.state, ArrivalEvent.OPEN)
        return work.put(
            present,
            replace(
                present,
                state=state,
                changed_at=now,
                opened_at=now,
                opened_by=agency.officer(caller),
                opened_index=index,
            ),
        )

    return _with_facts(agency, await agency.commit(caller, unit))


async def read_part(
    agency: Agency,
    caller: Caller,
    originator: ParticipantId,
    package_id: PackageId,
    name: str,
    intent: Intent = READING,
) -> ReadablePart:
    """One part of an opened package, for the use that the reader declares. Logged before the first byte is given.

    `note` looks into it for what is to be kept besides. Raises NotPermitted("policy-denied"), logged, where what its
    originator stated does not permit that use.
    """
    record = await agency.store.read(lambda reader: _readable(reader, originator, package_id))
    # protocol A5
    if record.state is not ArrivalState.OPENED:
        raise NotFound(detail="open the package first")
    package = await asyncio.to_thread(_opened, agency, record)
    number = _number_of(package, name)
    await require_use(agency, caller, record, number, intent)
    stored = await agency.store.read(lambda reader: reader.get(ArrivalPartRecord.key(originator, package_id, number)))
    if stored is None:
        raise IntegrityLost(detail="a part that was received is gone", step="arrival")
    await agency.commit(
        # protocol A5
        caller,
        lambda work: _log_read(agency, work, _readable(work, originator, package_id), name, intent),
    )
    part = package.manifest.parts[number]
    return ReadablePart(name, part.media_type, part.bytes, part.sha256, package, number, stored.blob_id)


def _arrived(reader: Reader, originator: ParticipantId, package_id: PackageId) -> ArrivalRecord:
    record = reader.get(ArrivalRecord.key(originator, package_id))
    # protocol V8
    if record is None or record.state in {ArrivalState.RECEIVING, ArrivalState.EXPIRED}:
        raise NotFound
    return record


def _readable(reader: Reader, originator: ParticipantId, package_id: PackageId) -> ArrivalRecord:
    record = _arrived(reader, originator, package_id)
    if record.purged_at is not None:
        raise Gone
    return record


def _with_facts(agency: Agency, record: ArrivalRecord) -> Arrival:
    try:
        return Arrival(record, facts_of(agency, record))
    except Gone:
        return Arrival(record, None)


def _opened(agency: Agency, record: ArrivalRecord) -> VerifiedPackage:
    """The package as it was accepted, whatever became of its originator's keys since."""
    return reopen_manifest(parse_frame(record.frame), keys=agency.keys, manifest_sha256=record.manifest_sha256)


def _number_of(package: VerifiedPackage, name: str) -> int:
    for number, part in enumerate(package.manifest.parts):
        if part.name == name:
            return number
    raise NotFound(detail="the package has no such part")


def _log_read(agency: Agency, work: Work, record: ArrivalRecord, part: str | None, intent: Intent) -> None:
    event = PackageRead(about=_about(agency, record), part=part, use=intent.use, purpose=intent.purpose)
    # exchange-log N2
    work.log(event)


def _about(agency: Agency, record: ArrivalRecord) -> ArrivalIds:
    return ArrivalIds(package_id=record.package_id, originator=record.originator, recipient=agency.participant)


def _cursor(record: ArrivalRecord) -> str:
    return b64u(f"{instant_text(record.changed_at)} {record.package_id}".encode())


def _parse_cursor(text: str) -> tuple[datetime, str]:
    try:
        at, _, package_id = parse_b64u(text).decode().partition(" ")
    except UnicodeDecodeError:
        raise MalformedInput(detail="after: not a cursor of this list") from None
    if not is_uuid7(package_id):
        raise MalformedInput(detail="after: not a cursor of this list")
    return parse_instant(at), package_id
