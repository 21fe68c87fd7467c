"""Opening and verifying files: what is found, what is published, and what is never imported."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attache import open_package, verify
from attache.crypto import sha256_hex
from attache.errors import AttacheError, Conflict
from attache.evidence.export import ExportManifest, sign_export
from attache.package import parse_frame
from attache.package.envelope import split_frame
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from attache.translog.checkpoint import Checkpoint
from attache.translog.edge import RightEdge, append
from attache.translog.signing import sign_checkpoint, signer_of
from attache.translog.vkey import SignatureType
from tests.sdk.sealing import NOW, flipped, later, sealed_package

CONTENTS = {"note.txt": b"a case note", "wallets.json": bytes(range(256)) * 4096 * 2 + b"tail"}


@pytest.fixture
def package(exchange, tmp_path):
    _, raw = sealed_package(exchange, CONTENTS)
    path = tmp_path / "package.attache"
    path.write_bytes(raw)
    return path


def a_receipt(exchange, raw: bytes) -> bytes:
    envelope = parse_frame(split_frame(raw)[0])
    receipt = Receipt(
        receipt=ReceiptKind.DELIVERED,
        package_id=envelope.package_id,
        originator=envelope.originator,
        recipient=envelope.recipient,
        envelope_sha256=envelope.sha256,
        manifest_sha256="0" * 64,
        parts=tuple(part.ciphertext_root for part in envelope.parts),
        at=NOW,
    )
    return sign_receipt(receipt, exchange["partner-bogota"].keys)


# Opening


def test_package_is_opened_into_a_new_folder(homes, package, tmp_path):
    opened = open_package(package, tmp_path / "case", homes["partner-bogota"], now=later)
    assert {p.name: p.read_bytes() for p in opened.folder.iterdir()} == CONTENTS
    assert opened.folder.stat().st_mode & 0o777 == 0o700
    assert opened.manifest.title == "Wallets of a mixer"


@pytest.mark.parametrize("where", [0, 20, 40, 700, -1, -(1 << 20)])
def test_damaged_package_publishes_nothing(homes, package, tmp_path, where):
    package.write_bytes(flipped(package.read_bytes(), where))
    with pytest.raises(AttacheError) as caught:
        open_package(package, tmp_path / "case", homes["partner-bogota"], now=later)
    assert caught.value.step
    assert [p.name for p in tmp_path.iterdir()] == ["package.attache"]


@pytest.mark.parametrize("cut", [1, 1 << 20, (2 << 20) + 100])
def test_shortened_package_publishes_nothing(homes, package, tmp_path, cut):
    package.write_bytes(package.read_bytes()[:-cut])
    with pytest.raises(AttacheError):
        open_package(package, tmp_path / "case", homes["partner-bogota"], now=later)
    assert [p.name for p in tmp_path.iterdir()] == ["package.attache"]


def test_existing_folder_is_left_alone(homes, package, tmp_path):
    (tmp_path / "case").mkdir()
    with pytest.raises(Conflict):
        open_package(package, tmp_path / "case", homes["partner-bogota"], now=later)
    assert list((tmp_path / "case").iterdir()) == []


def test_originator_that_is_not_pinned_is_refused(exchange, homes, tmp_path):
    home = homes["partner-bogota"]
    stranger = type(home)(home.folder, home.me, home.keys, {})
    path = tmp_path / "p.attache"
    path.write_bytes(sealed_package(exchange, {"a": b"a"})[1])
    with pytest.raises(AttacheError) as caught:
        open_package(path, tmp_path / "case", stranger, now=later)
    assert (caught.value.code, caught.value.step) == ("unknown-partner", "2-address")


# Verifying packages


def test_package_is_verified_from_outside_by_anybody(package):
    report = verify(package)
    assert (report.kind, report.is_sound) == ("sealed-package", True)
    assert report.facts["recipient"] == "partner-bogota"
    assert report.not_checked


def test_package_is_verified_wholly_by_its_recipient(homes, package, tmp_path):
    report = verify(package, home=homes["partner-bogota"], now=later)
    assert (report.is_sound, report.not_checked, len(report.checked)) == (True, (), 8)
    assert [p.name for p in tmp_path.iterdir()] == ["package.attache"]
    late = verify(package, home=homes["partner-bogota"], now=lambda: NOW + timedelta(days=99))
    assert [(f.step, f.code) for f in late.findings] == [("6-freshness", "package-expired")]


@pytest.mark.parametrize(
    ("where", "step"), [(0, "1-shape"), (30, "1-shape"), (-1, "7-blocks"), (-(1 << 20) - 100, "7-blocks")]
)
def test_damage_is_found_from_outside_with_its_step(package, where, step):
    package.write_bytes(flipped(package.read_bytes(), where))
    report = verify(package)
    assert [finding.step for finding in report.findings] == [step] or where == 0


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"x", lambda raw: raw[:50]])
def test_wrong_length_is_found_from_outside(package, change):
    package.write_bytes(change(package.read_bytes()))
    assert [finding.code for finding in verify(package).findings] == ["malformed-package"]


# Receipts


def test_receipt_is_verified_by_the_descriptor_of_its_signer(exchange, homes, package, tmp_path):
    path = tmp_path / "receipt.json"
    path.write_bytes(a_receipt(exchange, package.read_bytes()))
    report = verify(path, home=homes["irs-ci"])
    assert (report.kind, report.is_sound, report.facts["receipt"]) == ("receipt", True, "delivered")
    assert report.facts["recipient"] == "partner-bogota"
    others = {"partner-sydney": exchange["partner-sydney"].descriptor}
    assert [f.code for f in verify(path, descriptors=others).findings] == ["unknown-key"]
    assert [f.code for f in verify(path).findings] == ["unknown-partner"]


def test_receipt_changed_anywhere_is_found(exchange, homes, package, tmp_path):
    raw = a_receipt(exchange, package.read_bytes())
    path = tmp_path / "receipt.json"
    for where in range(0, len(raw), 997):
        path.write_bytes(flipped(raw, where))
        assert not verify(path, home=homes["irs-ci"]).is_sound, where


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=300),
    prefix=st.sampled_from([b"", b"attache-package/1\n", b"c2sp.org/tlog-proof@v1\n", b"{"]),
)
def test_any_file_gives_a_report(tmp_path, raw, prefix):
    path = tmp_path / "any"
    path.write_bytes(prefix + raw)
    report = verify(path)
    assert not report.is_sound
    assert json.dumps(report.to_json())


# Logs


@pytest.fixture
def log(exchange, tmp_path):
    """An exported log of three entries, and its key."""
    from attache.translog.merkle import leaf_hash
    from attache.translog.tiles import format_bundle

    entries = [b"one", b"two", b"three"]
    growth = append(RightEdge(), [leaf_hash(entry) for entry in entries])
    folder = tmp_path / "log"
    key = exchange["irs-ci"].keys.log
    signer = signer_of("irs-ci.example/log", SignatureType.ED25519, key)
    note = sign_checkpoint(Checkpoint("irs-ci.example/log", 3, growth.edge.root), [signer], 1)
    for write in growth.tiles:
        place = folder / write.tile.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(write.hashes)
    bundle = folder / "tile" / "entries" / "000.p" / "3"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(format_bundle(entries))
    (folder / "checkpoint").write_bytes(note)
    (folder / "vkeys").write_text(f"{signer.verifier_key}\n")
    return folder, str(signer.verifier_key)


def test_log_directory_is_verified(log):
    folder, vkey = log
    report = verify(folder, vkeys=[vkey])
    assert (report.kind, report.is_sound, report.facts["size"]) == ("log-directory", True, 3), report.findings
    assert not any("whose log" in text for text in report.not_checked)
    own = verify(folder)
    assert own.is_sound
    assert any("whose log" in text for text in own.not_checked)


def test_changed_entry_missing_tile_and_surplus_file_are_found(log):
    folder, vkey = log
    bundle = folder / "tile" / "entries" / "000.p" / "3"
    whole = bundle.read_bytes()
    bundle.write_bytes(flipped(whole, -1))
    assert "entry-bundle" in [finding.step for finding in verify(folder, vkeys=[vkey]).findings]
    bundle.write_bytes(whole)
    (folder / "tile" / "surplus").write_bytes(b"x")
    assert [finding.step for finding in verify(folder, vkeys=[vkey]).findings] == ["directory"]
    (folder / "tile" / "surplus").unlink()
    bundle.unlink()
    assert not verify(folder, vkeys=[vkey]).is_sound


def test_log_of_another_key_is_not_sound(log, exchange):
    folder, _ = log
    other = signer_of("irs-ci.example/log", SignatureType.ED25519, exchange["partner-sydney"].keys.log)
    assert not verify(folder, vkeys=[str(other.verifier_key)]).is_sound


# Exports


@pytest.fixture
def export(exchange, tmp_path):
    """A filtered export of two rows, and its signed manifest beside it."""
    rows = b'{"index":3}\n{"index":7}\n'
    manifest = ExportManifest(
        made_at=NOW,
        made_by="irs-ci",
        origin="irs-ci.example/log",
        size=9,
        root="0" * 64,
        filter={"code": "package.released"},
        rows=2,
        file_format="jsonl",
        file_bytes=len(rows),
        file_sha256=sha256_hex(rows),
    )
    file = tmp_path / "november.jsonl"
    file.write_bytes(rows)
    file.with_name("november.jsonl.manifest").write_bytes(sign_export(manifest, exchange["irs-ci"].keys))
    return file


def test_an_export_is_verified_with_the_manifest_beside_it(exchange, export):
    known = {name: exchange[name].descriptor for name in ("partner-sydney", "irs-ci")}
    report = verify(export, descriptors=known)
    assert (report.kind, report.is_sound, report.checked) == ("log-export", True, ("seal", "digest", "rows"))
    assert report.facts["filter"] == {"code": "package.released"}
    export.write_bytes(export.read_bytes()[:-12])
    spoiled = verify(export, descriptors=known)
    assert [finding.step for finding in spoiled.findings] == ["digest", "rows"]
    assert spoiled.facts == {}


def test_an_export_of_an_unknown_maker_is_not_sound(exchange, export):
    for known in ({}, {"partner-sydney": exchange["partner-sydney"].descriptor}):
        [finding] = verify(export, descriptors=known).findings
        assert (finding.step, finding.code) == ("seal", "unknown-key")


# Offline means offline

WITHOUT_NETWORK = """
import sys
def forbid(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(event)
sys.addaudithook(forbid)
from pathlib import Path
import attache
home = attache.load_home(Path({home!r}), descriptors=Path({descriptors!r}))
report = attache.verify(Path({package!r}), home=home)
assert report.kind == "sealed-package"
attache.verify(Path({package!r}))
assert "httpx" not in sys.modules and "attache.client.sync" not in sys.modules
"""


def test_verifying_opens_no_socket_and_loads_no_client(exchange, package):
    folder = exchange["partner-bogota"].folder
    places = {"home": folder, "descriptors": folder.parent / "descriptors", "package": package}
    program = WITHOUT_NETWORK.format(**{name: str(path) for name, path in places.items()})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
