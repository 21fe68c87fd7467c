"""The proof rules twice: verifier.html, in Node and in a browser, says what Python says of the same files."""

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from attache.evidence.bundle import blob, seal_bundle
from attache.evidence.directory import verify_log_directory
from attache.evidence.entry import verify_entry
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import verify_bundle
from attache.package import uuid7
from attache.receipt import sign_receipt
from attache.translog import merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.edge import RightEdge, append
from attache.translog.proof import format_proof
from attache.translog.signing import KeySigner, sign_checkpoint
from gateway.exchange_log.events import Group
from gateway.exchange_log.export import export_log
from tests.browser import PAGE, b64, browse, verdict_of
from tests.protocol.making import ME, NOW, ORIGINATOR, THIRD
from tests.protocol.translog.evidence_making import changed, consent_bundles, proof_file, with_entry, with_log
from tests.protocol.translog.test_merkle import CT_LEAVES, CT_ROOTS
from tests.protocol.translog.test_notes import VECTORS

HERE = Path(__file__).parent
NOT_IN_BROWSERS = {"certificates"}


def bundles(made, parties):
    """Bundles, sound and spoiled, each sealed by its maker."""
    bundle, ours, theirs, receipt = made
    first, last = bundle.logs[0].checkpoints
    entries = bundle.logs[0].entries
    record, person = entries[0].openings[:2]
    wrong = receipt.model_copy(update={"envelope_sha256": "ab" * 32})
    foreign = receipt.model_copy(update={"log": receipt.log.model_copy(update={"leaf": blob(b"{}")})})
    hidden = ours.collected([first.note.encode(), last.note.encode()], [1, 2, 3, 4], groups=())
    shown = {
        "sound": bundle,
        "digest only": changed(bundle, manifest=None, release_proof=None),
        "nothing about the package": changed(bundle, manifest=None, release_proof=None, receipts=(), logs=()),
        "another package": changed(bundle, package_id=uuid7(NOW)),
        "another envelope": changed(bundle, envelope_sha256="ab" * 32),
        "another manifest digest": changed(bundle, manifest_sha256="ab" * 32),
        "another decision": changed(bundle, release_proof=blob(b"{}")),
        "a receipt for another": changed(bundle, receipts=(blob(sign_receipt(wrong, parties[ME].keys)),)),
        "a receipt by another": changed(bundle, receipts=(blob(sign_receipt(receipt, parties[ORIGINATOR].keys)),)),
        "a receipt that is none": changed(bundle, receipts=(blob(b"{}"),)),
        "a receipt whose log proof is wrong": changed(
            bundle, receipts=(blob(sign_receipt(foreign, parties[ME].keys)),)
        ),
        "a log twice": changed(bundle, logs=(bundle.logs[0], bundle.logs[0])),
        "a log in another's name": changed(bundle, logs=(changed(bundle.logs[0], participant=ME), bundle.logs[1])),
        "a checkpoint that is none": with_log(bundle, 0, checkpoints=(first, changed(last, note="?"))),
        "a checkpoint without proof": with_log(bundle, 0, checkpoints=(first, changed(last, consistency=()))),
        "checkpoints backwards": with_log(bundle, 0, checkpoints=(changed(last, consistency=()), first)),
        "a first checkpoint with proof": with_log(
            bundle, 0, checkpoints=(changed(first, consistency=("ab" * 32,)), last)
        ),
        "another leaf": with_entry(bundle, 0, leaf=entries[1].leaf),
        "another index": with_entry(bundle, 0, index=0),
        "an index beyond": with_entry(bundle, 2, index=10**9),
        "no proof": with_entry(bundle, 0, proof=()),
        "entries backwards": with_log(bundle, 0, entries=entries[::-1]),
        "another salt": with_entry(bundle, 0, openings=(changed(record, salt="00" * 32), person)),
        "another payload": with_entry(bundle, 0, openings=(changed(record, payload=blob(b"{}")), person)),
        "a group twice": with_entry(bundle, 0, openings=(record, record)),
        "an entry about another package": changed(bundle, logs=(hidden, bundle.logs[1])),
        "made by another": changed(bundle, made_by=ME),
        "openings withheld": changed(
            bundle,
            logs=(
                ours.collected([last.note.encode()], [2], groups=(Group.RECORD,)),
                theirs.collected([theirs.checkpoint()], [0]),
            ),
        ),
    }
    return {name: seal_bundle(each, parties[each.made_by].keys) for name, each in shown.items()}


def flips(raw, count, seed):
    source = random.Random(seed)
    for at in sorted(source.sample(range(len(raw)), count)):
        yield at, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.fixture(scope="module")
def cases(made, parties, trusted):
    """(case for the page, what Python says of it)."""
    _, ours, _, _ = made
    descriptors = [b64(each.raw) for each in trusted]
    files = bundles(made, parties)
    files |= {f"sound, byte {at}": raw for at, raw in flips(files["sound"], 20, 1)}
    files |= {"truncated": files["sound"][:-9], "empty": b"", "deep": b"[" * 5000, "another seal": _reseal(files)}
    found = [
        ({"kind": "bundle", "name": name, "raw": b64(raw), "descriptors": descriptors}, verify_bundle(raw, trusted))
        for name, raw in files.items()
    ]
    everybody = [*trusted, parties[THIRD].descriptor]
    known = [b64(each.raw) for each in everybody]
    for name, (bundle, _) in consent_bundles(parties).items():
        raw = seal_bundle(bundle, parties[ORIGINATOR].keys)
        found.append(
            ({"kind": "bundle", "name": name, "raw": b64(raw), "descriptors": known}, verify_bundle(raw, everybody))
        )
    vkeys = ours.vkeys
    proof = format_proof(proof_file(ours, 2))
    proofs = {"proof": proof, "no leaf": format_proof(proof_file(ours, 2, extra=None)), "empty proof": b""}
    proofs |= {f"proof, byte {at}": raw for at, raw in flips(proof, 30, 2)}
    found += [
        ({"kind": "entry", "name": n, "raw": b64(raw), "vkeys": vkeys}, verify_entry(raw, vkeys))
        for n, raw in proofs.items()
    ]
    found += [
        ({"kind": "directory", "name": name, "files": {path: b64(raw) for path, raw in folder.items()}, "vkeys": vkeys},
         verify_log_directory(folder.get, vkeys))
        for name, folder in _folders(ours).items()
    ]  # fmt: skip
    return found


def _reseal(files):
    sound, other = json.loads(files["sound"]), json.loads(files["another decision"])
    return files["sound"].replace(sound["seal"].encode(), other["seal"].encode())


def _folders(ours):
    """A log of 700 entries whose checkpoint the originator's key signs, and ways to spoil its files."""

    entries = [b"entry %d" % number for number in range(700)]
    growth = append(RightEdge(), merkle.leaf_hashes(entries))
    tiles = {(w.tile.level, w.tile.index): w.hashes for w in growth.tiles}
    note = sign_checkpoint(
        Checkpoint(ours.key.name, 700, growth.edge.root), [KeySigner(ours.key, ours.party.keys.log)], 9
    )
    sound = dict(
        export_log(
            note, lambda t: tiles[t.level, t.index][: 32 * t.width], lambda first, count: entries[first : first + count]
        )
    )
    folders = {"sound folder": sound, "no checkpoint": {}}
    for path, raw in sound.items():
        folders[f"without {path}"] = {name: data for name, data in sound.items() if name != path}
        folders[f"short {path}"] = sound | {path: raw[:-1]}
        for at, spoiled in flips(raw, 2, path):
            folders[f"{path} byte {at}"] = sound | {path: spoiled}
    return folders


def run_in_node(cases):
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    command = [node, str(HERE / "run_rules.mjs"), str(PAGE), str(HERE / "run_cases.js")]
    done = subprocess.run(command, input=json.dumps(cases).encode(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def run_in_chromium(cases, folder):
    given = json.dumps(cases).replace("</", "<\\/")
    show = "(async () => { document.body.replaceChildren(Object.assign(document.createElement('pre'), { textContent: JSON.stringify(await runCases(given)) })); })();"
    shown = browse(folder, f"{(HERE / 'run_cases.js').read_text()}\nconst given = {given};\n{show}")
    return json.loads(shown.partition("<pre>")[2].partition("</pre>")[0])


def compare(cases, results):
    assert len(results) == len(cases)
    for (case, expected), said in zip(cases, results, strict=True):
        failed = {(finding.step, finding.code) for finding in expected.findings}
        found = {tuple(pair) for pair in said["failed"]}
        assert said["sound"] is expected.is_sound, case["name"]
        if case["name"].startswith("sound, byte"):  # perhaps of a certificate, which browsers do not read
            assert {step for step, _ in found} <= {step for step, _ in failed}, case["name"]
            continue
        assert found == failed, case["name"]
        if hasattr(expected, "checks"):
            proven = {check.step for check in expected.checks if check.outcome is CheckOutcome.PROVEN} - NOT_IN_BROWSERS
            assert set(said["proven"]) - NOT_IN_BROWSERS == proven, case["name"]


def test_node_says_what_python_says(cases):
    compare(cases, run_in_node([case for case, _ in cases]))


def test_a_browser_says_what_python_says(cases, tmp_path):
    compare(cases, run_in_chromium([case for case, _ in cases], tmp_path))


@pytest.mark.parametrize(
    ("name", "verdict"), [("sound", "Nothing failed."), ("another decision", "Refused: 2 checks failed.")]
)
def test_the_page_shows_its_verdict_to_people(cases, tmp_path, name, verdict):
    case = next(case for case, _ in cases if case["name"] == name)
    shown = verdict_of(tmp_path, case["raw"], case["descriptors"])
    assert verdict in shown
    assert "You trust irs-ci by the fingerprint" in shown
    assert "package.delivered" in shown
    assert "certificates and revocation lists are not checked here" in shown


def test_public_vectors():
    trees = [{"kind": "tree", "name": str(n), "leaves": [b64(leaf) for leaf in CT_LEAVES[:n]]} for n in range(1, 9)]
    notes = [
        {"kind": "checkpoint", "name": v["origin"], "raw": b64(v["note"].encode()), "vkeys": v["vkeys"]}
        for v in VECTORS["checkpoints"]
    ]
    results = run_in_node([*trees, *notes])
    assert [result["root"][:8] for result in results[:8]] == CT_ROOTS
    for vector, result in zip(VECTORS["checkpoints"], results[8:], strict=True):
        assert set(result["verified"]) == set(vector["vkeys"])


def test_shake_and_ml_dsa_of_the_page():
    """Its own SHAKE and ML-DSA, against hashlib and the library that Python uses."""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA87PrivateKey

    cases, expected = [], []
    for length in (0, 1, 135, 136, 137, 167, 168, 169, 1000):
        raw = bytes(range(256)) * 4
        cases.append({"kind": "shake", "name": str(length), "raw": b64(raw[:length])})
        expected.append(
            [hashlib.shake_128(raw[:length]).hexdigest(500), hashlib.shake_256(raw[:length]).hexdigest(500)]
        )
    for level, family in ((44, MLDSA44PrivateKey), (87, MLDSA87PrivateKey)):
        for number in range(6):
            key, message = family.from_seed_bytes(bytes([number]) * 32), b"message %d" % number
            signature = key.sign(message)
            given = {
                "kind": "signature",
                "name": f"{level}",
                "level": level,
                "key": b64(key.public_key().public_bytes_raw()),
            }
            cases.append(given | {"message": b64(message), "signature": b64(signature)})
            expected.append(True)
            cases.append(given | {"message": b64(message + b"!"), "signature": b64(signature)})
            cases += [
                given | {"message": b64(message), "signature": b64(changed)}
                for _, changed in flips(signature, 12, number)
            ]
            cases += [given | {"message": b64(message), "signature": b64(signature[:-1])}]
            expected += [False] * 14
    results = run_in_node(cases)
    assert [result.get("digests", result.get("verdict")) for result in results] == expected


def test_the_page_reaches_for_nothing():
    text = PAGE.read_text()
    assert "default-src 'none'" in text
    for forbidden in (
        "http://",
        "https://",
        "src=",
        "fetch(",
        "XMLHttpRequest",
        "import ",
        "localStorage",
        "innerHTML",
    ):
        assert forbidden not in text.replace("default-src", "").replace("script-src", "").replace("style-src", ""), (
            forbidden
        )
