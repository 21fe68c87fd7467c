"""RFC 6962 trees: known answers, and every proof of every size up to 600."""

import hashlib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import AttacheError
from attache.translog import merkle
from attache.translog.proving import prove_consistency, prove_inclusion
from tests.protocol.translog.roots import root_of

# The eight leaves that the Certificate Transparency implementations share, and their roots (RFC 6962 reference code).
CT_LEAVES = [
    bytes.fromhex(h)
    for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = ["6e340b9c", "fac54203", "aeb6bcfe", "d37ee418", "4e3bbb1f", "76e67dad", "ddb89be4", "5dc9da79"]

LEAVES = [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(600)]


@cache
def subtree(height, index):
    if height == 0:
        return LEAVES[index]
    return merkle.node_hash(subtree(height - 1, 2 * index), subtree(height - 1, 2 * index + 1))


def recursive_root(hashes):
    """RFC 6962 section 2.1 as it is written."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive_root(hashes[:split]) + recursive_root(hashes[split:])).digest()


ROOTS = [recursive_root(LEAVES[:size]) for size in range(601)]


def code_of(call, *args):
    with pytest.raises(AttacheError) as caught:
        call(*args)
    return caught.value.code, caught.value.step


def test_the_empty_tree_and_the_empty_leaf():
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_certificate_transparency_leaves(size):
    assert merkle.root_of_leaf_hashes(merkle.leaf_hashes(CT_LEAVES[:size])).hex().startswith(CT_ROOTS[size - 1])


def test_roots_of_all_sizes():
    for size in range(601):
        assert merkle.root_of_leaf_hashes(LEAVES[:size]) == ROOTS[size]
        assert root_of(size, subtree) == ROOTS[size]


def test_inclusion_of_every_entry_in_many_sizes():
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, 511, 512, 513, 599, 600]:
        for index in range(size):
            merkle.verify_inclusion(LEAVES[index], index, size, prove_inclusion(index, size, subtree), ROOTS[size])


def test_inclusion_in_every_size():
    for size in range(1, 601):
        for index in {0, size // 3, size // 2, size - 1}:
            merkle.verify_inclusion(LEAVES[index], index, size, prove_inclusion(index, size, subtree), ROOTS[size])


def test_consistency_between_many_pairs_of_sizes():
    for new in range(601):
        for old in {*range(0, new + 1, 37), *range(max(0, new - 3), new + 1), new // 2}:
            merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], prove_consistency(old, new, subtree))


@given(st.data())
def test_a_changed_inclusion_proof_is_refused(data):
    size = data.draw(st.integers(2, 600))
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(index, size, subtree)
    at = data.draw(st.integers(0, len(proof) * 32 - 1))
    flipped = bytearray(b"".join(proof))
    flipped[at] ^= data.draw(st.integers(1, 255))
    changed = [bytes(flipped[i : i + 32]) for i in range(0, len(flipped), 32)]
    for forged in (changed, proof[:-1], [*proof, proof[-1]], [b"\0" * 32, *proof]):
        assert code_of(merkle.verify_inclusion, LEAVES[index], index, size, forged, ROOTS[size]) == (
            "proof-invalid",
            "inclusion",
        )
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    assert code_of(merkle.verify_inclusion, LEAVES[index], other, size, proof, ROOTS[size])[0] == "proof-invalid"
    assert code_of(merkle.verify_inclusion, LEAVES[other], index, size, proof, ROOTS[size])[0] == "proof-invalid"


@given(st.data())
def test_a_changed_consistency_proof_is_refused(data):
    new = data.draw(st.integers(2, 600))
    old = data.draw(st.integers(1, new - 1))
    proof = prove_consistency(old, new, subtree)
    at = data.draw(st.integers(0, len(proof) * 32 - 1))
    flipped = bytearray(b"".join(proof))
    flipped[at] ^= data.draw(st.integers(1, 255))
    changed = [bytes(flipped[i : i + 32]) for i in range(0, len(flipped), 32)]
    for forged in (changed, proof[:-1], [*proof, proof[-1]]):
        assert code_of(merkle.verify_consistency, old, new, ROOTS[old], ROOTS[new], forged) == (
            "log-inconsistent",
            "consistency",
        )
    assert code_of(merkle.verify_consistency, old, new, ROOTS[old - 1], ROOTS[new], proof)[0] == "log-inconsistent"
    assert code_of(merkle.verify_consistency, old, new, ROOTS[old], ROOTS[new - 1], proof)[0] == "log-inconsistent"


H = b"\x11" * 32


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((b"", 0, 1, [], b""), "malformed-proof"),
        ((H, 0, 1, [b""], H), "malformed-proof"),
        ((H[:31], 0, 1, [], H), "malformed-proof"),
        ((H, 0, 1, [], H + b"\0"), "malformed-proof"),
        ((H, 0, 0, [], H), "malformed-proof"),
        ((H, 1, 1, [], H), "malformed-proof"),
        ((H, -1, 1, [], H), "malformed-proof"),
        ((H, 0, 2**63, [], H), "malformed-proof"),
        ((H, 0, 1, [H], H), "proof-invalid"),
        ((H, 0, 2, [], H), "proof-invalid"),
        ((H, 0, 10**9, [H] * 64, H), "proof-invalid"),
    ],
)
def test_impossible_inclusion(arguments, code):
    assert code_of(merkle.verify_inclusion, *arguments) == (code, "inclusion")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((2, 1, H, H, []), "malformed-proof"),
        ((-1, 1, H, H, []), "malformed-proof"),
        ((1, 2**63, H, H, []), "malformed-proof"),
        ((1, 2, H[:5], H, [H]), "malformed-proof"),
        ((1, 2, H, H, [H[:31]]), "malformed-proof"),
        ((0, 5, H, H, []), "log-inconsistent"),
        ((0, 5, merkle.EMPTY_ROOT, H, [H]), "log-inconsistent"),
        ((5, 5, H, H, [H]), "log-inconsistent"),
        ((5, 5, H, b"\x22" * 32, []), "log-inconsistent"),
        ((3, 5, H, H, []), "log-inconsistent"),
        ((4, 8, H, H, []), "log-inconsistent"),
    ],
)
def test_impossible_consistency(arguments, code):
    assert code_of(merkle.verify_consistency, *arguments) == (code, "consistency")


def test_what_proves_nothing_is_accepted_empty():
    merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    merkle.verify_consistency(0, 7, merkle.EMPTY_ROOT, ROOTS[7], [])
    merkle.verify_consistency(7, 7, ROOTS[7], ROOTS[7], [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (0, 2**63)])
def test_no_inclusion_proof_outside_the_tree(index, size):
    assert code_of(prove_inclusion, index, size, subtree) == ("malformed-proof", "inclusion")


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 3), (0, 2**63)])
def test_no_consistency_proof_backwards(old, new):
    assert code_of(prove_consistency, old, new, subtree) == ("malformed-proof", "consistency")
