"""tlog-policy and tlog-proof: who must have signed, and that an entry is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey
from attache.errors import AttacheError
from attache.translog import edge, merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.policy import MAX_POLICY_BYTES, parse_tlog_policy, verify_checkpoint
from attache.translog.proof import MAX_PROOF_BYTES, TlogProof, format_proof, parse_proof, verify_proof
from attache.translog.proving import prove_inclusion
from attache.translog.signing import sign_checkpoint, signer_of
from attache.translog.tiles import TileHashes
from attache.translog.vkey import SignatureType

ORIGIN = "example.com/log"
LOG = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
OTHER_LOG = signer_of("example.com/other", SignatureType.ED25519, Ed25519LogKey(b"\2" * 32))
PQ = signer_of("w-pq", SignatureType.MLDSA44, MLDSA44LogKey(b"\3" * 32))
WITNESSES = [signer_of(f"w{n}", SignatureType.COSIGNATURE_V1, Ed25519LogKey(bytes([16 + n]) * 32)) for n in range(5)]
ENTRIES = [b"entry %d" % n for n in range(300)]
GROWTH = edge.append(edge.RightEdge(), merkle.leaf_hashes(ENTRIES))
TILES = {(write.tile.level, write.tile.index): write.hashes for write in GROWTH.tiles}
CHECKPOINT = Checkpoint(ORIGIN, 300, GROWTH.edge.root)


def vkey(signer):
    return str(signer.verifier_key)


POLICY_TEXT = f"""# the example of two groups
log {vkey(LOG)} https://example.com/log
 \twitness X1 {vkey(WITNESSES[0])}
witness X2   {vkey(WITNESSES[1])} https://x2.example/
witness X3 {vkey(WITNESSES[2])}

group X 2 X1 X2 X3
witness Y1 {vkey(WITNESSES[3])}
witness Y2 {vkey(PQ)}
group Y any Y1 Y2
group X-and-Y all X Y
quorum X-and-Y
"""
POLICY = parse_tlog_policy(POLICY_TEXT.encode())


def refused(call, *args, **named):
    with pytest.raises(AttacheError) as caught:
        call(*args, **named)
    return caught.value.code, caught.value.step


def note(*signers, at=100, checkpoint=CHECKPOINT):
    return sign_checkpoint(checkpoint, signers, at)


@pytest.mark.parametrize(
    ("witnesses", "suffice"),
    [
        ([0, 1, 3], True),
        ([0, 2, "pq"], True),
        ([0, 1, 2, 3, "pq"], True),
        ([0, 3], False),
        ([0, 1, 2], False),
        ([3, "pq"], False),
        ([0, 0, 3], False),
        ([0, 4, 3], False),
        ([], False),
    ],
)
def test_the_quorum_of_two_groups(witnesses, suffice):
    raw = note(LOG, *(PQ if which == "pq" else WITNESSES[which] for which in witnesses))
    if suffice:
        assert verify_checkpoint(raw, POLICY).checkpoint == CHECKPOINT
    else:
        assert refused(verify_checkpoint, raw, POLICY) == ("signature-invalid", "quorum")


def test_times_of_the_cosignatures():
    policy = parse_tlog_policy(f"log {vkey(LOG)}\nwitness A {vkey(WITNESSES[0])}\nquorum A\n".encode())
    raw = note(LOG, WITNESSES[0], at=100)
    later = raw + note(WITNESSES[0], at=200).rpartition(b"\n\n")[2]
    assert verify_checkpoint(later, policy).cosigned_at == {"A": 200}
    assert verify_checkpoint(later, policy, now=150).cosigned_at == {"A": 100}
    assert refused(verify_checkpoint, raw, policy, now=99) == ("signature-invalid", "quorum")


def test_only_a_log_of_the_policy_vouches():
    assert refused(verify_checkpoint, note(*WITNESSES), POLICY) == ("unknown-key", "signature")
    foreign = Checkpoint("example.com/third", 300, CHECKPOINT.root)
    assert refused(verify_checkpoint, note(LOG, checkpoint=foreign), POLICY) == ("unknown-key", "signature")
    both = parse_tlog_policy(f"log {vkey(LOG)}\nlog {vkey(OTHER_LOG)}\nquorum none\n".encode())
    assert refused(verify_checkpoint, note(OTHER_LOG), both) == ("unknown-key", "signature")
    assert verify_checkpoint(note(LOG), both).cosigned_at == {}


def test_a_forged_cosignature_refuses_the_whole_checkpoint():
    raw = bytearray(note(LOG, WITNESSES[0], WITNESSES[1], WITNESSES[3]))
    raw[-10] ^= 1
    assert refused(verify_checkpoint, bytes(raw), POLICY) == ("signature-invalid", "signature")


def test_a_pq_log_key_is_a_log_key():
    pq_log = signer_of(ORIGIN, SignatureType.MLDSA44, MLDSA44LogKey(b"\4" * 32))
    policy = parse_tlog_policy(f"log {vkey(pq_log)}\nquorum none\n".encode())
    assert verify_checkpoint(note(LOG, pq_log), policy).checkpoint == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "# nothing\n", "quorum\n", "quorum none none\n", "quorum none", "quorum none\nquorum none\n", "quorum missing\n", "Quorum none\n",
        "log\nquorum none\n", f"log {vkey(LOG)} url more\nquorum none\n", f"log {vkey(LOG)}\nlog {vkey(LOG)}\nquorum none\n",
        f"log {vkey(WITNESSES[0])}\nquorum none\n", f"witness A {vkey(LOG)}\nquorum A\n", f"witness none {vkey(WITNESSES[0])}\nquorum none\n",
        f"witness A {vkey(WITNESSES[0])}\nwitness A {vkey(WITNESSES[1])}\nquorum A\n", f"witness A {vkey(WITNESSES[0])}\nwitness B {vkey(WITNESSES[0])}\nquorum A\n",
        f"quorum A\nwitness A {vkey(WITNESSES[0])}\n", f"witness A {vkey(WITNESSES[0])}\ngroup G 1\nquorum G\n", f"witness A {vkey(WITNESSES[0])}\ngroup G 0 A\nquorum G\n",
        f"witness A {vkey(WITNESSES[0])}\ngroup G 2 A\nquorum G\n", f"witness A {vkey(WITNESSES[0])}\ngroup G 01 A\nquorum G\n",
        f"witness A {vkey(WITNESSES[0])}\ngroup G -1 A\nquorum G\n", f"witness A {vkey(WITNESSES[0])}\ngroup G 2 A A\nquorum G\n",
        f"witness A {vkey(WITNESSES[0])}\ngroup A any A\nquorum A\n", f"witness A {vkey(WITNESSES[0])}\ngroup G any A\ngroup H any A\nquorum G\n",
        f"witness A {vkey(WITNESSES[0])}\ngroup G any none\nquorum G\n", f"witness A {vkey(WITNESSES[0])}\ngroup G any G\nquorum G\n",
        f"witness A {vkey(WITNESSES[0])}\ngroup none any A\nquorum A\n", "witness A nonsense\nquorum A\n", "quorum none\r\n", "quorum\x00none\n", "quorum\x0bnone\n",
        "quorum\u00a0none\n", "nonsense\nquorum none\n",
    ],
)  # fmt: skip
def test_what_is_not_a_policy(text):
    code, step = refused(parse_tlog_policy, text.encode())
    assert code == "malformed-log"
    assert step in {"policy", "vkey"}


def test_limits_of_a_policy():
    assert refused(parse_tlog_policy, b"#" * (MAX_POLICY_BYTES + 1)) == ("payload-too-large", "policy")
    witnesses = [
        signer_of(f"w{n}", SignatureType.COSIGNATURE_V1, Ed25519LogKey(n.to_bytes(32, "big"))) for n in range(257)
    ]
    many = "".join(f"witness {n} {vkey(w)}\n" for n, w in enumerate(witnesses))
    assert refused(parse_tlog_policy, f"{many}quorum none\n".encode()) == ("malformed-log", "policy")


def test_a_missing_last_newline_is_not_a_policy():
    assert refused(parse_tlog_policy, b"quorum none") == ("malformed-log", "policy")


def test_names_are_opaque_bytes():
    policy = parse_tlog_policy(b"witness \xff\xfe " + vkey(WITNESSES[0]).encode() + b"\nquorum \xff\xfe\n")
    assert policy.quorum in policy.witnesses


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_refused(raw):
    assert refused(parse_tlog_policy, raw)[0] in {"malformed-log", "unsupported-version"}


NO_WITNESS = parse_tlog_policy(f"log {vkey(LOG)}\nquorum none\n".encode())


def proof_of(index, size=300, **named):
    hashes = TileHashes(size, lambda tile: TILES[tile.level, tile.index][: 32 * tile.width])
    return TlogProof(index, tuple(prove_inclusion(index, size, hashes)), note(LOG), **named)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
@pytest.mark.parametrize("extra", [None, b"", b"salt and payload"])
def test_a_proof_parses_back_and_verifies(index, extra):
    proof = proof_of(index, extra=extra)
    raw = format_proof(proof)
    assert raw.startswith(b"c2sp.org/tlog-proof@v1\n")
    assert parse_proof(raw) == proof
    assert verify_proof(parse_proof(raw), ENTRIES[index], NO_WITNESS).checkpoint == CHECKPOINT


def test_a_proof_needs_the_quorum():
    assert refused(verify_proof, proof_of(5), ENTRIES[5], POLICY) == ("signature-invalid", "quorum")


def test_another_entry_another_index_another_order():
    proof = proof_of(5)
    assert refused(verify_proof, proof, ENTRIES[6], NO_WITNESS) == ("proof-invalid", "inclusion")
    for index in (4, 6, 255):
        changed = TlogProof(index, proof.hashes, proof.checkpoint)
        assert refused(verify_proof, changed, ENTRIES[5], NO_WITNESS) == ("proof-invalid", "inclusion")
    beyond = TlogProof(300, proof.hashes, proof.checkpoint)
    assert refused(verify_proof, beyond, ENTRIES[5], NO_WITNESS) == ("malformed-proof", "inclusion")
    backwards = TlogProof(5, proof.hashes[::-1], proof.checkpoint)
    assert refused(verify_proof, backwards, ENTRIES[5], NO_WITNESS) == ("proof-invalid", "inclusion")


def test_every_single_byte_of_a_proof_counts():
    raw = format_proof(proof_of(77))
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 2
        code, step = refused(lambda given: verify_proof(parse_proof(given), ENTRIES[77], NO_WITNESS), bytes(changed))
        assert step in {"proof", "inclusion", "note", "checkpoint", "signature"}, (at, code, step)


HEAD = "c2sp.org/tlog-proof@v1\n"
HASH = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", HEAD, f"{HEAD}index 1\n", f"{HEAD}\nindex 1\n\n", f"{HEAD}index 01\n\nx", f"{HEAD}index -1\n\nx", f"{HEAD}index\n\nx", f"{HEAD}index  1\n\nx",
        f"{HEAD}index {2**63}\n\nx", f"{HEAD}Index 1\n\nx", f"{HEAD}index 1\nextra AA==\n\nx", f"{HEAD}extra\nindex 1\n\nx", f"{HEAD}extra AA\nindex 1\n\nx",
        f"{HEAD}extra AA==\nextra AA==\nindex 1\n\nx", f"{HEAD}extra AA==\n\nx", f"{HEAD}index 1\nAA==\n\nx", f"{HEAD}index 1\n{HASH[:-2]}\n\nx",
        f"{HEAD}index 1\n{HASH * 64}\nx", f"{HEAD}index 1\r\n\r\nx", f"{HEAD.replace('v1', 'v2')}index 1\n\nx", f" {HEAD}index 1\n\nx", f"{HEAD}index 1\n é\n\nx",
        f"{HEAD}index NaN\n\nx",
    ],
)  # fmt: skip
def test_what_is_not_a_proof(text):
    assert refused(parse_proof, text.encode()) == ("malformed-proof", "proof")


def test_a_proof_has_a_limit():
    assert refused(parse_proof, b"x" * (MAX_PROOF_BYTES + 1)) == ("payload-too-large", "proof")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_proof_in_its_one_spelling_or_refused(raw, is_close):
    raw = (HEAD.encode() + b"index 1\n" if is_close else b"") + raw
    try:
        assert format_proof(parse_proof(raw)) == raw
    except AttacheError as error:
        assert (error.code, error.step) == ("malformed-proof", "proof")
