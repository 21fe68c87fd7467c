"""The root of a tree from its stored hashes, by the binary digits of its size (RFC 6962 section 2.1)."""

import hashlib
from collections.abc import Callable


def root_of(size: int, hash_of: Callable[[int, int], bytes]) -> bytes:
    """`hash_of(height, index)` is the hash of that complete subtree."""
    subtrees, start = [], 0
    while start < size:
        height = (size - start).bit_length() - 1
        subtrees.append(hash_of(height, start >> height))
        start += 1 << height
    if not subtrees:
        return hashlib.sha256(b"").digest()
    root = subtrees.pop()
    while subtrees:
        root = hashlib.sha256(b"\x01" + subtrees.pop() + root).digest()
    return root
