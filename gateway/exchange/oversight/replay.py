"""Replay: a decision on record, made again from the policy files on record, and held against the exchange log."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from attache.crypto import sha256_hex
from attache.errors import Gone, IntegrityLost, NotFound
from attache.package.ids import ParticipantId
from attache.wire.decisions import ReplayView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.policy_sets import stored_files
from gateway.exchange.kernel.ports import LogFilter, LogReader, Reader
from gateway.exchange.kernel.records import DecisionRecord, PackageRecord, PolicySetRecord
from gateway.exchange.kernel.sealed import DECISION
from gateway.exchange_log import EventCode, Group
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.policy import Decision, replay

PAGE = 200


@dataclass(frozen=True)
class Replayed:
    """A decision that replayed to itself. `log_index` is where the exchange log says that it was made."""

    stored: DecisionRecord
    decision: Decision
    log_index: int

    @property
    def record_sha256(self) -> str:
        """What the manifest (`release_proof_sha256`) and the log (`facts_sha256`) hold of it."""
        return sha256_hex(self.decision.record)


@dataclass(frozen=True)
class _Found:
    """A decision on record, and the files that it was made under."""

    stored: DecisionRecord
    record: bytes
    files: Mapping[str, str]


async def decision_replayed(agency: Agency, decision_id: str) -> Replayed:
    """Decide again what is on record, off the event loop. Raises as `replay_decision` does."""
    found = await agency.store.read(lambda reader: _found(reader, agency.vault, agency.participant, decision_id))
    digest = sha256_hex(found.record)
    index = await agency.store.read_log(lambda log: _logged(log, found.stored, digest))
    return await asyncio.to_thread(_again, found, index)


def replay_decision(reader: Reader, log: LogReader, vault: Vault, own: ParticipantId, decision_id: str) -> Replayed:
    """Decide again what is on record, and find its digest in the log. `own` is our id as a participant.

    Raises NotFound, Gone once the package is purged, IntegrityLost("replay-differs") where a fact, a rule file or the
    record is another than then, IntegrityLost("integrity-lost") where the record does not open,
    UnsupportedVersion for another engine's decision.
    """
    found = _found(reader, vault, own, decision_id)
    return _again(found, _logged(log, found.stored, sha256_hex(found.record)))


def replay_view(replayed: Replayed) -> ReplayView:
    """A decision that replayed to itself, as callers see it."""
    return ReplayView.of(replayed.stored, replayed, record=json.loads(replayed.decision.record))


def _found(reader: Reader, vault: Vault, own: ParticipantId, decision_id: str) -> _Found:
    stored = reader.get(DecisionRecord.key(decision_id))
    if stored is None:
        raise NotFound(detail="no decision of that id is on record")
    package = reader.get(PackageRecord.key(stored.package_id))
    if package is not None and package.purged_at is not None:
        raise Gone
    record = DECISION.open(vault, own, stored)
    policy_set = reader.get(PolicySetRecord.key(stored.policy_set_hash))
    if policy_set is None:
        raise IntegrityLost("replay-differs", "its policy set is not on record", step="policy set")
    return _Found(stored, record, stored_files(reader, policy_set))


def _again(found: _Found, index: int) -> Replayed:
    stored, decision = found.stored, replay(found.record, found.files)
    if (decision.outcome, decision.policy_set_hash, decision.shard_hash) != (
        stored.outcome,
        stored.policy_set_hash,
        stored.shard_hash,
    ):
        raise IntegrityLost("replay-differs", "the row says another decision than its record", step="record")
    return Replayed(stored, decision, index)


def _logged(log: LogReader, stored: DecisionRecord, record_sha256: str) -> int:
    """The entry of this decision, which holds the digest of the record."""
    wanted = LogFilter(EventCode.PACKAGE_DECIDED, package_id=stored.package_id, partner=stored.recipient)
    after = -1
    while entries := log.entries_after(after, PAGE, wanted):
        for entry in entries:
            leaf = parse_leaf(entry.leaf)
            for opening in entry.openings:
                fields = verify_opening(leaf, opening) if opening.group == Group.RECORD else {}
                if fields.get("decision_id") != stored.decision_id:
                    continue
                if fields["facts_sha256"] != record_sha256:
                    raise IntegrityLost("replay-differs", "the log holds another digest of it", step="log")
                return entry.index
        after = entries[-1].index
    raise IntegrityLost("replay-differs", "no log entry says that it was made", step="log")
