"""Receive: a partner's package is verified before it is stored, and answered with a signed receipt.

The sender is the participant whose TLS certificate this is, and the originator of what it sends. An id is remembered
for ever: the same bytes get the same receipt, other bytes are a conflict.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from attache.errors import (
    AttacheError,
    Conflict,
    Gone,
    MalformedInput,
    NotAuthentic,
    PayloadTooLarge,
    SignatureInvalid,
)
from attache.package import (
    BlockTree,
    Envelope,
    Step,
    VerifiedPackage,
    block_count,
    open_manifest,
    parse_frame,
    parse_instant,
)
from attache.package.blocks import root_of_blocks
from attache.package.ids import PackageId
from attache.receipt import ReceiptKind
from gateway.exchange.arriving.blocks import announced
from gateway.exchange.arriving.refuse import arrival_ids, refused_with_receipt
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.block_ranges import format_ranges
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import content_id, facts_of
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord, ReceiptRecord
from gateway.exchange.kernel.sealed import ARRIVAL_FACTS
from gateway.exchange.kernel.state import ARRIVAL, ArrivalEvent, ArrivalState, advance
from gateway.exchange.kernel.work import Work
from gateway.exchange.receipts.issue import ensure_receipt
from gateway.exchange_log.events.arrivals import PackageAnnounced, PackageReceived
from gateway.partners import Partner

NOT_LOGGED = -1


@dataclass(frozen=True)
class Wanted:
    """What is still missing of an announced package: for each part, whether its block hashes, and which blocks."""

    part: int
    hashes: bool
    blocks: str


async def receive_package(agency: Agency, peer: Partner, frame: bytes, parts: Sequence[bytes]) -> bytes:
    """A whole small package at once. Returns the signed delivered receipt.

    Raises as the steps of opening do; where the sender is the originator, the problem's `receipt` is a signed refusal.
    """
    envelope = _own_envelope(peer, frame)
    try:
        known = await agency.store.read(lambda reader: _known(reader, envelope))
        # protocol V2
        verified = await asyncio.to_thread(_verify, agency, peer, envelope) if known is None else None
        is_wanted = known is None or known.state is ArrivalState.RECEIVING
        hashes = await asyncio.to_thread(_verify_parts, envelope, parts) if is_wanted else []
    except AttacheError as error:
        raise await refused_with_receipt(agency, envelope, error) from None
    if verified is not None and not await _take_whole(agency, verified, frame, parts, hashes):
        return await receive_package(agency, peer, frame, parts)  # it came twice at once: now it is known
    if known is not None and is_wanted:
        await _fill(agency, envelope, parts, hashes)
        return await complete_package(agency, peer, envelope.package_id)
    return await ensure_receipt(agency, envelope.originator, envelope.package_id, ReceiptKind.DELIVERED)


async def announce_package(agency: Agency, peer: Partner, frame: bytes) -> bytes | list[Wanted]:
    """A package whose parts will come in blocks: the receipt if it is here already, otherwise what is wanted of it."""
    envelope = _own_envelope(peer, frame)
    try:
        if await _is_complete(agency, envelope):
            return await ensure_receipt(agency, envelope.originator, envelope.package_id, ReceiptKind.DELIVERED)
        if await agency.store.read(lambda reader: _known(reader, envelope)) is None:
            await _begin(agency, peer, envelope, frame)
    except AttacheError as error:
        raise await refused_with_receipt(agency, envelope, error) from None
    return await wanted_of(agency, peer, envelope.package_id)


async def wanted_of(agency: Agency, peer: Partner, package_id: PackageId) -> list[Wanted]:
    """What is still missing of a package that this partner announced; empty when it is complete."""
    parts = await agency.store.read(lambda reader: _parts(reader, peer, package_id))
    return [Wanted(part.number, not part.block_hashes, part.blocks_missing) for part in parts if part.blocks_missing]


async def complete_package(agency: Agency, peer: Partner, package_id: PackageId) -> bytes:
    """All blocks are here: the package is received. Returns the signed delivered receipt.

    Raises Conflict with `wanted` where something is missing.
    """
    wanted = await wanted_of(agency, peer, package_id)
    if wanted:
        missing = [vars(part) for part in wanted]
        # protocol V8
        raise Conflict("conflict", "parts are missing", extra={"wanted": missing})

    def unit(work: Work) -> None:
        arrival = announced(work, peer, package_id)
        if arrival.state is not ArrivalState.RECEIVING or any(
            part.blocks_missing for part in _parts(work, peer, package_id)
        ):
            return
        envelope = parse_frame(arrival.frame)
        index = _log_received(work, envelope, arrival.manifest_sha256)
        state = advance(ARRIVAL, arrival.state, ArrivalEvent.COMPLETE)
        purge_at = _keep_until(agency, facts_of(agency, arrival), state)
        work.put(arrival, replace(arrival, state=state, log_index=index, changed_at=work.at, purge_at=purge_at))

    await agency.commit(peer.participant, unit)
    return await ensure_receipt(agency, peer.participant, package_id, ReceiptKind.DELIVERED)


def _own_envelope(peer: Partner, frame: bytes) -> Envelope:
    """Step 1, and that the sender is the originator: no participant forwards the package of another one."""
    envelope = parse_frame(frame)
    # protocol V1
    if envelope.originator != peer.participant:
        raise SignatureInvalid(detail="sent by another participant than its originator", step=Step.ADDRESS)
    return envelope


async def _is_complete(agency: Agency, envelope: Envelope) -> bool:
    known = await agency.store.read(lambda reader: _known(reader, envelope))
    return known is not None and known.state is not ArrivalState.RECEIVING


def _known(reader: Reader, envelope: Envelope) -> ArrivalRecord | None:
    """The arrival of this very package, if there is one; raises Conflict where its id stands for other bytes.

    Raises Gone where it is purged, with the receipt that its originator has got for it, or should have.
    """
    known = reader.get(ArrivalRecord.key(envelope.originator, envelope.package_id))
    # protocol N2
    if known is not None and known.frame_sha256 != envelope.sha256:
        raise Conflict("package-conflict")
    # exchange-log P3
    if known is not None and known.purged_at is not None:
        key = ReceiptRecord.key(
            envelope.originator,
            envelope.package_id,
            recipient=envelope.recipient,
            receipt=ReceiptKind.DELIVERED.value,
        )
        receipt = reader.get(key)
        # protocol O2
        raise Gone(extra={} if receipt is None else {"receipt": json.loads(receipt.signed)})
    return known


def _verify(agency: Agency, peer: Partner, envelope: Envelope) -> VerifiedPackage:
    return open_manifest(
        envelope,
        keys=agency.keys,
        me=agency.me.descriptor,
        originator=peer.descriptor,
        now=agency.clock(),
        seen=lambda originator, package_id: None,  # noqa: ARG005 -- `_known` has answered this for the whole envelope
        revoked=agency.revoked,
    )


def _verify_parts(envelope: Envelope, parts: Sequence[bytes]) -> list[bytes]:
    """Step 7 for parts that are here as a whole: their block hashes, which lead to the signed roots."""
    if len(parts) != len(envelope.parts):
        raise MalformedInput("malformed-package", "not the parts that the envelope lists")
    found = []
    for stated, ciphertext in zip(envelope.parts, parts, strict=True):
        tree = BlockTree()
        tree.update(ciphertext)
        hashes = tree.finish()
        if tree.bytes != stated.ciphertext_bytes or root_of_blocks(hashes) != stated.ciphertext_root:
            raise NotAuthentic("block-mismatch", "the blocks do not lead to the signed root", step="7-blocks")
        found.append(hashes)
    return found


async def _take_whole(
    agency: Agency, verified: VerifiedPackage, frame: bytes, parts: Sequence[bytes], hashes: Sequence[bytes]
) -> bool:
    """Store a package that is here as a whole; False, and nothing is kept, where another request was quicker."""
    envelope, blobs = verified.envelope, ProvisionalBlobs(agency.blobs)

    def unit(work: Work) -> bool:
        if _known(work, envelope) is not None:
            return False
        index = _log_received(work, envelope, verified.manifest_sha256)
        work.add(_arrival(agency, verified, frame, ArrivalState.RECEIVED, index))
        for number, (blob_id, part_hashes) in enumerate(zip(blob_ids, hashes, strict=True)):
            work.add(_arrival_part(agency, verified, number, blob_id, part_hashes, ""))
        return True

    async with blobs:
        blob_ids = await asyncio.to_thread(_keep, blobs, parts)
        is_named = await agency.commit(envelope.originator, unit)
        if is_named:
            blobs.keep()
    return is_named


async def _fill(agency: Agency, envelope: Envelope, parts: Sequence[bytes], hashes: Sequence[bytes]) -> None:
    """Put the parts of a package that was only announced so far where room was made for them."""
    key = (envelope.originator, envelope.package_id)
    places = await agency.store.read(lambda reader: reader.find(ArrivalPartRecord.of_package(key[0], key[1])))

    def write() -> None:
        for place, ciphertext in zip(places, parts, strict=True):
            agency.blobs.write_at(place.blob_id, 0, ciphertext)
            agency.blobs.sync(place.blob_id)

    def unit(work: Work) -> None:
        for number, part_hashes in enumerate(hashes):
            present = work.get(ArrivalPartRecord.key(*key, number))
            if present is not None:
                work.put(present, replace(present, block_hashes=part_hashes, blocks_missing=""))

    await asyncio.to_thread(write)
    await agency.commit(envelope.originator, unit)


def _keep(blobs: ProvisionalBlobs, parts: Sequence[bytes]) -> list[str]:
    blob_ids = []
    for ciphertext in parts:
        with blobs.blobs.create() as blob:
            blob.write(ciphertext)
            blob_ids.append(blobs.add(blob.commit()))
    return blob_ids


def _reserve(blobs: ProvisionalBlobs, envelope: Envelope) -> list[str]:
    """Space for every part."""
    return [blobs.add(blobs.blobs.reserve(part.ciphertext_bytes)) for part in envelope.parts]


async def _begin(agency: Agency, peer: Partner, envelope: Envelope, frame: bytes) -> None:
    """Store a verified announcement, and make room for its parts."""
    if any(part.ciphertext_bytes > agency.limits.max_part_bytes for part in envelope.parts):
        raise PayloadTooLarge(detail="a part is larger than this gateway takes")
    # protocol V2
    verified = await asyncio.to_thread(_verify, agency, peer, envelope)
    blobs = ProvisionalBlobs(agency.blobs)

    def unit(work: Work) -> bool:
        if _known(work, envelope) is not None:
            return False
        work.add(_arrival(agency, verified, frame, ArrivalState.RECEIVING, NOT_LOGGED))
        for number, (part, blob_id) in enumerate(zip(envelope.parts, blob_ids, strict=True)):
            missing = format_ranges(range(block_count(part.ciphertext_bytes)))
            work.add(_arrival_part(agency, verified, number, blob_id, b"", missing))
        announced = PackageAnnounced(
            about=arrival_ids(envelope),
            envelope_sha256=envelope.sha256,
            manifest_sha256=verified.manifest_sha256,
            suite=envelope.clear.suite,
            parts=len(envelope.parts),
        )
        work.log(announced)
        return True

    async with blobs:
        blob_ids = await asyncio.to_thread(_reserve, blobs, envelope)
        if await agency.commit(peer.participant, unit):
            blobs.keep()


def _arrival(
    agency: Agency, verified: VerifiedPackage, frame: bytes, state: ArrivalState, log_index: int
) -> ArrivalRecord:
    envelope, now = verified.envelope, agency.clock()
    facts = verified.manifest.model_dump(mode="json", exclude={"parts": {"__all__": {"key"}}})
    record = ArrivalRecord(
        originator=envelope.originator,
        package_id=envelope.package_id,
        state=state,
        frame=frame,
        frame_sha256=envelope.sha256,
        manifest_sha256=verified.manifest_sha256,
        announced_at=now,
        changed_at=now,
        log_index=log_index,
        facts_sealed=b"",
        purge_at=_keep_until(agency, facts, state),
    )
    return agency.seal(ARRIVAL_FACTS, record, facts)


def _arrival_part(
    agency: Agency, verified: VerifiedPackage, number: int, blob_id: str, hashes: bytes, missing: str
) -> ArrivalPartRecord:
    envelope = verified.envelope
    return ArrivalPartRecord(
        envelope.originator,
        envelope.package_id,
        number,
        envelope.parts[number].ciphertext_bytes,
        blob_id,
        hashes,
        missing,
        content_id(agency, verified.manifest.parts[number].sha256),
    )


def _log_received(work: Work, envelope: Envelope, manifest_sha256: str) -> int:
    received = PackageReceived(
        about=arrival_ids(envelope),
        envelope_sha256=envelope.sha256,
        manifest_sha256=manifest_sha256,
        suite=envelope.clear.suite,
        parts=len(envelope.parts),
        bytes=envelope.parts_bytes,
    )
    return work.log(received)


def _parts(reader: Reader, peer: Partner, package_id: PackageId) -> list[ArrivalPartRecord]:
    announced(reader, peer, package_id)
    return reader.find(ArrivalPartRecord.of_package(peer.participant, package_id))


def _keep_until(agency: Agency, facts: Mapping[str, Any], state: ArrivalState) -> datetime:
    """When an arrival is to be purged, from its manifest's facts: at the end of the retention that its originator
    stated, or of its term where it stated none; while it is arriving, at the end of its term or of our patience.
    """
    expires_at = parse_instant(facts["expires_at"])
    if state is ArrivalState.RECEIVING:
        return min(expires_at, agency.clock() + agency.limits.arrival_deadline)
    return parse_instant(facts["retain_until"]) if facts["retain_until"] else expires_at
