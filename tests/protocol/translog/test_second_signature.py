"""The log's second signature: ML-DSA-44 beside Ed25519. Who knows the key checks it; Ed25519 stays required."""

import pytest

from attache.errors import MalformedInput, SignatureInvalid, UnknownKey
from attache.evidence.directory import verify_log_directory
from attache.evidence.entry import verify_entry
from attache.participant import Descriptor, accepted_descriptor, fingerprint_of, sign_descriptor
from attache.participant.statement import DescriptorStatement
from attache.receipt import verify_log_proof
from attache.strict_json import canonical
from attache.translog.note import NoteSignature, SignedNote, format_note, parse_note
from attache.translog.proof import TlogProof, format_proof
from attache.translog.signing import own_keys, signer_of
from attache.translog.tiles import bundles_of, format_bundle, hash_tiles_of
from attache.translog.vkey import SignatureType, parse_vkey
from attache.translog.witness import AddCheckpoint, decide_add_checkpoint, format_add_checkpoint
from gateway.exchange_log import EventCode
from tests.protocol.making import ME
from tests.protocol.translog.evidence_making import NOW, Log

ED25519, MLDSA44 = 0, 1


@pytest.fixture(scope="module")
def log(parties):
    made = Log(parties[ME])
    for number in range(3):
        made.add(EventCode.GATEWAY_STOPPED, NOW, {"size": number, "version": "1"}, objects={})
    return made


def without(note: bytes, line: int) -> bytes:
    parsed = parse_note(note)
    return format_note(SignedNote(parsed.text, tuple(s for n, s in enumerate(parsed.signatures) if n != line)))


def spoiled(note: bytes, line: int) -> bytes:
    parsed = parse_note(note)
    lines = list(parsed.signatures)
    wrong = lines[line].signature[:-1] + bytes([lines[line].signature[-1] ^ 1])
    lines[line] = NoteSignature(lines[line].name, lines[line].key_id, wrong)
    return format_note(SignedNote(parsed.text, tuple(lines)))


CHANGES = {
    "without Ed25519": (without, ED25519, UnknownKey),
    "without ML-DSA-44": (without, MLDSA44, UnknownKey),
    "with a wrong Ed25519": (spoiled, ED25519, SignatureInvalid),
    "with a wrong ML-DSA-44": (spoiled, MLDSA44, SignatureInvalid),
}
EVERY = pytest.mark.parametrize("change", CHANGES)


def changed(note: bytes, change: str) -> bytes:
    how, line, _ = CHANGES[change]
    return how(note, line)


def test_a_checkpoint_has_both_lines_and_is_small_enough_for_every_reader(log):
    assert [len(line.signature) for line in parse_note(log.checkpoint()).signatures] == [64, 8 + 2420]
    assert len(log.checkpoint()) < 4096


@EVERY
def test_a_proof_file_needs_both_signatures(log, change):
    def file(note):
        proof = log.proof(1)
        hashes = tuple(bytes.fromhex(text) for text in proof.proof)
        return format_proof(TlogProof(1, hashes, note, extra=log.leaves[1].raw))

    assert verify_entry(file(log.checkpoint()), log.vkeys).is_sound
    report = verify_entry(file(changed(log.checkpoint(), change)), log.vkeys)
    assert [(f.step, f.code) for f in report.findings] == [("signature", CHANGES[change][2]().code)]


@EVERY
def test_an_exported_log_needs_both_signatures(log, change):
    size = len(log.leaves)
    files = {tile.path: log.read_tile(tile) for tile in hash_tiles_of(size)}
    files |= {bundle.path: format_bundle([leaf.raw for leaf in log.leaves]) for bundle in bundles_of(size)}
    whole = {**files, "checkpoint": log.checkpoint()}
    assert verify_log_directory(whole.get, log.vkeys).findings == ()
    found = verify_log_directory({**files, "checkpoint": changed(log.checkpoint(), change)}.get, log.vkeys).findings
    assert [(f.step, f.code) for f in found] == [("signature", CHANGES[change][2]().code)]


@EVERY
def test_a_witness_cosigns_only_what_both_keys_signed(log, change):
    keys = {log.key.name: log.party.descriptor.log_keys}
    request = format_add_checkpoint(AddCheckpoint(0, (), changed(log.checkpoint(), change)))
    answer = decide_add_checkpoint(request, {}, keys, [], 1)
    assert (answer.status, answer.finding.code, answer.state) == (403, CHANGES[change][2]().code, None)
    good = format_add_checkpoint(AddCheckpoint(0, (), log.checkpoint()))
    assert decide_add_checkpoint(good, {}, keys, [], 1).status == 200


@EVERY
def test_a_receipts_proof_may_be_older_than_the_second_key_and_nothing_else(log, change):
    proof = log.proof(1)
    forged = proof.model_copy(update={"checkpoint": changed(log.checkpoint(), change).decode()})
    if change == "without ML-DSA-44":
        verify_log_proof(forged, *log.vkeys)
        return
    with pytest.raises(CHANGES[change][2]) as caught:
        verify_log_proof(forged, *log.vkeys)
    assert caught.value.step == "signature"


def test_who_does_not_know_the_second_key_reads_on(log):
    """Readers of the first version ignore the line, as signed-note says."""
    verify_log_proof(log.proof(1), log.vkeys[0])
    keys = {log.key.name: log.party.descriptor.log_keys[:1]}
    request = format_add_checkpoint(AddCheckpoint(0, (), log.checkpoint()))
    assert decide_add_checkpoint(request, {}, keys, [], 1).status == 200


def test_a_witnesss_key_under_the_logs_name_is_not_the_logs(log):
    cosigner = signer_of(log.key.name, SignatureType.COSIGNATURE_V1, log.party.keys.witness).verifier_key
    assert own_keys([cosigner, log.key], log.key.name) == [log.key]


# The descriptor


def restated(parties, **members) -> bytes:
    party = parties[ME]
    return sign_descriptor(party.descriptor.stated.model_copy(update=members), party.keys)


def read(raw: bytes) -> Descriptor:
    return accepted_descriptor(raw, fingerprint=fingerprint_of(raw))


def test_a_descriptor_lists_both_keys_of_one_log(parties):
    keys = parties[ME].descriptor.log_keys
    assert [key.type for key in keys] == [SignatureType.ED25519, SignatureType.MLDSA44]
    assert len({key.name for key in keys}) == 1
    assert keys[1].public_key == parties[ME].keys.log_mldsa44.public_key


def test_a_descriptor_of_the_first_version_is_read(parties):
    stated = parties[ME].descriptor.stated.model_dump(mode="json")
    del stated["log_mldsa44"]
    assert DescriptorStatement.model_validate_json(canonical(stated)).log_mldsa44 is None
    assert len(read(restated(parties, log_mldsa44=None)).log_keys) == 1


@pytest.mark.parametrize("case", ["of another log", "an Ed25519 key", "without a first one", "not a key"])
def test_a_second_key_that_is_not_the_logs_is_refused(parties, case):
    stated, ring = parties[ME].descriptor.stated, parties[ME].keys
    other = signer_of("another.example/log", SignatureType.MLDSA44, ring.log_mldsa44).verifier_key
    members = {
        "of another log": {"log_mldsa44": str(other)},
        "an Ed25519 key": {"log_mldsa44": stated.log},
        "without a first one": {"log": None},
        "not a key": {"log_mldsa44": stated.log_mldsa44.replace("+", "+0", 1)[:-1]},
    }[case]
    with pytest.raises(MalformedInput) as caught:
        read(restated(parties, **members))
    assert caught.value.code == "malformed-descriptor"
    assert parse_vkey(stated.log_mldsa44)
