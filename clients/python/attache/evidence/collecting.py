"""The part of an evidence bundle about one log, made from the stored log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attache.evidence.bundle import BundledCheckpoint, BundledEntry, BundledLog, BundledOpening, blob
from attache.evidence.leaf import Opening
from attache.package.ids import ParticipantId
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.proving import prove_consistency, prove_inclusion
from attache.translog.tiles import ReadTile, TileHashes


@dataclass(frozen=True)
class CollectedEntry:
    """An entry for a bundle, with the openings that the recipient of the bundle may see."""

    index: int
    leaf: bytes
    openings: Sequence[Opening] = ()


def collect_log(
    participant: ParticipantId, checkpoints: Sequence[bytes], entries: Iterable[CollectedEntry], read_tile: ReadTile
) -> BundledLog:
    """The log as part of a bundle: `checkpoints` (notes of one history, in any order) and the entries below the largest of them.

    Identical notes are kept once; two notes of one size may have different cosignatures. Verifies nothing; `verify_bundle` does.
    """
    known = sorted(((_read(note), note) for note in dict.fromkeys(checkpoints)), key=lambda each: each[0].size)
    size = known[-1][0].size
    hashes = TileHashes(size, read_tile)
    previous_size, bundled = 0, []
    for checkpoint, note in known:
        proof = prove_consistency(previous_size, checkpoint.size, hashes)
        bundled.append(BundledCheckpoint(note=note.decode(), consistency=_hex(proof)))
        previous_size = checkpoint.size
    return BundledLog(
        participant=participant,
        checkpoints=tuple(bundled),
        entries=tuple(
            BundledEntry(
                index=entry.index,
                leaf=blob(entry.leaf),
                proof=_hex(prove_inclusion(entry.index, size, hashes)),
                openings=tuple(_opening(opening) for opening in entry.openings),
            )
            for entry in sorted(entries, key=lambda each: each.index)
        ),
    )


def _read(note: bytes) -> Checkpoint:
    return parse_checkpoint_body(parse_note(note).text)


def _opening(opening: Opening) -> BundledOpening:
    return BundledOpening(group=str(opening.group), salt=opening.salt.hex(), payload=blob(opening.payload))


def _hex(hashes: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(value.hex() for value in hashes)
