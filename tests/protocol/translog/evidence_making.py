"""A package's whole life in two logs, and the evidence about it, for the tests of both verifiers."""

from dataclasses import replace
from datetime import timedelta

from attache.crypto import sha256_hex
from attache.evidence.bundle import BundledRevocations, EvidenceBundle, blob
from attache.evidence.collecting import CollectedEntry, collect_log
from attache.package import Release, uuid7
from attache.package.opening import open_manifest
from attache.receipt import LogProof, Receipt, ReceiptKind, sign_receipt
from attache.translog import edge, merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.proof import TlogProof
from attache.translog.proving import prove_inclusion
from attache.translog.signing import KeySigner, sign_checkpoint
from attache.translog.tiles import TileHashes
from attache.translog.vkey import parse_vkey
from gateway.exchange_log.events import EventCode, Group
from gateway.exchange_log.leaf import Event, Pseudonyms, make_leaf
from tests.protocol.making import ME, NOW, ORIGINATOR, send

DECISION = b'{"decision":"permit","rules":["share-with-frankfurt"]}'


class Log:
    """One participant's log with everything that a bundle needs of it."""

    def __init__(self, party):
        self.party = party
        self.key = parse_vkey(party.descriptor.stated.log)
        self.vkeys = [str(key) for key in party.descriptor.log_keys]
        self.pseudonyms = Pseudonyms(party.participant.encode().ljust(32, b"."))
        self.edge = edge.RightEdge()
        self.tiles = {}
        self.leaves = []

    def add(self, code, at, record, *, objects, actor="system"):
        person = {Group.PERSON: {"actor": actor}}
        leaf = make_leaf(Event(code, at, actor, objects, {Group.RECORD: record} | person), self.pseudonyms)
        growth = edge.append(self.edge, [merkle.leaf_hash(leaf.raw)])
        self.edge = growth.edge
        self.tiles |= {(w.tile.level, w.tile.index): w.hashes for w in growth.tiles}
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def read_tile(self, tile):
        return self.tiles[tile.level, tile.index][: 32 * tile.width]

    def checkpoint(self, *witnesses):
        signers = [KeySigner(self.key, self.party.keys.log)]
        signers += [KeySigner(key, self.party.keys.log_mldsa44) for key in self.party.descriptor.log_keys[1:]]
        signers += [KeySigner(parse_vkey(w.descriptor.stated.witness), w.keys.witness) for w in witnesses]
        return sign_checkpoint(Checkpoint(self.key.name, self.edge.size, self.edge.root), signers, int(NOW.timestamp()))

    def proof(self, index):
        hashes = prove_inclusion(index, self.edge.size, TileHashes(self.edge.size, self.read_tile))
        return LogProof(
            origin=self.key.name,
            index=index,
            leaf=blob(self.leaves[index].raw),
            checkpoint=self.checkpoint().decode(),
            proof=tuple(value.hex() for value in hashes),
        )

    def collected(self, checkpoints, indexes, *, groups=tuple(Group)):
        entries = [
            CollectedEntry(index, self.leaves[index].raw, [o for o in self.leaves[index].openings if o.group in groups])
            for index in indexes
        ]
        return collect_log(self.party.participant, checkpoints, entries, self.read_tile)


def make_case(parties):
    """A package from its submission to its opening, in both logs, and the bundle about it."""
    originator, recipient = parties[ORIGINATOR], parties[ME]
    ours, theirs = Log(originator), Log(recipient)
    decision_id = uuid7(NOW)
    release = Release(
        decision_id=decision_id,
        policy_set_hash="0" * 64,
        approvers=("officer-2",),
        release_proof_sha256=sha256_hex(DECISION),
    )
    sent = send(parties, b"some content", release=release)
    manifest = open_manifest(
        sent.envelope,
        keys=recipient.keys,
        me=recipient.descriptor,
        originator=originator.descriptor,
        now=NOW,
        seen=lambda *_: None,
    )
    package_id = sent.facts.package_id
    objects = {"package": package_id, "partner": ME}
    about = {"package_id": package_id, "originator": ORIGINATOR, "recipient": ME}
    sealed = about | {"envelope_sha256": sent.envelope.sha256, "manifest_sha256": manifest.manifest_sha256}
    ours.add(EventCode.GATEWAY_STARTED, NOW, {"version": "1"}, objects={})
    ours.add(EventCode.PACKAGE_APPROVED, NOW, about | {"decision_id": decision_id}, objects=objects, actor="officer-2")
    ours.add(
        EventCode.PACKAGE_RELEASED,
        NOW,
        sealed | {"decision_id": decision_id, "release_sha256": sha256_hex(DECISION)},
        objects=objects,
    )
    early = ours.checkpoint(recipient)
    theirs.add(EventCode.PACKAGE_RECEIVED, NOW, sealed, objects=objects | {"partner": ORIGINATOR})
    cosignature = early.decode().rstrip("\n").rsplit("\n", 1)[1]
    receipt = Receipt(
        receipt=ReceiptKind.DELIVERED,
        package_id=package_id,
        originator=ORIGINATOR,
        recipient=ME,
        envelope_sha256=sent.envelope.sha256,
        manifest_sha256=manifest.manifest_sha256,
        parts=tuple(part.ciphertext_root for part in sent.envelope.parts),
        at=NOW + timedelta(seconds=2),
        log=theirs.proof(0),
        cosignature=cosignature,
    )
    signed = sign_receipt(receipt, recipient.keys)
    ours.add(
        EventCode.PACKAGE_DELIVERED,
        NOW + timedelta(seconds=3),
        sealed | {"receipt_sha256": sha256_hex(signed)},
        objects=objects,
    )
    other = {"package": uuid7(NOW), "partner": ME}
    ours.add(EventCode.PACKAGE_DELIVERED, NOW, {"package_id": other["package"], "recipient": ME}, objects=other)
    crls = [
        BundledRevocations(
            participant=party.participant, crl=blob((party.folder / "certificates" / "authority.crl").read_bytes())
        )
        for party in (originator, recipient)
    ]
    bundle = EvidenceBundle(
        made_at=NOW + timedelta(seconds=5),
        made_by=ORIGINATOR,
        package_id=package_id,
        originator=ORIGINATOR,
        recipient=ME,
        envelope_sha256=sent.envelope.sha256,
        manifest_sha256=manifest.manifest_sha256,
        manifest=blob(manifest.signed_manifest),
        release_proof=blob(DECISION),
        receipts=(blob(signed),),
        revocations=tuple(crls),
        logs=(
            ours.collected([early, ours.checkpoint()], [1, 2, 3]),
            theirs.collected([theirs.checkpoint(originator)], [0]),
        ),
    )
    return bundle, ours, theirs, receipt


def changed(bundle, **changes):
    return bundle.model_copy(update=changes)


def with_log(bundle, number, **changes):
    logs = list(bundle.logs)
    logs[number] = changed(logs[number], **changes)
    return changed(bundle, logs=tuple(logs))


def with_entry(bundle, number, **changes):
    entries = list(bundle.logs[0].entries)
    entries[number] = changed(entries[number], **changes)
    return with_log(bundle, 0, entries=tuple(entries))


def proof_file(log, number, **changes):
    shown = log.proof(number)
    hashes = tuple(bytes.fromhex(text) for text in shown.proof)
    proof = TlogProof(number, hashes, shown.checkpoint.encode(), extra=log.leaves[number].raw)
    return replace(proof, **changes)
