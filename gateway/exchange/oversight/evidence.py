"""Evidence: everything that we can prove about one package to one recipient,
in one file that verifies itself elsewhere.

The format is attache.evidence.bundle (docs/exchange-log.md, section 6). What the reader may not see is left out of it,
and the file says so: the openings of an entry by the catalogue's readers, the manifest for all but the submitter, for
it holds the keys of the parts.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from attache.crypto import b64u, parse_b64u, sha256_hex, verify_crl
from attache.errors import AttacheError, MalformedInput, NotFound
from attache.evidence.bundle import MAX_ENTRIES, BundledLog, BundledRevocations, EvidenceBundle, blob, seal_bundle
from attache.evidence.collecting import CollectedEntry, collect_log
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import stated_receipt
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import NoteSignature, SignedNote, format_note, parse_note
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import LogFilter, LoggedEntry, LogReader, Reader
from gateway.exchange.kernel.records import (
    ArrivalRecord,
    DecisionRecord,
    PackageRecord,
    ReceiptRecord,
    ReleaseRecord,
    SubmittedCheckpointRecord,
    WitnessRecord,
)
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange.kernel.sealed import DECISION, MANIFEST
from gateway.exchange.oversight.consents_relied_on import opened, relied_on, stated_consent
from gateway.exchange.witnessing.be_cosigned import MAX_CANDIDATES, cosigned_by_receipt
from gateway.exchange_log import EventCode
from gateway.exchange_log.events import EntryReader, readers_of
from gateway.exchange_log.events.base import PackageIds
from gateway.exchange_log.events.oversight import EvidenceExported
from gateway.exchange_log.leaf import LeafFacts, parse_leaf
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all

_OF_A_READER = frozenset({EventCode.PACKAGE_READ, EventCode.EVIDENCE_EXPORTED})
_MAX_SCANNED = 20_000


@dataclass(frozen=True)
class Evidence:
    """A `.attache-evidence` file, and whom it is about."""

    package_id: PackageId
    recipient: ParticipantId
    raw: bytes


@dataclass(frozen=True)
class _Facts:
    """What our database holds of the package to this recipient."""

    originator: ParticipantId
    recipient: ParticipantId
    envelope_sha256: str
    manifest_sha256: str
    manifest: bytes | None
    release_proof: bytes | None
    receipts: tuple[bytes, ...]
    consents: Mapping[str, bytes]
    """The signed consents that the decision relied on, by id."""
    consented: frozenset[PackageId]
    """The packages in which what they cover came to us."""
    checkpoints: tuple[bytes, ...]
    """Notes of ours that witnesses cosigned: the newest of each, and those that the receipts are about."""


async def export_evidence(
    agency: Agency, caller: Caller, package_id: PackageId, recipient: ParticipantId | None
) -> Evidence:
    """The evidence about a package of ours, or, for a caller that sees all, about one that came to us. The export is
    logged first.

    `recipient` may be left out where the package went to one only. Raises NotFound for what the caller may not know of
    or what was never released, MalformedInput where the recipient is to be named.
    """
    facts = await agency.store.read(lambda reader: _facts(agency, reader, caller, package_id, recipient))
    partner = facts.recipient if facts.originator == agency.participant else facts.originator
    log, indexes = await agency.store.read_log(lambda reader: _log(agency, reader, caller, package_id, partner, facts))
    raw = await asyncio.to_thread(_sealed, agency, package_id, facts, log)
    exported = EvidenceExported(
        about=PackageIds(package_id=package_id, originator=facts.originator),
        bundle_sha256=sha256_hex(raw),
        indexes=tuple(indexes),
    )
    await agency.commit(caller, lambda work: work.log(exported))
    return Evidence(package_id, facts.recipient, raw)


def _facts(
    agency: Agency, reader: Reader, caller: Caller, package_id: PackageId, recipient: ParticipantId | None
) -> _Facts:
    package = reader.get(PackageRecord.key(package_id))
    if package is None:
        return _received(agency, reader, caller, package_id)
    is_own = package.submitter == agency.officer(caller)
    if not (is_own or sees_all(caller)):
        raise NotForCaller
    releases = [
        release for release in reader.find(ReleaseRecord.of_package(package_id)) if release.manifest_sha256 is not None
    ]
    if recipient is None and len(releases) > 1:
        raise MalformedInput("malformed-request", "the package went to several recipients: name one")
    found = [release for release in releases if recipient in (None, release.recipient)]
    if not found:
        raise NotFound(detail="nothing was released to this recipient")
    return _released(agency, reader, found[0], is_own=is_own)


def _released(agency: Agency, reader: Reader, release: ReleaseRecord, *, is_own: bool) -> _Facts:
    if release.envelope_sha256 is None or release.manifest_sha256 is None:
        raise NotFound
    receipts = _receipts(reader, agency.participant, release.package_id, release.recipient)
    decision = reader.get(DecisionRecord.key(release.decision_id))
    is_kept = decision is not None and decision.record_sealed
    proof = agency.open(DECISION, decision).decode() if decision and is_kept else None
    consents = relied_on(agency, reader, proof.encode()) if proof else {}
    # exchange-log E3: it holds the keys of the parts
    manifest = b64u(agency.open(MANIFEST, release)) if is_own and release.manifest_sealed else None
    return _Facts(
        originator=agency.participant,
        recipient=release.recipient,
        envelope_sha256=release.envelope_sha256,
        manifest_sha256=release.manifest_sha256,
        manifest=None if manifest is None else parse_b64u(manifest),
        release_proof=None if proof is None else proof.encode(),
        receipts=receipts,
        consents={consent_id: signed for consent_id, (signed, _) in consents.items()},
        consented=frozenset(package_id for _, package_id in consents.values()),
        checkpoints=tuple(_cosigned(agency, reader, release.recipient, receipts)),
    )


def _received(agency: Agency, reader: Reader, caller: Caller, package_id: PackageId) -> _Facts:
    arrivals = reader.find(ArrivalRecord.with_id(package_id)) if sees_all(caller) else []
    if len(arrivals) != 1 or arrivals[0].log_index < 0:
        raise NotFound
    arrival = arrivals[0]
    return _Facts(
        originator=arrival.originator,
        recipient=agency.participant,
        envelope_sha256=arrival.frame_sha256,
        manifest_sha256=arrival.manifest_sha256,
        manifest=None,
        release_proof=None,
        receipts=_receipts(reader, arrival.originator, package_id, agency.participant),
        consents={},
        consented=frozenset(),
        checkpoints=tuple(_cosigned(agency, reader, arrival.originator, ())),
    )


def _receipts(
    reader: Reader, originator: ParticipantId, package_id: PackageId, recipient: ParticipantId
) -> tuple[bytes, ...]:
    found = reader.find(ReceiptRecord.of_release(originator, package_id, recipient=recipient))
    return tuple(receipt.signed for receipt in found)


def _cosigned(agency: Agency, reader: Reader, recipient: ParticipantId, receipts: Iterable[bytes]) -> Iterable[bytes]:
    for witness in reader.find(WitnessRecord.every()):
        submitted = reader.find(SubmittedCheckpointRecord.latest(witness.participant, MAX_CANDIDATES))
        yield from [each.note for each in submitted if each.cosigned_at is not None][:1]
    for receipt in receipts:
        text = stated_receipt(receipt).cosignature
        if text is not None:
            yield cosigned_by_receipt(reader, agency.directory.partner(recipient), text)[0].note


def _log(
    agency: Agency, reader: LogReader, caller: Caller, package_id: PackageId, partner: ParticipantId, facts: _Facts
) -> tuple[BundledLog, list[int]]:
    found = reader.entries_after(-1, _MAX_SCANNED, LogFilter(package_id=package_id))
    entries = [*_of_consents(reader, facts), *_about(agency, found, partner)][:MAX_ENTRIES]
    collected = [_collected(caller, entry, leaf) for entry, leaf in sorted(entries, key=lambda pair: pair[0].index)]
    checkpoints = _checkpoints(reader.checkpoint, facts)
    log = collect_log(agency.participant, checkpoints, collected, reader.read_tile)
    return log, [each.index for each in collected]


def _about(
    agency: Agency, entries: Sequence[LoggedEntry], partner: ParticipantId
) -> list[tuple[LoggedEntry, LeafFacts]]:
    """Those that concern this partner or no partner; readings are left out, oldest first, where they are too many."""
    pseudonym = agency.pseudonyms.of("partner", partner)
    found = [(entry, parse_leaf(entry.leaf)) for entry in entries]
    ours = [(entry, leaf) for entry, leaf in found if leaf.ids.get("partner", pseudonym) == pseudonym]
    surplus = len(ours) - MAX_ENTRIES
    for pair in [pair for pair in ours if pair[1].code in _OF_A_READER][: max(0, surplus)]:
        ours.remove(pair)
    return ours[:MAX_ENTRIES]


def _of_consents(reader: LogReader, facts: _Facts) -> list[tuple[LoggedEntry, LeafFacts]]:
    """The entries that say that these consents were given."""
    given = [
        entry
        for package_id in sorted(facts.consented)
        for entry in reader.entries_after(-1, MAX_ENTRIES, LogFilter(EventCode.CONSENT_GIVEN, package_id=package_id))
        if any(str(opened(each).get("consent_id")) in facts.consents for each in entry.openings)
    ]
    return [(entry, parse_leaf(entry.leaf)) for entry in given]


def _collected(caller: Caller, entry: LoggedEntry, leaf: LeafFacts) -> CollectedEntry:
    """The entry, with the groups that the caller may be shown."""
    roles = {EntryReader(role.value) for role in caller.roles if role.value in set(EntryReader)}
    # exchange-log L7
    openings = [each for each in entry.openings if roles & readers_of(leaf.code, each.group)]
    return CollectedEntry(entry.index, entry.leaf, openings)


def _checkpoints(newest: bytes, facts: _Facts) -> list[bytes]:
    """The newest checkpoint, the newest that each witness cosigned,
    and those that the receipts cosign; one of each size.
    """
    notes: dict[int, list[bytes]] = {}
    for note in (newest, *facts.checkpoints):
        notes.setdefault(parse_checkpoint_body(parse_note(note).text).size, []).append(note)
    return [_merged(same) for _, same in sorted(notes.items())]


def _merged(notes: Sequence[bytes]) -> bytes:
    """One note of one checkpoint, with every key's line once."""
    lines: dict[tuple[str, bytes], NoteSignature] = {}
    for note in notes:
        lines |= {(line.name, line.key_id): line for line in parse_note(note).signatures}
    return format_note(SignedNote(parse_note(notes[0]).text, tuple(lines.values())))


def _sealed(agency: Agency, package_id: PackageId, facts: _Facts, log: BundledLog) -> bytes:
    bundle = EvidenceBundle(
        made_at=agency.clock(),
        made_by=agency.participant,
        package_id=package_id,
        originator=facts.originator,
        recipient=facts.recipient,
        envelope_sha256=facts.envelope_sha256,
        manifest_sha256=facts.manifest_sha256,
        manifest=None if facts.manifest is None else blob(facts.manifest),
        release_proof=None if facts.release_proof is None else blob(facts.release_proof),
        receipts=tuple(blob(receipt) for receipt in facts.receipts),
        consents=tuple(blob(signed) for signed in facts.consents.values()),
        revocations=tuple(_revocations(agency, _signers(facts))),
        logs=(log,),
    )
    return seal_bundle(bundle, agency.keys)


def _signers(facts: _Facts) -> list[ParticipantId]:
    """Whose certificates are in the bundle."""
    consenting = {stated_consent(signed).originator for signed in facts.consents.values()}
    return [facts.originator, facts.recipient, *sorted(consenting - {facts.originator, facts.recipient})]


def _revocations(agency: Agency, participants: Iterable[ParticipantId]) -> Iterable[BundledRevocations]:
    """The current lists of the CAs of all who signed. A list of another CA, or one that is not current, is no evidence
    and is left out.
    """
    lists = agency.revocation_lists()
    for participant in participants:
        for authority in agency.directory.partner(participant).descriptor.certificate_authorities:
            for raw in lists:
                try:
                    verify_crl(raw, authority, now=agency.clock())
                except AttacheError:
                    continue
                yield BundledRevocations(participant=participant, crl=blob(raw))
