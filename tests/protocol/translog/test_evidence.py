"""Evidence bundles and single proofs: what is proven, what is not, and every way to spoil them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attache.errors import PROBLEMS, AttacheError, Misconfigured
from attache.evidence.bundle import (
    MAX_BUNDLE_BYTES,
    blob,
    parse_bundle,
    seal_bundle,
)
from attache.evidence.entry import verify_entry
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import verify_bundle
from attache.package import uuid7
from attache.package.opening import open_manifest
from attache.receipt import sign_receipt
from attache.strict_json import canonical
from attache.translog.proof import format_proof
from gateway.exchange_log.events import EventCode
from tests.protocol.making import ME, NOW, ORIGINATOR, send
from tests.protocol.translog.evidence_making import Log, changed, proof_file, with_entry, with_log

KEYS = {}


@pytest.fixture(scope="session", autouse=True)
def makers(parties):
    """The keys with which whoever made a bundle, honest or not, seals it."""
    KEYS.update({name: party.keys for name, party in parties.items()})


def format_bundle(bundle):
    return seal_bundle(bundle, KEYS[bundle.made_by])


def failures(bundle, trusted):
    report = verify_bundle(bundle if isinstance(bundle, bytes) else format_bundle(bundle), trusted)
    assert report.is_sound is not bool(report.findings)
    assert all(finding.code in PROBLEMS for finding in report.findings)
    return {(finding.step, finding.code) for finding in report.findings}


def test_a_complete_bundle_is_proven_in_every_step(made, trusted):
    bundle, *_ = made
    report = verify_bundle(format_bundle(bundle), trusted)
    assert report.is_sound, report.findings
    outcomes = {(check.step, check.outcome) for check in report.checks}
    steps = {
        "bundle",
        "certificates",
        "seal",
        "manifest",
        "release-proof",
        "receipts",
        "checkpoint",
        "consistency",
        "inclusion",
        "opening",
        "story",
    }
    assert {step for step, outcome in outcomes if outcome is CheckOutcome.PROVEN} == steps
    assert CheckOutcome.ABSENT not in {outcome for _, outcome in outcomes}
    assert [moment["code"] for moment in report.timeline][-1] == "package.delivered"
    assert report.to_json()["sound"] is True
    assert report.facts["receipts"] == [{"receipt": "delivered", "at": (NOW + timedelta(seconds=2)).isoformat()}]


def test_a_bundle_parses_back_in_its_one_spelling(made):
    bundle, *_ = made
    raw = format_bundle(bundle)
    assert parse_bundle(raw).bundle == bundle
    for other in (
        raw[:-1],
        raw + b"\n",
        b" " + raw,
        raw.replace(b'"format"', b'"format" '),
        raw.replace(b"{", b'{"more":1,', 1),
    ):
        with pytest.raises(AttacheError) as caught:
            parse_bundle(other)
        assert (caught.value.code, caught.value.step) == ("malformed-evidence", "bundle")


def test_without_manifest_and_openings_the_rest_still_holds(made, trusted):
    bundle, ours, theirs, _ = made
    meagre = changed(bundle, manifest=None, release_proof=None, revocations=())
    logs = (
        ours.collected([entry.note.encode() for entry in bundle.logs[0].checkpoints], [2], groups=()),
        theirs.collected([theirs.checkpoint()], [0], groups=()),
    )
    report = verify_bundle(format_bundle(changed(meagre, logs=logs)), trusted)
    assert report.is_sound, report.findings
    assert {c.step for c in report.checks if c.outcome is CheckOutcome.ABSENT} == {
        "certificates",
        "manifest",
        "release-proof",
        "opening",
        "story",
    }


def test_a_bundle_that_proves_nothing_of_the_package_is_not_sound(made, trusted):
    bundle, *_ = made
    empty = changed(bundle, manifest=None, release_proof=None, receipts=(), logs=())
    assert failures(empty, trusted) == {("story", "proof-invalid")}


def test_the_seal_is_the_makers_over_this_bundle(made, trusted):
    bundle, _, _, receipt = made
    sealed = parse_bundle(format_bundle(bundle))
    other = parse_bundle(format_bundle(changed(bundle, receipts=())))
    later = parse_bundle(format_bundle(changed(bundle, made_at=NOW + timedelta(seconds=9))))
    by_another = parse_bundle(format_bundle(changed(bundle, made_by=ME)))
    no_seal = blob(sign_receipt(receipt, KEYS[ORIGINATOR]))
    for seal, code in (
        (other.seal, "proof-invalid"),
        (later.seal, "proof-invalid"),
        (by_another.seal, "unknown-key"),
        (no_seal, "signature-invalid"),
        (blob(b"{}"), "malformed-evidence"),
    ):
        raw = canonical(changed(sealed, seal=seal).model_dump(mode="json")) + b"\n"
        assert failures(raw, trusted) == {("seal", code)}
    stranger = changed(bundle, made_by="partner-sydney")
    assert failures(stranger, trusted) == {("seal", "unknown-key")}


def test_only_its_maker_seals_a_bundle(made):
    with pytest.raises(Misconfigured):
        seal_bundle(made[0], KEYS[ME])


def test_untrusted_participants(made, trusted):
    bundle, *_ = made
    assert failures(bundle, []) >= {
        ("manifest", "unknown-key"),
        ("receipts", "unknown-key"),
        ("checkpoint", "unknown-key"),
        ("certificates", "unknown-partner"),
    }
    assert failures(bundle, trusted[:1]) >= {("receipts", "unknown-key"), ("checkpoint", "unknown-key")}


@pytest.mark.parametrize("name", ["package_id", "originator", "recipient", "envelope_sha256", "manifest_sha256"])
def test_a_bundle_that_names_another_package(made, trusted, name):
    bundle, *_ = made
    other = {"package_id": uuid7(NOW), "originator": ME, "recipient": ORIGINATOR}.get(name, "ab" * 32)
    found = failures(changed(bundle, **{name: other}), trusted)
    assert ("story", "proof-invalid") in found
    assert {step for step, _ in found} & {"manifest", "receipts"}


def test_the_manifest_of_another_package(made, trusted, parties):
    bundle, *_ = made
    sent = send(parties, b"other content")
    opened = open_manifest(
        sent.envelope, keys=parties[ME].keys, me=trusted[1], originator=trusted[0], now=NOW, seen=lambda *_: None
    )
    swapped = changed(bundle, manifest=blob(opened.signed_manifest))
    assert failures(swapped, trusted) == {("manifest", "envelope-mismatch")}
    renamed = changed(swapped, manifest_sha256=opened.manifest_sha256)
    assert ("manifest", "envelope-mismatch") in failures(renamed, trusted)


def test_another_decision(made, trusted):
    bundle, *_ = made
    assert failures(changed(bundle, release_proof=blob(b"{}")), trusted) == {
        ("release-proof", "proof-invalid"),
        ("story", "proof-invalid"),
    }


def test_receipts_of_others_and_about_others(made, trusted, parties):
    bundle, _, _, receipt = made
    for forged, code in (
        (sign_receipt(receipt, parties[ORIGINATOR].keys), "unknown-key"),
        (sign_receipt(receipt.model_copy(update={"package_id": uuid7(NOW)}), parties[ME].keys), "envelope-mismatch"),
        (
            sign_receipt(receipt.model_copy(update={"manifest_sha256": "ab" * 32}), parties[ME].keys),
            "envelope-mismatch",
        ),
        (
            sign_receipt(receipt.model_copy(update={"envelope_sha256": "ab" * 32}), parties[ME].keys),
            "envelope-mismatch",
        ),
        (b"{}", "malformed-receipt"),
    ):
        assert failures(changed(bundle, receipts=(blob(forged),)), trusted) == {("receipts", code)}


def test_a_receipt_whose_log_proof_does_not_hold(made, trusted, parties):
    bundle, _, _, receipt = made
    wrong = receipt.model_copy(update={"log": receipt.log.model_copy(update={"leaf": blob(b"{}")})})
    assert failures(changed(bundle, receipts=(blob(sign_receipt(wrong, parties[ME].keys)),)), trusted) == {
        ("consistency", "proof-invalid")
    }


def test_a_cosignature_over_something_else_proves_nothing(made, trusted, parties):
    bundle, ours, _, receipt = made
    for text in ("— nobody AAAA", "nonsense", ours.checkpoint(parties[ME]).decode().rstrip("\n").rsplit("\n", 1)[1]):
        wrong = receipt.model_copy(update={"cosignature": text})
        report = verify_bundle(
            format_bundle(changed(bundle, receipts=(blob(sign_receipt(wrong, parties[ME].keys)),))), trusted
        )
        shown = [
            check
            for check in report.checks
            if "cosignature is over" in check.detail or "cosigned a checkpoint" in check.detail
        ]
        assert len(shown) == 1
        assert (shown[0].outcome is CheckOutcome.PROVEN) == text.startswith(
            "— partner"
        )  # the later checkpoint is here as well


def test_a_revocation_list_of_another_ca_or_time(made, trusted):
    bundle, *_ = made
    one, two = bundle.revocations
    crossed = (changed(one, participant=two.participant), changed(two, participant=one.participant))
    assert failures(changed(bundle, revocations=crossed), trusted) == {("certificates", "certificate-rejected")}
    assert ("certificates", "stale") in failures(changed(bundle, made_at=NOW + timedelta(days=4000)), trusted)
    assert failures(changed(bundle, revocations=(changed(one, crl=blob(b"none")),)), trusted) == {
        ("certificates", "malformed-request")
    }


def test_checkpoints_of_another_key_another_history_or_order(made, trusted, parties):
    bundle, *_ = made
    first, last = bundle.logs[0].checkpoints
    foreign = Log(parties["partner-sydney"]).checkpoint().decode()
    assert failures(with_log(bundle, 0, checkpoints=(first, changed(last, note=foreign))), trusted) >= {
        ("checkpoint", "unknown-key")
    }
    assert failures(with_log(bundle, 0, checkpoints=(first, changed(last, note="?"))), trusted) >= {
        ("checkpoint", "malformed-log")
    }
    assert failures(with_log(bundle, 0, checkpoints=(first, changed(last, consistency=()))), trusted) == {
        ("consistency", "log-inconsistent")
    }
    backwards = with_log(bundle, 0, checkpoints=(changed(last, consistency=()), first))
    assert ("consistency", "malformed-proof") in failures(backwards, trusted)
    assert ("consistency", "malformed-evidence") in failures(
        with_log(bundle, 0, checkpoints=(changed(first, consistency=("ab" * 32,)), last)), trusted
    )
    fork = Log(parties[ORIGINATOR])
    for number in range(5):
        fork.add(EventCode.GATEWAY_STARTED, NOW, {"version": str(number)}, objects={})
    forked = with_log(bundle, 0, checkpoints=(first, changed(last, note=fork.checkpoint().decode())))
    assert failures(forked, trusted) >= {("consistency", "log-inconsistent"), ("inclusion", "proof-invalid")}


def test_a_log_twice_or_in_anothers_name(made, trusted):
    bundle, *_ = made
    ours, theirs = bundle.logs
    assert failures(changed(bundle, logs=(ours, ours)), trusted) == {("checkpoint", "malformed-evidence")}
    assert ("checkpoint", "unknown-key") in failures(
        changed(bundle, logs=(changed(ours, participant=ME), theirs)), trusted
    )


def test_entries_changed_moved_or_swapped(made, trusted):
    bundle, *_ = made
    entries = bundle.logs[0].entries
    assert failures(with_entry(bundle, 0, leaf=entries[1].leaf), trusted) >= {("inclusion", "proof-invalid")}
    assert failures(with_entry(bundle, 0, index=0), trusted) == {("inclusion", "proof-invalid")}
    assert failures(with_entry(bundle, 2, index=10**9), trusted) == {("inclusion", "malformed-proof")}
    assert failures(with_entry(bundle, 0, proof=()), trusted) == {("inclusion", "proof-invalid")}
    reordered = with_log(bundle, 0, entries=entries[::-1])
    assert failures(reordered, trusted) == {("inclusion", "malformed-evidence")}
    assert failures(with_log(bundle, 0, entries=(entries[0], *entries)), trusted) == {
        ("inclusion", "malformed-evidence")
    }


def test_openings_changed_or_doubled(made, trusted):
    bundle, *_ = made
    record, person = bundle.logs[0].entries[0].openings[:2]
    for openings in (
        (changed(record, salt="00" * 32), person),
        (changed(record, payload=blob(b"{}")), person),
        (changed(record, group="person"), person),
        (record, record, person),
        (record, changed(person, group="reason")),
    ):
        assert failures(with_entry(bundle, 0, openings=openings), trusted) == {("opening", "proof-invalid")}


def test_an_entry_about_another_package_does_not_belong(made, trusted):
    bundle, ours, _, _ = made
    mixed = ours.collected([ours.checkpoint()], [1, 2, 3, 4])
    assert failures(changed(bundle, logs=(mixed, bundle.logs[1])), trusted) == {("story", "proof-invalid")}
    hidden = ours.collected([ours.checkpoint()], [1, 2, 3, 4], groups=())
    assert failures(changed(bundle, logs=(hidden, bundle.logs[1])), trusted) == {("story", "proof-invalid")}


def test_what_is_missing_is_said(made, trusted):
    bundle, ours, _, _ = made
    no_approval = changed(bundle, logs=(ours.collected([ours.checkpoint()], [2, 3]), bundle.logs[1]))
    report = verify_bundle(format_bundle(no_approval), trusted)
    assert report.is_sound
    assert any("1 approvers, and the bundle opens 0 approvals" in check.detail for check in report.checks)
    no_receipt = verify_bundle(format_bundle(changed(bundle, receipts=())), trusted)
    assert any("not in the bundle or does not verify" in check.detail for check in no_receipt.checks)


def test_every_kind_of_byte_change_in_the_file_is_refused(made, trusted):
    bundle, *_ = made
    raw = format_bundle(bundle)
    for at in range(0, len(raw), len(raw) // 130):
        forged = bytearray(raw)
        forged[at] ^= 1
        assert failures(bytes(forged), trusted), raw[max(0, at - 60) : at + 10]


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_report(raw):
    assert {step for step, _ in failures(raw, [])} == {"bundle"}


def test_limits(made, trusted):
    assert failures(b"{" + b" " * MAX_BUNDLE_BYTES, trusted) == {("bundle", "payload-too-large")}
    raw = format_bundle(made[0])
    for other in (
        raw.replace(b'"made_by"', b'"made_by":"x","made_by"'),
        raw.replace(b'"index":1', b'"index":1.0'),
        raw.replace(b'"index":1', b'"index":NaN'),
        raw.replace(b'"index":1', b'"index":1' + b"0" * 30),
        raw[: len(raw) // 2],
        b"[" * 100_000,
    ):
        assert failures(other, trusted) == {("bundle", "malformed-evidence")}


# One entry


def test_one_entry_with_its_proof(made):
    _, ours, _, _ = made
    raw = format_proof(proof_file(ours, 2))
    report = verify_entry(raw, [str(ours.key)])
    assert report.is_sound, report.findings
    assert (report.facts["code"], report.facts["index"], report.facts["size"]) == ("package.released", 2, 5)
    bare = format_proof(proof_file(ours, 2, extra=None))
    assert verify_entry(bare, [str(ours.key)], ours.leaves[2].raw).is_sound
    assert [f.step for f in verify_entry(bare, [str(ours.key)]).findings] == ["inclusion", "leaf"]


def test_one_entry_with_everything_wrong(made, parties):
    _, ours, theirs, _ = made
    raw = format_proof(proof_file(ours, 2, index=1, extra=b"no leaf"))
    steps = [(f.step, f.code) for f in verify_entry(raw, [str(theirs.key)]).findings]
    assert steps == [("signature", "unknown-key"), ("inclusion", "proof-invalid"), ("leaf", "malformed-log")]
    witness = parties[ME].descriptor.stated.witness
    cosigned = format_proof(proof_file(ours, 2, checkpoint=ours.checkpoint(parties[ME])))
    assert [f.code for f in verify_entry(cosigned, [witness]).findings] == ["unknown-key"]
    assert verify_entry(cosigned, [witness, str(ours.key)]).is_sound


def test_every_single_byte_of_a_proof_file_counts(made):
    _, ours, _, _ = made
    raw = format_proof(proof_file(ours, 3))
    for at in range(len(raw)):
        forged = bytearray(raw)
        forged[at] ^= 1
        assert verify_entry(bytes(forged), ours.vkeys).findings, at


@given(st.binary(max_size=200), st.lists(st.text(max_size=40), max_size=2))
def test_any_bytes_are_a_report_about_an_entry(raw, vkeys):
    assert not verify_entry(raw, vkeys).is_sound
