"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1) with SHA-256.

All hashes are 32 bytes. A *complete subtree* of height h and index i covers the leaves i·2^h up to, not including, (i+1)·2^h.
"""

import hashlib
from collections.abc import Iterable, Sequence

from attache.errors import MalformedInput, NotAuthentic

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
MAX_PROOF_HASHES = 63
EMPTY_ROOT = hashlib.sha256(b"").digest()

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry as a leaf."""
    # exchange-log T1
    return hashlib.sha256(_LEAF + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The leaf hash of each entry, in order."""
    sha256 = hashlib.sha256
    return [sha256(_LEAF + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(_NODE + left + right).digest()


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes one height up; a last hash without a sibling moves up unchanged."""
    sha256 = hashlib.sha256
    pairs = iter(hashes)
    above = [sha256(_NODE + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
    if len(hashes) % 2:
        above.append(hashes[-1])
    return above


def root_of_leaf_hashes(hashes: Sequence[bytes]) -> bytes:
    """The root of the tree with these leaf hashes, of any number."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        level = parents(level)
    return level[0]


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The root over complete subtrees of decreasing height, left to right (the binary digits of the size)."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for subtree in reversed(subtrees[:-1]):
        root = node_hash(subtree, root)
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that `leaf` (a leaf hash) is entry `index` of the tree of `size` entries with `root`. RFC 9162 section 2.1.3.2.

    Raises MalformedInput("malformed-proof") for impossible shapes, NotAuthentic("proof-invalid") if the proof leads to another root.
    Not checked: any signature over `root`.
    """
    _require_hashes("inclusion", leaf, root, *proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedInput("malformed-proof", f"index {index} is not below the size {size}", step="inclusion")
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _invalid("inclusion", "the proof is too long")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            node, last = _next_turn(node, last)
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _invalid("inclusion", "the proof is too short")
    if computed != root:
        raise _invalid("inclusion", "the proof leads to another root")


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Prove that the tree of `new_size` extends the tree of `old_size` without change. RFC 9162 section 2.1.4.2.

    From size 0 the only proof is the empty one, the old root must be that of the empty tree, and the new root is not checked.
    Raises MalformedInput("malformed-proof") for impossible shapes, NotAuthentic("log-inconsistent") where the trees disagree.
    Not checked: any signature over the roots.
    """
    _require_hashes("consistency", old_root, new_root, *proof)
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise MalformedInput("malformed-proof", f"size {old_size} is not a size before {new_size}", step="consistency")
    if old_size in (0, new_size):
        _verify_trivial(old_size, new_size, old_root, new_root, proof)
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        raise _inconsistent("the proof is empty")
    _verify_growth(old_size, new_size, old_root, new_root, path)


def _verify_trivial(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise _inconsistent("the proof must be empty for these sizes")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise _inconsistent("the root of size 0 is not that of the empty tree")
    if old_size == new_size and old_root != new_root:
        raise _inconsistent("two roots for the same size")


def _verify_growth(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _inconsistent("the proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            node, last = _next_turn(node, last)
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _inconsistent("the proof is too short")
    if old != old_root:
        raise _inconsistent("the proof does not lead to the old root")
    if new != new_root:
        raise _inconsistent("the proof does not lead to the new root")


def _next_turn(node: int, last: int) -> tuple[int, int]:
    """Skip the heights at which `node` is the last one and has no sibling."""
    while node and not node & 1:
        node, last = node >> 1, last >> 1
    return node, last


def _require_hashes(step: str, *hashes: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise MalformedInput("malformed-proof", f"a hash is not {HASH_BYTES} bytes", step=step)


def _invalid(step: str, why: str) -> NotAuthentic:
    return NotAuthentic("proof-invalid", why, step=step)


def _inconsistent(why: str) -> NotAuthentic:
    return NotAuthentic("log-inconsistent", why, step="consistency")
