"""Our own receipts: each is signed once, with the proof that our log contains the event; after that its bytes never
change.
"""

import asyncio
from datetime import datetime

from attache.client.exchange import RECEIPTS
from attache.crypto import b64u, sha256_hex
from attache.errors import IntegrityLost, NotFound
from attache.package import parse_frame
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import LogProof as StatedProof
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from attache.translog.note import NoteSignature
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Statement
from gateway.exchange.kernel.ports import LogProof, Reader
from gateway.exchange.kernel.records import ArrivalRecord, OutboxRecord, ReceiptRecord
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange.witnessing.cosign import cosignature_over
from gateway.exchange_log.events.base import ArrivalIds
from gateway.exchange_log.events.receipts import ReceiptSigned


async def receipt_statement(agency: Agency, row: OutboxRecord) -> Statement:
    """The receipt that an outbox row brings to the originator, signed now if it was not yet."""
    return Statement(RECEIPTS, await ensure_receipt(agency, row.originator, row.package_id, ReceiptKind(row.subject)))


async def ensure_receipt(agency: Agency, originator: ParticipantId, package_id: PackageId, kind: ReceiptKind) -> bytes:
    """The receipt of a package that we hold; signed now if it was not before.

    The event that it acknowledges is committed already, so a crash in between costs nothing: the next request for it
    gets it.
    """
    key = ReceiptRecord.key(originator, package_id, recipient=agency.participant, receipt=kind.value)
    stored = await agency.store.read(lambda reader: reader.get(key))
    if stored is not None:
        # protocol R4
        return stored.signed
    arrival, proof, line = await agency.store.read(
        lambda reader: (
            *_provable(reader, originator, package_id, kind),
            # exchange-log W9
            cosignature_over(agency, reader, agency.directory.partner(originator)),
        )
    )
    signed, at = await asyncio.to_thread(_sign, agency, arrival, proof, line, kind)
    record = ReceiptRecord(originator, package_id, agency.participant, kind.value, signed, at)

    def unit(work: Work) -> bytes:
        if earlier := work.get(key):
            # protocol R4
            return earlier.signed
        work.add(record)
        about = ArrivalIds(package_id=package_id, originator=originator, recipient=agency.participant)
        event = ReceiptSigned(
            about=about,
            manifest_sha256=arrival.manifest_sha256,
            receipt_kind=kind,
            receipt_sha256=sha256_hex(signed),
        )
        work.log(event)
        return signed

    return await agency.commit(SYSTEM, unit)


def _provable(
    reader: Reader, originator: ParticipantId, package_id: PackageId, kind: ReceiptKind
) -> tuple[ArrivalRecord, LogProof]:
    arrival = reader.get(ArrivalRecord.key(originator, package_id))
    if arrival is None:
        raise NotFound
    index = arrival.opened_index if kind is ReceiptKind.OPENED else arrival.log_index
    # protocol C1
    if index < 0:
        raise IntegrityLost(detail=f"no log entry says that the package was {kind}", step="receipt")
    # protocol C1: of the log up to the checkpoint in the lock, so the entry is committed
    return arrival, reader.prove_entry(index)


def _sign(
    agency: Agency, arrival: ArrivalRecord, proof: LogProof, line: NoteSignature | None, kind: ReceiptKind
) -> tuple[bytes, datetime]:
    envelope = parse_frame(arrival.frame)
    is_opening = kind is ReceiptKind.OPENED
    at = arrival.opened_at if is_opening and arrival.opened_at else agency.clock()
    receipt = Receipt(
        receipt=kind,
        package_id=arrival.package_id,
        originator=arrival.originator,
        recipient=agency.participant,
        envelope_sha256=envelope.sha256,
        manifest_sha256=arrival.manifest_sha256,
        parts=tuple(part.ciphertext_root for part in envelope.parts),
        at=at,
        by=arrival.opened_by if is_opening else None,
        log=StatedProof(
            origin=proof.origin,
            index=proof.index,
            leaf=b64u(proof.leaf),
            checkpoint=proof.checkpoint.decode(),
            proof=tuple(node.hex() for node in proof.proof),
        ),
        cosignature=None if line is None else line.line.rstrip("\n"),
    )
    return sign_receipt(receipt, agency.keys), at
