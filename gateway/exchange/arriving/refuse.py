"""Refuse: what is wrong with a partner's package is said with a signature, and logged."""

import asyncio
import json

from attache.crypto import sha256_hex
from attache.errors import (
    AttacheError,
    MalformedInput,
    NotAuthentic,
)
from attache.package import (
    Envelope,
)
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from gateway.exchange.kernel.agency import Agency
from gateway.exchange_log.events.arrivals import PackageRefusedByUs
from gateway.exchange_log.events.base import ArrivalIds


def arrival_ids(envelope: Envelope) -> ArrivalIds:
    """Those of a package that came, or was to come, to us."""
    return ArrivalIds(package_id=envelope.package_id, originator=envelope.originator, recipient=envelope.recipient)


async def refused_with_receipt(agency: Agency, envelope: Envelope, error: AttacheError) -> AttacheError:
    """The same problem with a signed refusal, where the package is addressed to us and the problem lies in it.

    Nothing of the package is kept; that it was refused is logged.
    """
    is_for_good = isinstance(error, MalformedInput | NotAuthentic) or error.code == "package-conflict"
    if envelope.recipient != agency.participant or not is_for_good:
        return error
    receipt = Receipt(
        receipt=ReceiptKind.REFUSED,
        package_id=envelope.package_id,
        originator=envelope.originator,
        recipient=agency.participant,
        envelope_sha256=envelope.sha256,
        manifest_sha256=None,
        parts=tuple(part.ciphertext_root for part in envelope.parts),
        at=agency.clock(),
        problem=error.code,
    )
    # protocol F6: no record keeps it, so the next attempt is judged anew
    signed = await asyncio.to_thread(sign_receipt, receipt, agency.keys)
    refused = PackageRefusedByUs(
        about=arrival_ids(envelope),
        envelope_sha256=envelope.sha256,
        suite=envelope.clear.suite,
        receipt_sha256=sha256_hex(signed),
        code=error.code,
        step=error.step,
    )
    await agency.commit(envelope.originator, lambda work: work.log(refused))
    return type(error)(error.code, error.detail, step=error.step, extra={**error.extra, "receipt": json.loads(signed)})
