"""Exported log directories: every byte counts, and every fault is found and named."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attache.crypto.log_keys import Ed25519LogKey
from attache.errors import PROBLEMS
from attache.evidence.directory import verify_log_directory
from attache.translog import edge, merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.signing import sign_checkpoint, signer_of
from attache.translog.tiles import bundles_of, format_bundle, hash_tiles_of
from attache.translog.vkey import SignatureType

ORIGIN = "example.com/log"
SIGNER = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
WITNESS = signer_of("example.com/witness", SignatureType.COSIGNATURE_V1, Ed25519LogKey(b"\2" * 32))
VKEYS = [str(SIGNER.verifier_key)]


def exported(entries, signers=(SIGNER,)):
    growth = edge.append(edge.RightEdge(), merkle.leaf_hashes(entries))
    files = {write.tile.path: write.hashes for write in growth.tiles}
    assert set(files) == {tile.path for tile in hash_tiles_of(len(entries))}
    for bundle in bundles_of(len(entries)):
        files[bundle.path] = format_bundle(entries[bundle.index * 256 :][: bundle.width])
    files["checkpoint"] = sign_checkpoint(Checkpoint(ORIGIN, len(entries), growth.edge.root), signers, 9)
    return files


def entries_of(count):
    return [b"entry %d" % number for number in range(count)]


SMALL = exported(entries_of(259))
LARGE = exported(entries_of(66_000))


def verify(files, vkeys=VKEYS, **named):
    return verify_log_directory(files.get, vkeys, **named)


def found(files, vkeys=VKEYS, **named):
    report = verify(files, vkeys, **named)
    assert report.is_sound is not bool(report.findings)
    assert all(finding.code in PROBLEMS for finding in report.findings)
    return [(f.step, f.code, f.where) for f in report.findings]


def flipped(files, path, at, bit=1):
    raw = bytearray(files[path])
    raw[at] ^= bit
    return {**files, path: bytes(raw)}


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 600])
def test_a_sound_directory(size):
    files = exported(entries_of(size))
    report = verify(files, paths=list(files))
    assert report.is_sound, report.findings
    assert report.checkpoint == Checkpoint(
        ORIGIN, size, merkle.root_of_leaf_hashes(merkle.leaf_hashes(entries_of(size)))
    )
    assert (report.entries, report.tiles) == (size, len(list(hash_tiles_of(size))))
    assert report.signed_by == tuple(VKEYS)


def test_a_sound_directory_of_three_levels():
    report = verify(LARGE, paths=list(LARGE))
    assert report.is_sound
    assert report.entries == 66_000


def test_any_byte_changed_in_a_small_log_is_found_and_named():
    source = random.Random(3)
    for path, raw in SMALL.items():
        expected = {"e": "entry-bundle", "0": "tile", "1": "tile"}.get(path[5:6]) if path != "checkpoint" else None
        for at in sorted({0, len(raw) - 1, *source.sample(range(len(raw)), min(60, len(raw)))}):
            steps = {
                step for step, _, where in found(flipped(SMALL, path, at, 1 << source.randrange(8))) if where == path
            }
            assert steps, (path, at)
            if expected:
                assert expected in steps, (path, at)
            else:
                assert steps & {"checkpoint", "signature", "root"}, (path, at)


def test_every_single_byte_of_the_checkpoint_counts():
    for at in range(len(SMALL["checkpoint"])):
        assert found(flipped(SMALL, "checkpoint", at, 4)), at


@pytest.mark.parametrize(
    ("path", "at", "finding"),
    [
        ("tile/0/000", 33, ("tile", "proof-invalid")),
        ("tile/0/255", 0, ("tile", "proof-invalid")),
        ("tile/0/257.p/208", 100, ("tile", "proof-invalid")),
        ("tile/1/000", 8191, ("tile", "proof-invalid")),
        ("tile/1/001.p/1", 5, ("tile", "proof-invalid")),
        ("tile/2/000.p/1", 31, ("tile", "proof-invalid")),
        ("tile/entries/000", 5, ("entry-bundle", "proof-invalid")),
        ("tile/entries/256", 9, ("entry-bundle", "proof-invalid")),
        ("tile/entries/257.p/208", 9, ("entry-bundle", "proof-invalid")),
    ],
)
def test_the_fault_and_nothing_else_is_blamed(path, at, finding):
    assert found(flipped(LARGE, path, at)) == [(*finding, path)]


@pytest.mark.parametrize(
    ("path", "step"),
    [
        ("tile/0/003", "tile"), ("tile/0/257.p/208", "tile"), ("tile/1/000", "tile"), ("tile/2/000.p/1", "tile"),
        ("tile/entries/003", "entry-bundle"), ("tile/entries/257.p/208", "entry-bundle"), ("checkpoint", "checkpoint"),
    ],
)  # fmt: skip
def test_a_missing_file_is_found_alone(path, step):
    files = dict(LARGE)
    del files[path]
    assert found(files) == [(step, "malformed-log", path)]


def test_all_faults_are_found_and_not_only_the_first():
    files = flipped(flipped(flipped(LARGE, "tile/0/003", 1), "tile/entries/009", 3), "tile/1/000", 40)
    del files["tile/entries/257.p/208"]
    files = flipped(files, "checkpoint", len(files["checkpoint"]) - 10)
    assert {(step, where) for step, _, where in found(files)} == {
        ("signature", "checkpoint"),
        ("tile", "tile/0/003"),
        ("entry-bundle", "tile/entries/009"),
        ("tile", "tile/1/000"),
        ("entry-bundle", "tile/entries/257.p/208"),
    }


def test_a_whole_other_history_under_the_same_checkpoint():
    other = exported([b"forged", *entries_of(259)[1:]])
    assert found({**other, "checkpoint": SMALL["checkpoint"]}) == [("root", "proof-invalid", "checkpoint")]


def test_an_entry_replaced_in_bundle_and_tile_alike():
    other = exported([b"forged 0", *entries_of(259)[1:]])
    files = {**SMALL, "tile/entries/000": other["tile/entries/000"], "tile/0/000": other["tile/0/000"]}
    assert [step for step, _, _ in found(files)] == ["tile", "root"]


def test_swapped_bundles_and_swapped_tiles():
    files = {**LARGE, "tile/entries/001": LARGE["tile/entries/002"], "tile/entries/002": LARGE["tile/entries/001"]}
    assert {(step, where) for step, _, where in found(files)} == {
        ("entry-bundle", "tile/entries/001"),
        ("entry-bundle", "tile/entries/002"),
    }
    files = {**LARGE, "tile/0/001": LARGE["tile/0/002"], "tile/0/002": LARGE["tile/0/001"]}
    assert {(step, where) for step, _, where in found(files)} == {("tile", "tile/0/001"), ("tile", "tile/0/002")}


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b""])
@pytest.mark.parametrize(
    ("path", "step"), [("tile/0/000", "tile"), ("tile/entries/000", "entry-bundle"), ("tile/1/000.p/1", "tile")]
)
def test_truncated_and_lengthened_files(path, step, change):
    assert found({**SMALL, path: change(SMALL[path])}) == [(step, "malformed-log", path)]


def test_another_key_does_not_vouch():
    other = str(signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\3" * 32)).verifier_key)
    assert found(SMALL, [other]) == [("signature", "unknown-key", "checkpoint")]
    assert found(SMALL, []) == [("signature", "unknown-key", "checkpoint")]


def test_a_witness_alone_does_not_vouch_for_the_log():
    files = exported(entries_of(3), (WITNESS,))
    assert found(files, [*VKEYS, str(WITNESS.verifier_key)]) == [("signature", "unknown-key", "checkpoint")]
    files = exported(entries_of(3), (SIGNER, WITNESS))
    assert len(verify(files, [*VKEYS, str(WITNESS.verifier_key)]).signed_by) == 2


def test_a_wrong_vkey_is_a_finding():
    assert found(SMALL, ["nonsense", *VKEYS]) == [("signature", "malformed-log", "vkey 1")]


def test_a_size_that_no_directory_has_ends_soon():
    reads = 0

    def read(path):
        nonlocal reads
        reads += 1
        return files.get(path)

    files = {"checkpoint": sign_checkpoint(Checkpoint(ORIGIN, 2**62, b"\7" * 32), (SIGNER,), 1)}
    report = verify_log_directory(read, VKEYS)
    assert len(report.findings) == 1000
    assert reads < 2000


def test_size_zero_with_a_root_is_impossible():
    files = {"checkpoint": sign_checkpoint(Checkpoint(ORIGIN, 0, b"\7" * 32), (SIGNER,), 1)}
    assert found(files) == [("checkpoint", "malformed-log", "checkpoint")]


def test_surplus_files_and_older_partials():
    older = exported(entries_of(200))
    files = {
        **SMALL,
        "tile/0/000.p/200": older["tile/0/000.p/200"],
        "tile/entries/000.p/200": older["tile/entries/000.p/200"],
    }
    assert found(files, paths=list(files)) == []
    for path in ("tile/0/000.p/200", "tile/entries/000.p/200"):
        assert found(flipped(files, path, 70), paths=list(files)) == [("directory", "log-inconsistent", path)]
    for path in ("tile/0/002", "tile/3/000", "tile/0/001.p/9", "notes.txt", "tile/0/../x"):
        assert found({**SMALL, path: b"?"}, paths=[*SMALL, path]) == [("directory", "malformed-log", path)]


def test_the_report_as_json():
    report = verify(flipped(SMALL, "tile/0/000", 0)).to_json()
    assert report == {
        "kind": "log-directory",
        "sound": False,
        "origin": ORIGIN,
        "size": 259,
        "root": verify(SMALL).checkpoint.root.hex(),
        "signed_by": VKEYS,
        "entries_verified": 3,
        "tiles_verified": 2,
        "findings": [
            {"step": "tile", "code": "proof-invalid", "where": "tile/0/000", "detail": "hash 0 is not that of entry 0"}
        ],
    }


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(SMALL)), st.binary(max_size=200), min_size=1))
def test_any_bytes_in_any_file_are_findings_and_never_an_error(changes):
    assert found({**SMALL, **changes}, paths=list(SMALL))
