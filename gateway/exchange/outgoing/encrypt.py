"""Parts as they come in are encrypted at once; plaintext exists in memory only, a block at a time."""

import asyncio
from collections.abc import AsyncIterator

from attache.crypto import parse_b64u
from attache.errors import MalformedInput, PayloadTooLarge
from attache.package import PartSealer, SealedPart
from attache.package.ids import PackageId
from attache.wire.packages import PartFacts
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.pieces import in_pieces
from gateway.exchange.kernel.ports import BlobWriter
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import PartRecord
from gateway.exchange.kernel.sealed import PART
from gateway.exchange.outgoing.fields import require_readable


def encrypt_inline(
    agency: Agency, blobs: ProvisionalBlobs, package_id: PackageId, number: int, facts: PartFacts
) -> tuple[PartRecord, SealedPart]:
    """A part that came with the request. Raises `digest-mismatch` where it is not the declared one."""
    plaintext = parse_b64u(facts.content or "")
    sealer = PartSealer(random=agency.random)
    with agency.blobs.create() as blob:
        # protocol A1
        blob.write(sealer.update(plaintext))
        rest, sealed = sealer.finish()
        blob.write(rest)
        _require_declared(facts, sealed)
        blob_id = blobs.add(blob.commit())
    return _part_record(agency, package_id, number, blob_id, sealed), sealed


async def encrypt_stream(
    agency: Agency,
    package_id: PackageId,
    number: int,
    facts: PartFacts,
    chunks: AsyncIterator[bytes],
) -> PartRecord:
    """A part from a stream. Raises as `encrypt_inline`,
    and PayloadTooLarge as soon as it is too large; nothing is kept then.
    """
    sealer = PartSealer(random=agency.random)
    taken = 0
    blob = await asyncio.to_thread(agency.blobs.create)
    try:
        async for chunk in in_pieces(chunks):
            taken += len(chunk)
            _require_allowed(agency, taken)
            require_readable(agency, facts, taken)
            await asyncio.to_thread(_seal_into, sealer, blob, chunk)
        rest, sealed = await asyncio.to_thread(sealer.finish)
        _require_declared(facts, sealed)
        await asyncio.to_thread(blob.write, rest)
        blob_id = await asyncio.to_thread(blob.commit)
    except BaseException:
        await asyncio.to_thread(blob.abandon)
        raise
    return _part_record(agency, package_id, number, blob_id, sealed)


def _require_allowed(agency: Agency, size: int) -> None:
    if size > agency.limits.max_part_bytes:
        raise PayloadTooLarge(detail="the part is larger than the limit")


def _seal_into(sealer: PartSealer, blob: BlobWriter, chunk: bytes) -> None:
    # protocol A1
    blob.write(sealer.update(chunk))


def _part_record(agency: Agency, package_id: PackageId, number: int, blob_id: str, sealed: SealedPart) -> PartRecord:
    return agency.seal(PART, PartRecord(package_id, number, blob_id, sealed.ciphertext_bytes, b""), sealed)


def _require_declared(facts: PartFacts, sealed: SealedPart) -> None:
    if facts.bytes not in {None, sealed.bytes}:
        raise MalformedInput("digest-mismatch", "not the declared number of bytes")
    # protocol A1
    if facts.sha256 not in {None, sealed.sha256}:
        raise MalformedInput("digest-mismatch", "not the declared SHA-256")
