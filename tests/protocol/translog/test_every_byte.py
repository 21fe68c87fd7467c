"""Every byte counts: each single one changed in an evidence file, a log, a receipt and an export is found, its step named."""

import hashlib
from datetime import timedelta

import pytest

from attache.errors import AttacheError
from attache.evidence.bundle import seal_bundle
from attache.evidence.export import ExportManifest, sign_export, verify_export
from attache.evidence.verifying import STEPS, verify_bundle
from attache.receipt import sign_receipt, verify_receipt
from tests.protocol.making import ME, NOW, ORIGINATOR
from tests.protocol.translog.test_directory import SMALL, flipped, found

SLICES = 8


def changed_at(raw, at):
    """Another bit each time, so that no bit of a byte is left out for all of them."""
    return raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SLICES))
def test_every_byte_of_an_evidence_file(made, parties, trusted, first):
    raw = seal_bundle(made[0], parties[ORIGINATOR].keys)
    for at in range(first, len(raw), SLICES):
        report = verify_bundle(changed_at(raw, at), trusted)
        assert report.findings, at
        assert {finding.step for finding in report.findings} <= set(STEPS), at


@pytest.mark.slow
def test_every_byte_of_every_file_of_a_log():
    for path, raw in SMALL.items():
        for at in range(len(raw)):
            assert path in {where for _, _, where in found(flipped(SMALL, path, at, 1 << at % 8))}, (path, at)


def test_every_byte_of_a_receipt(made, parties):
    receipt = made[3]
    raw, signer = sign_receipt(receipt, parties[ME].keys), parties[ME].descriptor
    assert verify_receipt(raw, signer) == receipt
    for at in range(len(raw)):
        with pytest.raises(AttacheError) as caught:
            verify_receipt(changed_at(raw, at), signer)
        assert caught.value.code, at


ROWS = b'{"code":"package.released","index":7}\n{"code":"package.delivered","index":9}\n'


@pytest.fixture(scope="module")
def export(parties):
    manifest = ExportManifest(
        made_at=NOW + timedelta(seconds=3), made_by=ORIGINATOR, origin="example.org/log", size=12, root="ab" * 32,
        filter={"code": "package.released"}, rows=2, file_format="jsonl", file_bytes=len(ROWS),
        file_sha256=hashlib.sha256(ROWS).hexdigest(),
    )  # fmt: skip
    return sign_export(manifest, parties[ORIGINATOR].keys), parties[ORIGINATOR].descriptor


def test_every_byte_of_an_exports_manifest(export):
    signed, maker = export
    assert verify_export([ROWS], signed, maker).is_sound
    for at in range(len(signed)):
        assert [f.step for f in verify_export([ROWS], changed_at(signed, at), maker).findings] == ["seal"], at


def test_every_byte_of_an_exported_file(export):
    signed, maker = export
    for at in range(len(ROWS)):
        steps = [f.step for f in verify_export([changed_at(ROWS, at)], signed, maker).findings]
        assert steps[0] == "digest", at
    for other in (ROWS[:-1], ROWS + b"\n", ROWS[38:] + ROWS[:38], b""):
        assert "digest" in {f.step for f in verify_export([other], signed, maker).findings}
