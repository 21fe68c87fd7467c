"""Deliver: what the outbox holds for partners, as the delivery worker takes and settles it.

A row is leased, carried, and settled by a signed receipt; a worker that dies leaves a lease that runs out. A retry carries
the same bytes.
"""

import asyncio
import json
from dataclasses import replace
from datetime import datetime

import structlog

from attache.errors import AttacheError, Gone, IntegrityLost, NotAuthentic, NotPermitted
from attache.package import SealedPart
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import ReceiptKind
from attache.strict_json import canonical
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Consignment, OutgoingPart
from gateway.exchange.kernel.logged import SYSTEM, entry
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import (
    ConsentRecord,
    ConsentRequestRecord,
    OutboxKind,
    OutboxRecord,
    OutboxState,
    PartRecord,
    RedactedPartRecord,
    ReleaseRecord,
)
from gateway.exchange.kernel.state import RELEASE, ReleaseEvent, ReleaseState, advance
from gateway.exchange.receipts.accept import accept_receipt
from gateway.exchange.receipts.issue import ensure_receipt
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import PackageUndeliverable
from gateway.partners import ParticipantStatus

log = structlog.get_logger("gateway.exchange.outgoing.deliver")

ReleasedPart = PartRecord | RedactedPartRecord

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
        rows = await agency.store.write(
            lambda tx: [
                _started(tx, row) for row in tx.claim_outbox(now, now + agency.limits.delivery_lease, limit, idle)
            ]
        )
        consignments = []
        for row in rows:
            try:
                consignments.append(await self._consignment(row))
            except NotPermitted as error:  # suspended a moment ago: it waits, as everything for that partner does
                await self.postpone(Consignment(row, "", agency.me.descriptor), error, now)
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
        await agency.store.write(lambda tx: _close(tx, row, OutboxState.DONE, None, agency.clock()))

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
        row, now = consignment.outbox, self._agency.clock()
        # protocol F4
        if due_at >= row.deadline_at:
            await self._give_up(row, error)
            return

        def unit(tx: Transaction) -> None:
            present = tx.get(OutboxRecord.key(row.outbox_id))
            if present is not None and present.state is OutboxState.PENDING:
                tx.put(
                    present,
                    replace(present, due_at=due_at, lease_until=now, attempts=present.attempts + 1, problem=error.code),
                )

        await self._agency.store.write(unit)

    async def next_due(self) -> datetime | None:
        return await self._agency.store.read(lambda reader: reader.outbox_due(_suspended(self._agency)))

    async def changed(self) -> None:
        await self._agency.store.changed().wait()

    async def _consignment(self, row: OutboxRecord) -> Consignment:
        agency = self._agency
        partner = agency.directory.active(row.partner)
        if partner.endpoint is None:
            raise IntegrityLost(detail=f"{row.partner} has no endpoint to deliver to", step="outbox")
        if row.kind is OutboxKind.RECEIPT:
            receipt = await ensure_receipt(agency, row.originator, row.package_id, ReceiptKind(row.subject))
            return Consignment(row, partner.endpoint, partner.descriptor, receipt=receipt)
        if row.kind is OutboxKind.CONSENT:
            consent = await agency.store.read(lambda reader: _consent(agency, reader, row))
            return Consignment(row, partner.endpoint, partner.descriptor, consent=consent)
        if row.kind is OutboxKind.CONSENT_REFUSAL:
            refusal = await agency.store.read(lambda reader: _refusal(agency, reader, row))
            return Consignment(row, partner.endpoint, partner.descriptor, consent_refusal=refusal)
        life, parts = await agency.store.read(lambda reader: _released(reader, row))
        opened = await asyncio.to_thread(lambda: [sealed_part_of(agency, part) for part in parts])
        outgoing = tuple(
            OutgoingPart(part.blob_id, part.ciphertext_bytes, sealed.block_hashes)
            for part, sealed in zip(parts, opened, strict=True)
        )
        # protocol N1: the frame was sealed once, in the unit of the release
        return Consignment(row, partner.endpoint, partner.descriptor, frame=life.frame, parts=outgoing)

    async def _give_up(self, row: OutboxRecord, error: AttacheError) -> None:
        """Nothing disappears: the row, the release and the log say that and why it was not delivered."""
        agency, now = self._agency, self._agency.clock()

        def unit(tx: Transaction) -> None:
            if not _close(tx, row, OutboxState.FAILED, error.code, now):
                return
            life = tx.get(ReleaseRecord.key(row.package_id, row.partner))
            if row.kind is OutboxKind.PACKAGE and life is not None and life.state in _CARRIED:
                # protocol F4
                state = advance(RELEASE, life.state, ReleaseEvent.GIVE_UP)
                tx.put(life, replace(life, state=state, changed_at=now, problem=error.code))
            given_up = PackageUndeliverable(
                about=ReleaseIds(package_id=row.package_id, originator=row.originator, recipient=row.partner),
                carried=row.kind,
                attempts=row.attempts + 1,
                code=error.code,
            )
            tx.log(entry(given_up, at=now, by=SYSTEM))

        await agency.store.write(unit)


def released_parts(reader: Reader, life: ReleaseRecord) -> list[ReleasedPart]:
    """The parts that a release holds, in manifest order: of a redacted one the copy, never the original."""
    texts = life.part_numbers.split(",")
    found: list[ReleasedPart | None] = [
        reader.get(RedactedPartRecord.key(life.package_id, life.recipient, int(text[:-1])))
        if text.endswith("r")
        else reader.get(PartRecord.key(life.package_id, int(text)))
        for text in texts
    ]
    present = [part for part in found if part is not None]
    if len(present) != len(texts):
        raise IntegrityLost(detail="a released part is gone", step="outbox")
    return present


def sealed_part_of(agency: Agency, part: ReleasedPart) -> SealedPart:
    """A released part's key and digests."""
    recipient = part.recipient if isinstance(part, RedactedPartRecord) else ""
    return agency.vault_of(part.package_id).open_part(part.sealed_part_sealed, part.number, recipient)


def _released(reader: Reader, row: OutboxRecord) -> tuple[ReleaseRecord, list[ReleasedPart]]:
    life = reader.get(ReleaseRecord.key(row.package_id, row.partner))
    if life is None or life.manifest_sha256 is None:
        raise IntegrityLost(detail="the outbox names a package that was not released", step="outbox")
    if life.frame is None:
        raise Gone
    return life, released_parts(reader, life)


def _consent(agency: Agency, reader: Reader, row: OutboxRecord) -> bytes:
    record = reader.get(ConsentRecord.key(row.subject))
    if record is None:
        raise IntegrityLost(detail="the outbox names a consent that was not given", step="outbox")
    vault = agency.vault.of(record.originator, record.package_id)
    return canonical(vault.open(record.signed_sealed, "consent", record.consent_id))


def _refusal(agency: Agency, reader: Reader, row: OutboxRecord) -> bytes:
    record = reader.get(ConsentRequestRecord.key(row.partner, PackageId(row.subject)))
    if record is None or record.refusal_sealed is None:
        raise IntegrityLost(detail="the outbox names a consent that was not refused", step="outbox")
    vault = agency.vault.of(record.originator, record.package_id)
    return canonical(vault.open(record.refusal_sealed, "consent-refusal", record.holder, record.request_id))


def _started(tx: Transaction, row: OutboxRecord) -> OutboxRecord:
    """The first attempt moves the release on; later ones leave it where it is. `changed_at` stays: nothing has happened yet."""
    life = tx.get(ReleaseRecord.key(row.package_id, row.partner)) if row.kind is OutboxKind.PACKAGE else None
    if life is not None and life.state is ReleaseState.RELEASED:
        tx.put(life, replace(life, state=advance(RELEASE, life.state, ReleaseEvent.DELIVER)))
    return row


def _close(tx: Transaction, row: OutboxRecord, state: OutboxState, problem: str | None, now: datetime) -> bool:
    """Whether the row was still open."""
    present = tx.get(OutboxRecord.key(row.outbox_id))
    if present is None or present.state is not OutboxState.PENDING:
        return False
    tx.put(present, replace(present, state=state, lease_until=now, attempts=present.attempts + 1, problem=problem))
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
