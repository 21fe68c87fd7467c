"""Receipts: signed by the recipient's strongest suite, about exactly one sealed package."""

from dataclasses import replace
from datetime import timedelta

import pytest

from attache.crypto import Suite, b64u, parse_b64u
from attache.errors import AttacheError, Misconfigured
from attache.package import KeyStatus, sign_statement
from attache.package.jws import MANIFEST
from attache.participant import PARTICIPANT
from attache.receipt import (
    RECEIPT,
    LogProof,
    Receipt,
    ReceiptKind,
    require_receipt_for,
    sign_receipt,
    verify_log_proof,
    verify_receipt,
)
from attache.strict_json import canonical, parse_object
from attache.translog.checkpoint import Checkpoint
from attache.translog.merkle import leaf_hash, root_of_leaf_hashes
from attache.translog.signing import sign_checkpoint, signer_of
from attache.translog.vkey import SignatureType
from tests.protocol.making import ME, NOW, ORIGINATOR, receive, refused, send, with_keys


@pytest.fixture
def sent(parties):
    return send(parties, b"one", b"two")


def receipt_for(parties, sent, **changes):
    package = receive(parties, sent.envelope)
    members = {
        "receipt": ReceiptKind.DELIVERED,
        "package_id": sent.envelope.package_id,
        "originator": ORIGINATOR,
        "recipient": ME,
        "envelope_sha256": sent.envelope.sha256,
        "manifest_sha256": package.manifest_sha256,
        "parts": tuple(part.ciphertext_root for part in sent.envelope.parts),
        "at": NOW + timedelta(seconds=3),
        **changes,
    }
    return Receipt(**members)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"receipt": ReceiptKind.OPENED, "by": "reader-7f3a"},
        {"receipt": ReceiptKind.DESTROYED, "by": "reader-7f3a"},
        {"receipt": ReceiptKind.REFUSED, "problem": "package-expired"},
        {"receipt": ReceiptKind.REFUSED, "problem": "decryption-failed", "manifest_sha256": None},
        {
            "log": LogProof(
                origin="a.example/log", index=7, leaf="1" * 64, checkpoint="a.example/log\n8\n...", proof=("0" * 64,)
            ),
            "cosignature": "\u2014 a.example/witness AAAA",
        },
    ],
    ids=["delivered", "opened", "destroyed", "refused", "refused-unopened", "logged"],
)
def test_signed_and_verified(parties, sent, changes):
    receipt = receipt_for(parties, sent, **changes)
    raw = sign_receipt(receipt, parties[ME].keys)
    verified = verify_receipt(raw, parties[ME].descriptor)
    assert verified == receipt
    require_receipt_for(verified, sent.envelope, receive(parties, sent.envelope).manifest_sha256)


def test_both_signatures_are_there(parties, sent):
    document = parse_object(sign_receipt(receipt_for(parties, sent), parties[ME].keys))
    headers = [parse_object(parse_b64u(entry["protected"])) for entry in document["signatures"]]
    assert [header["alg"] for header in headers] == ["ES384", "ML-DSA-87"]
    assert {header["typ"] for header in headers} == {"attache-receipt+json"}


def test_by_another_than_the_recipient(parties, sent):
    raw = sign_receipt(receipt_for(parties, sent), parties["europol"].keys)
    with refused("unknown-key"):
        verify_receipt(raw, parties[ME].descriptor)
    with refused("signature-invalid"):
        verify_receipt(raw, parties["europol"].descriptor)


@pytest.mark.parametrize("type_", [MANIFEST, PARTICIPANT], ids=lambda it: it.typ)
def test_another_kind_presented_as_a_receipt(parties, sent, type_):
    payload = canonical(receipt_for(parties, sent).model_dump(mode="json"))
    with refused("signature-invalid"):
        verify_receipt(sign_statement(type_, payload, parties[ME].keys, Suite.HYBRID_1), parties[ME].descriptor)


def test_weaker_suite_alone(parties, sent):
    payload = canonical(receipt_for(parties, sent).model_dump(mode="json"))
    raw = sign_statement(RECEIPT, payload, parties[ME].keys, Suite.CLASSICAL_1)
    with refused("signature-invalid"):
        verify_receipt(raw, parties[ME].descriptor)


def test_one_of_two_signatures_stripped(parties, sent):
    document = parse_object(sign_receipt(receipt_for(parties, sent), parties[ME].keys))
    for kept in (0, 1):
        stripped = canonical({**document, "signatures": [document["signatures"][kept]]})
        with refused("signature-invalid"):
            verify_receipt(stripped, parties[ME].descriptor)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": KeyStatus.REVOKED},
        {"not_before": NOW + timedelta(minutes=1)},
        {"not_after": NOW - timedelta(minutes=1)},
    ],
    ids=["revoked", "not-yet", "over"],
)
def test_key_did_not_hold(parties, sent, changes):
    raw = sign_receipt(receipt_for(parties, sent), parties[ME].keys)
    with refused("unknown-key"):
        verify_receipt(raw, with_keys(parties[ME].descriptor, lambda key: replace(key, **changes)))


def test_certificate_revoked(parties, sent):
    raw = sign_receipt(receipt_for(parties, sent), parties[ME].keys)
    with refused("certificate-revoked"):
        verify_receipt(raw, parties[ME].descriptor, revoked=lambda _: True)


@pytest.mark.parametrize("member", ["package_id", "originator", "recipient", "envelope_sha256", "parts"])
def test_for_another_package(parties, sent, member):
    receipt = receipt_for(parties, sent)
    other = receipt_for(parties, send(parties, b"else"))
    changed = {"originator": "europol", "recipient": "europol"}.get(member, getattr(other, member))
    with refused("envelope-mismatch"):
        require_receipt_for(receipt.model_copy(update={member: changed}), sent.envelope, receipt.manifest_sha256)


def test_for_another_manifest(parties, sent):
    with refused("envelope-mismatch"):
        require_receipt_for(receipt_for(parties, sent), sent.envelope, "0" * 64)


def test_not_one_part_less(parties, sent):
    receipt = receipt_for(parties, sent)
    with refused("envelope-mismatch"):
        fewer = receipt.model_copy(update={"parts": receipt.parts[:1]})
        require_receipt_for(fewer, sent.envelope, receipt.manifest_sha256)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(extra=1),
        lambda it: it.update(receipt="lost"),
        lambda it: it.update(problem="package-expired"),
        lambda it: it.update(receipt="refused"),
        lambda it: it.update(manifest_sha256=None),
        lambda it: it.update(at="yesterday"),
        lambda it: it.update(parts=[]),
        lambda it: it.update(parts=["0" * 64] * 1001),
        lambda it: it.update(log={"origin": "a"}),
        lambda it: it.pop("envelope_sha256"),
    ],
)
def test_malformed(parties, sent, change):
    document = parse_object(canonical(receipt_for(parties, sent).model_dump(mode="json")))
    change(document)
    raw = sign_statement(RECEIPT, canonical(document), parties[ME].keys, Suite.HYBRID_1)
    with refused("malformed-receipt"):
        verify_receipt(raw, parties[ME].descriptor)


def test_nobody_signs_without_keys(parties, sent):
    with pytest.raises(Misconfigured):
        sign_receipt(receipt_for(parties, sent), replace(parties[ME].keys, signers={}))


# --- where the recipient's log holds it


@pytest.fixture
def logged(parties):
    """A log of two entries under the recipient's key, and the proof for the second."""
    name = "partner-frankfurt.attache.example/log"
    signer = signer_of(name, SignatureType.ED25519, parties[ME].keys.log)
    first, second = leaf_hash(b"first"), leaf_hash(b"second")
    checkpoint = Checkpoint(name, 2, root_of_leaf_hashes([first, second]))
    note = sign_checkpoint(checkpoint, [signer], int(NOW.timestamp()))
    return LogProof(origin=name, index=1, leaf=b64u(b"second"), checkpoint=note.decode(), proof=(first.hex(),))


def test_the_log_holds_the_receipt(parties, logged):
    verify_log_proof(logged, parties[ME].descriptor.stated.log)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"index": 0}, "proof-invalid"),
        ({"leaf": b64u(b"third")}, "proof-invalid"),
        ({"proof": ("0" * 64,)}, "proof-invalid"),
        ({"proof": ()}, "proof-invalid"),
        ({"origin": "europol.attache.example/log"}, "proof-invalid"),
        ({"leaf": "A"}, "malformed-request"),
        ({"checkpoint": "nothing"}, "malformed-log"),
    ],
    ids=["index", "leaf", "proof", "no-proof", "origin", "leaf-spelling", "checkpoint"],
)
def test_the_log_does_not_hold_it(parties, logged, changes, code):
    with pytest.raises(AttacheError) as caught:
        verify_log_proof(logged.model_copy(update=changes), parties[ME].descriptor.stated.log)
    assert caught.value.code == code


def test_another_participants_log(parties, logged):
    with pytest.raises(AttacheError):
        verify_log_proof(logged, parties["europol"].descriptor.stated.log)
