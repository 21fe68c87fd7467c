"""The offline proof that an entry is in a log (C2SP tlog-proof)."""

from dataclasses import dataclass

from attache.errors import MalformedInput, PayloadTooLarge
from attache.translog.encoding import format_base64, parse_base64, parse_decimal
from attache.translog.merkle import HASH_BYTES, MAX_PROOF_HASHES, leaf_hash, verify_inclusion
from attache.translog.note import MAX_NOTE_BYTES
from attache.translog.policy import TlogPolicy, WitnessedCheckpoint, verify_checkpoint

SUFFIX = ".tlog-proof"
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 256 * 1024

_CODE = "malformed-proof"
_STEP = "proof"
_FIRST_LINE = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class TlogProof:
    """A proof as it was written. `checkpoint` holds the exact bytes of the note; nothing authenticates `extra`."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def format_proof(proof: TlogProof) -> bytes:
    """The bytes of a `.tlog-proof` file; `parse_proof` is the inverse."""
    lines = [_FIRST_LINE]
    if proof.extra is not None:
        lines.append(f"extra {format_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [format_base64(value) for value in proof.hashes]
    return "\n".join([*lines, "", ""]).encode() + proof.checkpoint


def parse_proof(raw: bytes) -> TlogProof:
    """The proof in a `.tlog-proof` file. Raises MalformedInput("malformed-proof"). Not checked: the checkpoint in it."""
    if len(raw) > MAX_PROOF_BYTES:
        raise PayloadTooLarge(detail="the proof is too long", step=_STEP)
    head, blank, checkpoint = raw.partition(b"\n\n")
    if not blank:
        raise _malformed("no blank line before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _malformed("not ASCII before the checkpoint") from None
    if lines.pop(0) != _FIRST_LINE:
        raise _malformed("not a tlog-proof of version 1")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0).removeprefix("extra "), code=_CODE, step=_STEP)
    if not lines or not lines[0].startswith("index "):
        raise _malformed("no index")
    index = parse_decimal(lines.pop(0).removeprefix("index "), code=_CODE, step=_STEP)
    return TlogProof(index, _parse_hashes(lines), checkpoint, extra)


def verify_proof(proof: TlogProof, entry: bytes, policy: TlogPolicy, *, now: int | None = None) -> WitnessedCheckpoint:
    """Prove that `entry` has the index `proof.index` in a log of `policy`, under a checkpoint that its quorum cosigned.

    Raises what `verify_checkpoint` and `verify_inclusion` raise. Not checked: `proof.extra`, and what the entry means.
    """
    witnessed = verify_checkpoint(proof.checkpoint, policy, now=now)
    checkpoint = witnessed.checkpoint
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return witnessed


def _parse_hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF_HASHES:
        raise _malformed(f"more than {MAX_PROOF_HASHES} hashes")
    hashes = tuple(parse_base64(line, code=_CODE, step=_STEP) for line in lines)
    if any(len(value) != HASH_BYTES for value in hashes):
        raise _malformed("a hash is not 32 bytes")
    return hashes


def _malformed(why: str) -> MalformedInput:
    return MalformedInput(_CODE, why, step=_STEP)
