"""Partners' receipts: verified, stored once, and what they change about its release."""

import asyncio
from dataclasses import replace

from attache.crypto import sha256_hex
from attache.errors import Conflict, Gone, NotAuthentic, NotFound, UnknownKey
from attache.package import parse_frame
from attache.receipt import Receipt, ReceiptKind, require_receipt_for, verify_log_proof, verify_receipt
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import Key, OutboxRecord, ReceiptRecord, ReleaseRecord
from gateway.exchange.kernel.state import OUTBOX, RELEASE, OutboxEvent, OutboxState, ReleaseEvent, advance
from gateway.exchange.kernel.work import Work
from gateway.exchange.witnessing.be_cosigned import cosigned_by_receipt, keep_receipts_line
from gateway.exchange_log.events.base import AboutRelease, ReleaseIds
from gateway.exchange_log.events.packages import PackageDelivered, PackageOpenedByPartner, PackageRefused
from gateway.exchange_log.events.receipts import ReceiptStored
from gateway.partners import Partner


async def accept_receipt(agency: Agency, peer: Partner, signed: bytes, *, expected: str | None = None) -> Receipt:
    """Verify and store what a recipient signed about a package of ours. The same receipt again changes nothing.

    `expected` is the id of the package that it must be about. Raises MalformedInput, NotAuthentic, NotFound for a
    package that never went to this partner, and Conflict for a second receipt of the same kind with other bytes.
    """
    receipt = await asyncio.to_thread(_verify, agency, peer, signed)
    if expected not in {None, receipt.package_id} or receipt.originator != agency.participant:
        raise NotAuthentic("envelope-mismatch", "a receipt for another package")

    def unit(work: Work) -> Receipt:
        release = work.get(ReleaseRecord.key(receipt.package_id, receipt.recipient))
        if release is None or release.manifest_sha256 is None:
            raise NotFound(detail="no such package went to this participant")
        if release.frame is None:
            raise Gone
        # protocol C3
        require_receipt_for(receipt, parse_frame(release.frame), release.manifest_sha256)
        if earlier := work.get(_key(receipt)):
            # protocol C4
            if earlier.signed != signed:
                raise Conflict(detail="a receipt of this kind is stored already, and is another")
            return receipt
        if receipt.cosignature is not None:
            keep_receipts_line(agency, work, *cosigned_by_receipt(work, peer, receipt.cosignature))
        _store(work, release, receipt, signed)
        return receipt

    return await agency.commit(peer.participant, unit)


def _key(receipt: Receipt) -> Key[ReceiptRecord]:
    return ReceiptRecord.key(
        receipt.originator, receipt.package_id, recipient=receipt.recipient, receipt=receipt.receipt.value
    )


def _verify(agency: Agency, peer: Partner, signed: bytes) -> Receipt:
    # protocol C3
    receipt = verify_receipt(signed, peer.descriptor, revoked=agency.revoked)
    if receipt.log is not None:
        if not peer.descriptor.log_keys:
            raise UnknownKey(detail="the descriptor lists no log key")
        verify_log_proof(receipt.log, *map(str, peer.descriptor.log_keys))
    return receipt


def _store(work: Work, release: ReleaseRecord, receipt: Receipt, signed: bytes) -> None:
    now = work.at
    work.add(
        ReceiptRecord(
            receipt.originator, receipt.package_id, receipt.recipient, receipt.receipt.value, signed, receipt.at
        )
    )
    stored = ReceiptStored(
        about=_about(receipt),
        envelope_sha256=receipt.envelope_sha256,
        manifest_sha256=receipt.manifest_sha256,
        receipt_kind=receipt.receipt,
        receipt_sha256=sha256_hex(signed),
    )
    work.log(stored)
    happened = _what_it_means(receipt, sha256_hex(signed))
    if happened is None:
        return
    step, event = happened
    work.put(
        release, replace(release, state=advance(RELEASE, release.state, step), changed_at=now, problem=receipt.problem)
    )
    work.log(event)
    for row in work.find(OutboxRecord.carrying(receipt.package_id, receipt.recipient)):
        if row.state is OutboxState.PENDING:
            work.put(row, replace(row, state=advance(OUTBOX, row.state, OutboxEvent.DELIVER), lease_until=now))


def _what_it_means(receipt: Receipt, receipt_sha256: str) -> tuple[ReleaseEvent, AboutRelease] | None:
    """How the release goes on, and the event that says so; None for a receipt that changes nothing."""
    about, envelope_sha256, manifest_sha256 = _about(receipt), receipt.envelope_sha256, receipt.manifest_sha256
    match receipt.receipt:
        case ReceiptKind.REFUSED:
            return ReleaseEvent.RECEIPT_REFUSED, PackageRefused(
                about=about,
                envelope_sha256=envelope_sha256,
                manifest_sha256=manifest_sha256,
                receipt_sha256=receipt_sha256,
                code=receipt.problem,
            )
        case ReceiptKind.OPENED:
            return ReleaseEvent.RECEIPT_OPENED, PackageOpenedByPartner(
                about=about,
                envelope_sha256=envelope_sha256,
                manifest_sha256=manifest_sha256,
                receipt_sha256=receipt_sha256,
            )
        case ReceiptKind.DELIVERED:
            return ReleaseEvent.RECEIPT_DELIVERED, PackageDelivered(
                about=about,
                envelope_sha256=envelope_sha256,
                manifest_sha256=manifest_sha256,
                receipt_sha256=receipt_sha256,
            )
        case _:
            return None


def _about(receipt: Receipt) -> ReleaseIds:
    return ReleaseIds(package_id=receipt.package_id, originator=receipt.originator, recipient=receipt.recipient)
