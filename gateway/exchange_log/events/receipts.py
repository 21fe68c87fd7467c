"""Signed receipts, of partners and our own."""

from dataclasses import dataclass

from attache.receipt import ReceiptKind
from gateway.exchange_log.events.base import SHARED, AboutArrival, AboutRelease
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class ReceiptStored(AboutRelease):
    """A partner's signed receipt was verified and stored."""

    event_code = EventCode.RECEIPT_STORED
    readers = SHARED
    envelope_sha256: str
    manifest_sha256: str | None
    receipt_kind: ReceiptKind
    receipt_sha256: str


@dataclass(frozen=True, kw_only=True)
class ReceiptSigned(AboutArrival):
    """We signed a receipt."""

    event_code = EventCode.RECEIPT_SIGNED
    readers = SHARED
    manifest_sha256: str
    receipt_kind: ReceiptKind
    receipt_sha256: str
