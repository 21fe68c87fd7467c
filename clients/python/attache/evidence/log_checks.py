"""Steps 8 to 11 of `verify_bundle`: checkpoints, consistency, inclusion and openings of one log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attache.crypto import parse_b64u
from attache.errors import AttacheError, NotAuthentic, UnknownKey
from attache.evidence.bundle import BundledEntry, BundledLog
from attache.evidence.leaf import LeafFacts, Opening, read_leaf, verify_opening
from attache.evidence.report import Checks
from attache.package.ids import ParticipantId
from attache.translog.checkpoint import Checkpoint
from attache.translog.merkle import leaf_hash, verify_consistency, verify_inclusion
from attache.translog.signing import OpenedCheckpoint, open_checkpoint
from attache.translog.vkey import VerifierKey


@dataclass(frozen=True)
class ProvenEntry:
    """An entry whose inclusion is proven, and the fields of its proven openings, by group."""

    participant: ParticipantId
    index: int
    leaf: LeafFacts
    fields: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ProvenLog:
    """The proven part of one log: the checkpoints that the log's key signed, by increasing size, and its entries."""

    checkpoints: tuple[OpenedCheckpoint, ...]
    entries: tuple[ProvenEntry, ...]


def verify_log(
    log: BundledLog, log_keys: Sequence[VerifierKey], witnesses: Mapping[str, VerifierKey], checks: Checks
) -> ProvenLog:
    """Verify the checkpoints and entries of a log in a bundle. `log_keys`: the log's own keys; the first must have signed every checkpoint.

    `witnesses`: the keys of participants that may have cosigned, by participant.
    """
    checkpoints = _verify_checkpoints(log, log_keys, witnesses, checks)
    if len(checkpoints) < len(log.checkpoints):
        return ProvenLog(checkpoints, ())
    _verify_growth(log, checkpoints, checks)
    latest = checkpoints[-1].checkpoint
    indexes = [entry.index for entry in log.entries]
    # exchange-log E5
    if indexes != sorted(set(indexes)):
        checks.failed("inclusion", "malformed-evidence", log.participant, "the entries are not in the order of the log")
    entries = [_verify_entry(log.participant, entry, latest, checks) for entry in log.entries if not checks.is_full]
    return ProvenLog(checkpoints, tuple(entry for entry in entries if entry is not None))


def _verify_checkpoints(
    log: BundledLog, log_keys: Sequence[VerifierKey], witnesses: Mapping[str, VerifierKey], checks: Checks
) -> tuple[OpenedCheckpoint, ...]:
    """Step 8."""
    opened: list[OpenedCheckpoint] = []
    for number, bundled in enumerate(log.checkpoints, 1):
        where = f"{log.participant} checkpoint {number}"
        try:
            checkpoint = open_checkpoint(bundled.note.encode(), [*log_keys, *witnesses.values()])
            if checkpoint.checkpoint.origin != log_keys[0].name or not checkpoint.is_signed_by(log_keys[0]):
                raise UnknownKey(detail="the log's own key did not sign it")
        except AttacheError as error:
            checks.failed("checkpoint", error.code, where, error.detail or error.title)
            continue
        opened.append(checkpoint)
        by = ", ".join(name for name, key in witnesses.items() if checkpoint.is_signed_by(key)) or "no witness"
        checks.proven("checkpoint", where, f"size {checkpoint.checkpoint.size}, signed by the log, cosigned by {by}")
        for key in log_keys[1:]:
            # exchange-log T10
            if checkpoint.is_signed_by(key):
                checks.proven("checkpoint", where, "signed by the log's ML-DSA-44 key as well")
            else:
                checks.absent(
                    "checkpoint",
                    where,
                    "no signature by the log's ML-DSA-44 key: the checkpoint is older than the key, or the signature was left out",
                )
    return tuple(opened)


def _verify_growth(log: BundledLog, opened: tuple[OpenedCheckpoint, ...], checks: Checks) -> None:
    """Step 9. The first checkpoint of a log extends no other, and has no proof."""
    previous: Checkpoint | None = None
    for number, (bundled, each) in enumerate(zip(log.checkpoints, opened, strict=True), 1):
        checkpoint, where = each.checkpoint, f"{log.participant} checkpoint {number}"
        proof = [bytes.fromhex(text) for text in bundled.consistency]
        if previous is not None:
            with checks.proving("consistency", where, f"size {checkpoint.size} extends size {previous.size}"):
                # exchange-log E4
                verify_consistency(previous.size, checkpoint.size, previous.root, checkpoint.root, proof)
        elif proof:
            checks.failed("consistency", "malformed-evidence", where, "the first checkpoint has a consistency proof")
        previous = checkpoint


def _verify_entry(
    participant: ParticipantId, entry: BundledEntry, checkpoint: Checkpoint, checks: Checks
) -> ProvenEntry | None:
    """Steps 10 and 11."""
    where = f"{participant} entry {entry.index}"
    raw = parse_b64u(entry.leaf)
    try:
        # exchange-log E5
        verify_inclusion(
            leaf_hash(raw), entry.index, checkpoint.size, [bytes.fromhex(text) for text in entry.proof], checkpoint.root
        )
        leaf = read_leaf(raw)
    except AttacheError as error:
        checks.failed("inclusion", error.code, where, error.detail or error.title)
        return None
    checks.proven("inclusion", where, f"{leaf.code} at {leaf.at.isoformat()}")
    return ProvenEntry(participant, entry.index, leaf, _verify_openings(where, entry, leaf, checks))


def _verify_openings(where: str, entry: BundledEntry, leaf: LeafFacts, checks: Checks) -> dict[str, Mapping[str, Any]]:
    fields: dict[str, Mapping[str, Any]] = {}
    for bundled in entry.openings:
        opening = Opening(bundled.group, bytes.fromhex(bundled.salt), parse_b64u(bundled.payload))
        with checks.proving("opening", f"{where} {opening.group}", "the entry commits to these fields"):
            if opening.group in fields:
                raise NotAuthentic("proof-invalid", "the bundle opens this group twice")
            # exchange-log E6
            fields[opening.group] = verify_opening(leaf, opening)
    for group in leaf.commitments.keys() - {bundled.group for bundled in entry.openings}:
        # exchange-log E6
        checks.absent("opening", f"{where} {group}", "not opened: withheld from this bundle, or purged")
    return fields
