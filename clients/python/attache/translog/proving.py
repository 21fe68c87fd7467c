"""Proofs made from stored hashes. RFC 6962 section 2.1.1 (inclusion) and 2.1.2 (consistency)."""

from collections.abc import Callable

from attache.errors import MalformedInput
from attache.translog.merkle import MAX_SIZE, fold

SubtreeHash = Callable[[int, int], bytes]
"""(height, index) -> the hash of that complete subtree. `tiles.TileHashes` is one."""


def prove_inclusion(index: int, size: int, hash_of: SubtreeHash) -> list[bytes]:
    """The path from entry `index` to the root of `size` entries, the leaf's sibling first. O(log size) hashes read."""
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedInput("malformed-proof", f"index {index} is not below the size {size}", step="inclusion")
    return [_range_root(start, end, hash_of) for start, end in _siblings(index, size)]


def prove_consistency(old_size: int, new_size: int, hash_of: SubtreeHash) -> list[bytes]:
    """The proof that the tree of `new_size` extends that of `old_size`; empty from size 0 and between equal sizes."""
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise MalformedInput("malformed-proof", f"size {old_size} is not a size before {new_size}", step="consistency")
    if old_size in (0, new_size):
        return []
    ranges, start, end, is_known_root = [], 0, new_size, True
    while end != old_size:
        split = start + _largest_power_below(end - start)
        if old_size <= split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start, is_known_root = split, False
    if not is_known_root:
        ranges.append((start, end))
    return [_range_root(low, high, hash_of) for low, high in reversed(ranges)]


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves beside the path to `index`, from the leaf up."""
    beside, start, end = [], 0, size
    while end - start > 1:
        split = start + _largest_power_below(end - start)
        if index < split:
            beside.append((split, end))
            end = split
        else:
            beside.append((start, split))
            start = split
    return beside[::-1]


def _range_root(start: int, end: int, hash_of: SubtreeHash) -> bytes:
    """The root over the leaves start..end, where `start` is a multiple of the largest power of two that fits."""
    subtrees = []
    while start < end:
        height = (end - start).bit_length() - 1
        subtrees.append(hash_of(height, start >> height))
        start += 1 << height
    return fold(subtrees)


def _largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 6962's k)."""
    return 1 << ((count - 1).bit_length() - 1)
