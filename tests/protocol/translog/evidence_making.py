"""A package's whole life in two logs, and the evidence about it, for the tests of both verifiers."""

from dataclasses import replace
from datetime import timedelta

from attache.consent import Consent, sign_consent
from attache.crypto import parse_b64u, sha256_hex
from attache.evidence.bundle import BundledRevocations, EvidenceBundle, blob
from attache.evidence.collecting import CollectedEntry, collect_log
from attache.package import Release, uuid7
from attache.package.opening import open_manifest
from attache.receipt import LogProof, Receipt, ReceiptKind, sign_receipt
from attache.strict_json import canonical
from attache.translog import edge, merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.proof import TlogProof
from attache.translog.proving import prove_inclusion
from attache.translog.signing import KeySigner, sign_checkpoint
from attache.translog.tiles import TileHashes
from attache.translog.vkey import parse_vkey
from attache.vocabulary import Purpose
from gateway.exchange_log.entry import Entry
from gateway.exchange_log.events import EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms, make_leaf
from tests.protocol.making import ME, NOW, ORIGINATOR, THIRD, send

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
        leaf = make_leaf(Entry(code, at, actor, objects, {Group.RECORD: record} | person), self.pseudonyms)
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


CONTENT = sha256_hex(b"some content")


def a_consent(**changes) -> Consent:
    """THIRD lets ORIGINATOR pass the content on to ME."""
    members = {
        "consent_id": "01935000-0000-7000-8000-00000000000c",
        "originator": THIRD,
        "holder": ORIGINATOR,
        "recipient": ME,
        "purpose": Purpose.CRIMINAL_INVESTIGATION,
        "content_sha256": CONTENT,
        "package_id": "01935000-0000-7000-8000-00000000000a",
        "request_id": "01935000-0000-7000-8000-00000000000b",
        "at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=30),
    }
    return Consent(**{**members, **changes})


def decision_on(*consents: Consent, **changes) -> bytes:
    """The record of a decision that was told of these consents."""
    told = [
        {
            "consent_id": consent.consent_id,
            "originator": consent.originator,
            "recipient": consent.recipient,
            "purpose": consent.purpose.value,
            "content": consent.content_sha256,
            "expires_at": consent.expires_at.isoformat().replace("+00:00", "Z"),
        }
        for consent in consents
    ]
    request = {"recipient": ME, "purpose": "criminal-investigation", "now": NOW.isoformat().replace("+00:00", "Z")}
    request |= {"parts": [{"sha256": CONTENT, "origin": THIRD}], "consents": told}
    return canonical({"request": request | changes})


def consented_case(parties):
    """A package that passes on what THIRD supplied, with its consent; the bundle, and what the log says besides."""
    consent = a_consent()
    signed = sign_consent(consent, parties[THIRD].keys)
    bundle, ours, *_ = make_case(parties, decision_on(consent), (consent, signed))
    return changed(bundle, consents=(blob(signed),)), ours, consent


def consent_bundles(parties):
    """Bundles about a release on consent: sound, and spoiled in what they say of the consent; with what is to be found."""
    bundle, ours, consent = consented_case(parties)
    keys = parties[THIRD].keys

    def with_consents(*consents):
        return changed(bundle, consents=tuple(blob(each) for each in consents))

    def resigned(signer=keys, **changes):
        return with_consents(sign_consent(consent.model_copy(update=changes), signer))

    def decided(*consents, **changes):
        return changed(bundle, release_proof=blob(decision_on(*consents, **changes)))

    signed = parse_b64u(bundle.consents[0])
    other = ("story", "proof-invalid")  # the record is no longer the one that log and manifest name
    record = ("release-proof", "proof-invalid")
    last = [each.note.encode() for each in bundle.logs[0].checkpoints]
    return {
        "on consent": (bundle, set()),
        "without the consent": (changed(bundle, consents=()), set()),
        "for another recipient": (resigned(recipient="partner-bogota"), {("consents", "envelope-mismatch")}),
        "to another holder": (resigned(holder="partner-bogota"), {("consents", "envelope-mismatch")}),
        "for other content": (resigned(content_sha256="0" * 64), {("consents", "proof-invalid")}),
        "for another purpose": (resigned(purpose=Purpose.TAX_ENFORCEMENT), {("consents", "proof-invalid")}),
        "of another time": (resigned(expires_at=NOW + timedelta(days=60)), {("consents", "proof-invalid")}),
        "under another id": (
            resigned(consent_id="01935000-0000-7000-8000-00000000000d"),
            {("consents", "proof-invalid")},
        ),
        "given only later": (resigned(at=NOW + timedelta(days=1)), {("consents", "stale")}),
        "forged by the holder": (resigned(parties[ORIGINATOR].keys), {("consents", "unknown-key")}),
        "signed by nobody who is trusted": (
            resigned(originator="partner-bogota"),
            {("consents", "unknown-key")},
        ),
        "no consent at all": (with_consents(b"{}"), {("consents", "malformed-consent")}),
        "a receipt for a consent": (with_consents(parse_b64u(bundle.receipts[0])), {("consents", "signature-invalid")}),
        "signed anew, so not the one that was logged": (
            resigned(request_id="01935000-0000-7000-8000-00000000000e"),
            {("story", "proof-invalid")},
        ),
        "a decision that relied on none": (decided(), {("consents", "proof-invalid"), record, other}),
        "a decision for another purpose": (
            decided(consent, purpose="tax-enforcement"),
            {("consents", "proof-invalid"), record, other},
        ),
        "expired when it was decided": (
            decided(consent, now="2027-06-01T00:00:00Z"),
            {("consents", "stale"), record, other},
        ),
        "no decision": (changed(bundle, release_proof=None), {("consents", "proof-invalid")}),
        "the log is silent": (
            changed(bundle, logs=(ours.collected(last, [2, 3, 4]), bundle.logs[1])),
            set(),
        ),
        "twice": (with_consents(signed, signed), set()),
    }


def make_case(parties, decision=DECISION, given=None):
    """A package from its submission to its opening, in both logs, and the bundle about it.

    `given`: a consent that it relies on, and its signed bytes.
    """
    originator, recipient = parties[ORIGINATOR], parties[ME]
    ours, theirs = Log(originator), Log(recipient)
    decision_id = uuid7(NOW)
    release = Release(
        decision_id=decision_id,
        policy_set_hash="0" * 64,
        approvers=("officer-2",),
        release_proof_sha256=sha256_hex(decision),
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
    if given is not None:
        consent, signed = given
        record = {"package_id": consent.package_id, "originator": THIRD, "recipient": ORIGINATOR, "third": ME}
        record |= {"consent_id": consent.consent_id, "consent_sha256": sha256_hex(signed)}
        came = {"package": consent.package_id, "partner": THIRD}
        ours.add(EventCode.CONSENT_GIVEN, NOW, record, objects=came)
    first = len(ours.leaves)
    ours.add(EventCode.PACKAGE_APPROVED, NOW, about | {"decision_id": decision_id}, objects=objects, actor="officer-2")
    ours.add(
        EventCode.PACKAGE_RELEASED,
        NOW,
        sealed | {"decision_id": decision_id, "release_sha256": sha256_hex(decision)},
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
        for party in (originator, recipient, *([parties[THIRD]] if given else []))
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
        release_proof=blob(decision),
        receipts=(blob(signed),),
        revocations=tuple(crls),
        logs=(
            ours.collected([early, ours.checkpoint()], range(1, first + 3)),
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
