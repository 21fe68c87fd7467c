"""Deliver: what the outbox holds for partners, as the delivery worker takes and settles it.

A row is leased, carried, and settled by a signed receipt; a worker that dies leaves a lease that runs out.
A retry carries the same bytes.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from attache.errors import AttacheError, Gone, IntegrityLost, NotAuthentic, NotPermitted
from attache.package.ids import ParticipantId
from attache.receipt import ReceiptKind
from gateway.exchange.consents.give import consent_statement
from gateway.exchange.consents.refuse import refusal_statement
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Consignment, Outgoing, OutgoingPackage, OutgoingPart, Statement
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import (
    OutboxKind,
    OutboxRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.state import OUTBOX, RELEASE, OutboxEvent, OutboxState, ReleaseEvent, ReleaseState, advance
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange.outgoing.released_parts import ReleasedPart, released_parts, sealed_part_of
from gateway.exchange.receipts.accept import accept_receipt
from gateway.exchange.receipts.issue import receipt_statement
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import PackageUndeliverable
from gateway.partners import ParticipantStatus

log = structlog.get_logger("gateway.exchange.delivering.outbox")

STATEMENTS: Mapping[OutboxKind, Callable[[Agency, OutboxRecord], Awaitable[Statement]]] = {
    OutboxKind.RECEIPT: receipt_statement,
    OutboxKind.CONSENT: consent_statement,
    OutboxKind.CONSENT_REFUSAL: refusal_statement,
}
"""What an outbox row of each kind but a package brings. A new kind of signed statement is one line here."""

_CARRIED = frozenset({ReleaseState.RELEASED, ReleaseState.DELIVERING})


class Outbox:
    """The delivery worker's view of the outbox; implements `gateway.exchange.kernel.consignment.Deliver`."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency

    @property
    def agency(self) -> Agency:
        """Whose outbox it is."""
        return self._agency

    async def claim(self, limit: int, busy: frozenset[str]) -> list[Consignment]:
        """Lease what is due, and fetch all it takes to carry it. Nothing is carried to a suspended partner."""
        agency = self._agency
        now = agency.clock()
        idle = busy | _suspended(agency) | _stopped(agency)
        rows = await agency.commit(
            SYSTEM,
            lambda work: [
                _started(work, row) for row in work.claim_outbox(now, now + agency.limits.delivery_lease, limit, idle)
            ],
        )
        consignments = []
        for row in rows:
            try:
                consignments.append(await self._consignment(row))
            except NotPermitted as error:  # suspended a moment ago: it waits, as everything for that partner does
                await self._postpone(row, error, now)
            except (IntegrityLost, Gone) as error:
                await self._give_up(row, error)
            except AttacheError as error:  # too many readers: it is due again when its lease runs out
                log.warning("not-claimed", partner=row.partner, package_id=row.package_id, code=error.code)
        return consignments

    async def settle(self, consignment: Consignment, receipt: bytes | None) -> None:
        """The partner has it: for a package, prove it by the receipt; for a receipt, note that it arrived."""
        agency, row = self._agency, consignment.outbox
        if row.kind is OutboxKind.PACKAGE:
            if receipt is None:
                raise NotAuthentic("not-authenticated", "a delivery without a receipt")
            partner = agency.directory.active(row.partner)
            accepted = await accept_receipt(agency, partner, receipt, expected=row.package_id)
            if accepted.receipt not in {ReceiptKind.DELIVERED, ReceiptKind.OPENED}:
                raise NotAuthentic("envelope-mismatch", "a receipt that does not say delivered")
        await agency.commit(SYSTEM, lambda work: _close(work, row, OutboxEvent.DELIVER, None))

    async def refuse(self, consignment: Consignment, error: AttacheError) -> None:
        """The partner will never take it. Its signed refusal is kept where it sent one that verifies."""
        agency, row = self._agency, consignment.outbox
        signed = error.extra.get("receipt")
        if row.kind is OutboxKind.PACKAGE and isinstance(signed, dict):
            try:
                raw = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
                await accept_receipt(agency, agency.directory.active(row.partner), raw, expected=row.package_id)
            # protocol F5
            except AttacheError as unproven:
                error = type(error)(error.code, f"{error.detail}; its signed refusal does not verify: {unproven.code}")
        await self._give_up(row, error)

    async def postpone(self, consignment: Consignment, error: AttacheError, due_at: datetime) -> None:
        """Another attempt at `due_at`, unless that is past the deadline."""
        await self._postpone(consignment.outbox, error, due_at)

    async def _postpone(self, row: OutboxRecord, error: AttacheError, due_at: datetime) -> None:
        # protocol F4
        if due_at >= row.deadline_at:
            await self._give_up(row, error)
            return

        def unit(work: Work) -> None:
            present = work.get(OutboxRecord.key(row.outbox_id))
            if present is not None and present.state is OutboxState.PENDING:
                work.put(
                    present,
                    replace(
                        present, due_at=due_at, lease_until=work.at, attempts=present.attempts + 1, problem=error.code
                    ),
                )

        await self._agency.commit(SYSTEM, unit)

    async def next_due(self) -> datetime | None:
        return await self._agency.store.read(lambda reader: reader.outbox_due(_suspended(self._agency)))

    async def changed(self) -> None:
        await self._agency.store.changed().wait()

    async def _consignment(self, row: OutboxRecord) -> Consignment:
        agency = self._agency
        partner = agency.directory.active(row.partner)
        if partner.endpoint is None:
            raise IntegrityLost(detail=f"{row.partner} has no endpoint to deliver to", step="outbox")
        if row.kind is OutboxKind.PACKAGE:
            outgoing: Outgoing = await _package(agency, row)
        else:
            outgoing = await STATEMENTS[row.kind](agency, row)
        # protocol N1: the frame was sealed once, in the unit of the release
        return Consignment(row, partner.endpoint, partner.descriptor, outgoing)

    async def _give_up(self, row: OutboxRecord, error: AttacheError) -> None:
        """Nothing disappears: the row, the release and the log say that and why it was not delivered."""
        agency, now = self._agency, self._agency.clock()

        def unit(work: Work) -> None:
            if not _close(work, row, OutboxEvent.GIVE_UP, error.code):
                return
            release = work.get(ReleaseRecord.key(row.package_id, row.partner))
            if row.kind is OutboxKind.PACKAGE and release is not None and release.state in _CARRIED:
                # protocol F4
                state = advance(RELEASE, release.state, ReleaseEvent.GIVE_UP)
                work.put(release, replace(release, state=state, changed_at=now, problem=error.code))
            given_up = PackageUndeliverable(
                about=ReleaseIds(package_id=row.package_id, originator=row.originator, recipient=row.partner),
                carried=row.kind,
                attempts=row.attempts + 1,
                code=error.code,
            )
            work.log(given_up)

        await agency.commit(SYSTEM, unit)


def _released(reader: Reader, row: OutboxRecord) -> tuple[bytes, list[ReleasedPart]]:
    release = reader.get(ReleaseRecord.key(row.package_id, row.partner))
    if release is None or release.manifest_sha256 is None:
        raise IntegrityLost(detail="the outbox names a package that was not released", step="outbox")
    if release.frame is None:
        raise Gone
    return release.frame, released_parts(reader, release)


async def _package(agency: Agency, row: OutboxRecord) -> OutgoingPackage:
    frame, parts = await agency.store.read(lambda reader: _released(reader, row))
    opened = await asyncio.to_thread(lambda: [sealed_part_of(agency, part) for part in parts])
    outgoing = (
        OutgoingPart(part.blob_id, part.ciphertext_bytes, sealed.block_hashes)
        for part, sealed in zip(parts, opened, strict=True)
    )
    return OutgoingPackage(frame, tuple(outgoing))


def _started(work: Work, row: OutboxRecord) -> OutboxRecord:
    """The first attempt moves the release on; later ones leave it where it is. `changed_at` stays: nothing has
    happened yet.
    """
    release = work.get(ReleaseRecord.key(row.package_id, row.partner)) if row.kind is OutboxKind.PACKAGE else None
    if release is not None and release.state is ReleaseState.RELEASED:
        work.put(release, replace(release, state=advance(RELEASE, release.state, ReleaseEvent.DELIVER)))
    return row


def _close(work: Work, row: OutboxRecord, ending: OutboxEvent, problem: str | None) -> bool:
    """Whether the row was still open."""
    present = work.get(OutboxRecord.key(row.outbox_id))
    if present is None or present.state is not OutboxState.PENDING:
        return False
    work.put(
        present,
        replace(
            present,
            state=advance(OUTBOX, present.state, ending),
            lease_until=work.at,
            attempts=present.attempts + 1,
            problem=problem,
        ),
    )
    return True


def _stopped(agency: Agency) -> frozenset[str]:
    """Partners to whom nothing leaves while a witness's alarm stands."""

    def is_stopped(participant: ParticipantId) -> bool:
        try:
            agency.require_release(participant)
        except AttacheError:
            return True
        return False

    return frozenset(filter(is_stopped, agency.directory.partners))


def _suspended(agency: Agency) -> frozenset[str]:
    partners = agency.directory.partners.values()
    return frozenset(p.participant for p in partners if p.status is not ParticipantStatus.ACTIVE)
