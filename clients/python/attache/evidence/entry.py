"""One entry of a log, verified with only its `.tlog-proof` file and trusted keys.

1. proof       the file is a tlog-proof of version 1
2. checkpoint  the checkpoint in it is well-formed
3. signature   a key of the log signed it, and no line of a trusted key is wrong
4. inclusion   the entry has the index that the proof states
5. leaf        the entry is a leaf of an exchange log
"""

from collections.abc import Sequence
from typing import Any

from attache.errors import AttacheError, MalformedInput, UnknownKey
from attache.evidence.leaf import read_leaf
from attache.evidence.report import Checks, EvidenceReport
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body, require_possible
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.note import SignedNote, parse_note
from attache.translog.proof import TlogProof, parse_proof
from attache.translog.signing import open_parsed, own_keys, require_signed
from attache.translog.vkey import parse_vkey

KIND = "log-entry"


def verify_entry(raw: bytes, vkeys: Sequence[str], entry: bytes | None = None) -> EvidenceReport:
    """Verify a proof. `vkeys`: the keys that are trusted. `entry`: the raw leaf; None takes it from the proof's `extra` line.

    Never raises because of the content of the file or the vkeys. Not checked: how fresh the checkpoint is.
    """
    checks = Checks()
    facts: dict[str, Any] = {}
    try:
        proof = parse_proof(raw)
        checks.proven("proof", "file", f"a proof of entry {proof.index}")
        note = parse_note(proof.checkpoint, step="checkpoint")
        checkpoint = parse_checkpoint_body(note.text)
        require_possible(checkpoint)
        checks.proven("checkpoint", checkpoint.origin, f"size {checkpoint.size}")
    except AttacheError as error:
        checks.failed(error.step or "proof", error.code, "file", error.detail or error.title)
        return EvidenceReport(KIND, facts, tuple(checks.made))
    with checks.proving("signature", checkpoint.origin, "signed by a trusted key of the log"):
        facts["signed_by"] = _verify_signatures(note, checkpoint, vkeys)
    leaf = proof.extra if entry is None else entry
    with checks.proving("inclusion", f"entry {proof.index}", f"in the tree of size {checkpoint.size}"):
        _verify_inclusion(proof, checkpoint, leaf)
    with checks.proving("leaf", f"entry {proof.index}", "a leaf of an exchange log"):
        content = read_leaf(leaf or b"")
        facts |= {"code": content.code, "at": content.at.isoformat(), "ids": dict(content.ids)}
    facts |= {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex(), "index": proof.index}
    return EvidenceReport(KIND, facts, tuple(checks.made))


def _verify_signatures(note: SignedNote, checkpoint: Checkpoint, vkeys: Sequence[str]) -> list[str]:
    keys = [parse_vkey(text) for text in vkeys]
    opened = open_parsed(note, checkpoint, keys)
    own = own_keys(keys, checkpoint.origin)
    if not own:
        raise UnknownKey(detail=f"no trusted key of {checkpoint.origin} signed the checkpoint")
    require_signed(opened, own)
    return [str(each.key) for each in opened.verified]


def _verify_inclusion(proof: TlogProof, checkpoint: Checkpoint, leaf: bytes | None) -> None:
    if leaf is None:
        raise MalformedInput("malformed-proof", "the proof does not hold the entry, and the caller gave none")
    verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
