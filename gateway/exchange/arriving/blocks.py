"""The parts of an announced package as they arrive, block by block: verified before they are written."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from attache.errors import Conflict, Gone, IllegalTransition, MalformedInput, NotFound
from attache.package import BLOCK_BYTES, Step, VerifiedBlocks, block_count, parse_frame
from attache.package.ids import PackageId
from attache.package.steps import at
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.block_ranges import format_ranges, parse_ranges
from gateway.exchange.kernel.pieces import in_pieces
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord
from gateway.exchange.kernel.state import ArrivalState
from gateway.exchange.kernel.work import Work
from gateway.partners import Partner


@dataclass(frozen=True)
class Place:
    """Where bytes belong in a part: from `start` up to, not including, `end`, of `total`."""

    start: int
    end: int
    total: int


async def take_hashes(agency: Agency, peer: Partner, package_id: PackageId, number: int, hashes: bytes) -> None:
    """The leaf hashes of a part's blocks; they must lead to the root that the originator signed."""
    part, root = await agency.store.read(lambda reader: _arriving(reader, peer, package_id, number))
    with at(Step.BLOCKS):
        # protocol V5
        VerifiedBlocks(hashes, ciphertext_bytes=part.ciphertext_bytes, ciphertext_root=root)

    def unit(work: Work) -> None:
        present = work.get(ArrivalPartRecord.key(peer.participant, package_id, number))
        # protocol V5
        if present is not None and not present.block_hashes:
            work.put(present, replace(present, block_hashes=hashes))

    await agency.commit(peer.participant, unit)


async def take_blocks(
    agency: Agency,
    peer: Partner,
    package_id: PackageId,
    number: int,
    place: Place,
    chunks: AsyncIterator[bytes],
) -> None:
    """The ciphertext at `place` in a part: whole blocks, each verified before it is written.

    A damaged block is refused and named; those before it stay.
    """
    part, root = await agency.store.read(lambda reader: _arriving(reader, peer, package_id, number))
    first = _block_border(part, place)
    # protocol V5
    if not part.block_hashes:
        raise Conflict(detail="send the block hashes first")
    verified = VerifiedBlocks(part.block_hashes, ciphertext_bytes=part.ciphertext_bytes, ciphertext_root=root)
    taken = 0
    try:
        async for block in in_pieces(_exactly(chunks, place.end - place.start)):
            with at(Step.BLOCKS):
                # protocol V2, V7
                verified.verify(first + taken, block)
            await asyncio.to_thread(agency.blobs.write_at, part.blob_id, (first + taken) * BLOCK_BYTES, block)
            taken += 1
    finally:
        if taken:
            # Bytes first, then the record that says they are here: a crash in between costs a block sent twice.
            await asyncio.to_thread(agency.blobs.sync, part.blob_id)
            await agency.commit(peer.participant, lambda work: _mark_taken(work, part, range(first, first + taken)))


def announced(reader: Reader, peer: Partner, package_id: PackageId) -> ArrivalRecord:
    """A package that this partner announced; raises NotFound, and Gone once it is purged."""
    arrival = reader.get(ArrivalRecord.key(peer.participant, package_id))
    # protocol X5
    if arrival is None:
        raise NotFound(detail="announce the package first")
    if arrival.purged_at is not None:
        raise Gone
    return arrival


def _arriving(reader: Reader, peer: Partner, package_id: PackageId, number: int) -> tuple[ArrivalPartRecord, str]:
    """A part on its way in, and its signed root."""
    arrival = announced(reader, peer, package_id)
    part = reader.get(ArrivalPartRecord.key(peer.participant, package_id, number))
    if part is None:
        raise NotFound(detail="the package has no such part")
    if arrival.state is not ArrivalState.RECEIVING:
        raise IllegalTransition("illegal-transition", "the package is here as a whole")
    return part, parse_frame(arrival.frame).parts[number].ciphertext_root


def _block_border(part: ArrivalPartRecord, place: Place) -> int:
    """The first block of a range of this part that begins and ends on block borders."""
    # protocol V6
    if place.total != part.ciphertext_bytes:
        raise MalformedInput(detail="the part has another length than the range says")
    ends_well = place.end == part.ciphertext_bytes or place.end % BLOCK_BYTES == 0
    # protocol V6
    if place.start % BLOCK_BYTES or not ends_well or not place.start < place.end <= part.ciphertext_bytes:
        raise MalformedInput(detail="the range does not fall on block borders")
    return place.start // BLOCK_BYTES


async def _exactly(chunks: AsyncIterator[bytes], total: int) -> AsyncIterator[bytes]:
    """The same chunks; raises MalformedInput as soon as they are more than `total` bytes, or at the end fewer."""
    taken = 0
    async for chunk in chunks:
        taken += len(chunk)
        # protocol V6
        if taken > total:
            raise MalformedInput(detail="more bytes than the range has")
        yield chunk
    if taken != total:
        raise MalformedInput(detail="fewer bytes than the range has")


def _mark_taken(work: Work, part: ArrivalPartRecord, taken: range) -> None:
    present = work.get(ArrivalPartRecord.key(part.originator, part.package_id, part.number))
    if present is not None:
        # protocol N4: a block that came twice is counted once
        left = parse_ranges(present.blocks_missing, block_count(part.ciphertext_bytes)) - set(taken)
        work.put(present, replace(present, blocks_missing=format_ranges(left)))
