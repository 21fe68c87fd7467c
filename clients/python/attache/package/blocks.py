"""The block tree: the RFC 6962 Merkle tree (SHA-256) over a ciphertext in blocks of 1 MiB.

Its root is signed. With the blocks' hashes, which are checked against the root, every block can be verified on
arrival and fetched again alone. A ciphertext is never empty, so neither is its tree.
"""

import hashlib
from collections.abc import Sequence

from attache.errors import MalformedInput, NotAuthentic

BLOCK_BYTES = 1 << 20
HASH_BYTES = 32


def leaf_hash(block: bytes | memoryview) -> bytes:
    """SHA-256(0x00 || block) (RFC 6962, 2.1)."""
    digest = hashlib.sha256(b"\x00")
    digest.update(block)
    return digest.digest()


def root_of_leaf_hashes(hashes: Sequence[bytes]) -> bytes:
    """The Merkle tree head over leaf hashes (RFC 6962, 2.1)."""
    stack: list[tuple[int, bytes]] = []  # perfect subtrees (leaves, root), largest first
    for leaf in hashes:
        size, node = 1, leaf
        while stack and stack[-1][0] == size:
            size, node = 2 * size, _node_hash(stack.pop()[1], node)
        stack.append((size, node))
    if not stack:
        return hashlib.sha256(b"").digest()
    node = stack.pop()[1]
    while stack:
        node = _node_hash(stack.pop()[1], node)
    return node


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class BlockTree:
    """Builds the block tree of a ciphertext as it streams, in pieces of any size; keeps hashes only."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        self._block = hashlib.sha256(b"\x00")
        self._filled = 0
        self.bytes = 0

    def update(self, data: bytes | memoryview) -> None:
        """The next bytes of the ciphertext."""
        view = memoryview(data)
        self.bytes += len(view)
        while view:
            piece = view[: BLOCK_BYTES - self._filled]
            self._block.update(piece)
            self._filled += len(piece)
            view = view[len(piece) :]
            if self._filled == BLOCK_BYTES:
                self._close_block()

    def finish(self) -> bytes:
        """The hashes of all blocks, 32 bytes each. Call once, after the last bytes."""
        if self._filled:
            self._close_block()
        return bytes(self._hashes)

    def _close_block(self) -> None:
        self._hashes += self._block.digest()
        self._block = hashlib.sha256(b"\x00")
        self._filled = 0


def block_count(ciphertext_bytes: int) -> int:
    """How many blocks a ciphertext of that length has; the last may be short."""
    return -(-ciphertext_bytes // BLOCK_BYTES)


def root_of_blocks(hashes: bytes) -> str:
    """The root, as hex, over the concatenated block hashes that `BlockTree.finish` returns."""
    return root_of_leaf_hashes(_split(hashes)).hex()


class VerifiedBlocks:
    """The hashes of a ciphertext's blocks, proven to lead to the signed root."""

    def __init__(self, hashes: bytes, *, ciphertext_bytes: int, ciphertext_root: str) -> None:
        """Raises MalformedInput if their number does not fit the length, NotAuthentic("block-mismatch") for another root."""
        if len(hashes) != HASH_BYTES * block_count(ciphertext_bytes):
            raise MalformedInput("malformed-package", "not one hash for each block")
        # protocol P3
        if root_of_blocks(hashes) != ciphertext_root:
            raise NotAuthentic("block-mismatch", "the block hashes do not lead to the signed root")
        self._hashes = _split(hashes)
        self._ciphertext_bytes = ciphertext_bytes

    def __len__(self) -> int:
        return len(self._hashes)

    def verify(self, index: int, block: bytes | memoryview) -> None:
        """Raises NotAuthentic("block-mismatch") unless `block` is the whole block `index`."""
        if not 0 <= index < len(self._hashes):
            raise NotAuthentic("block-mismatch", "no block of that index")
        expected_bytes = min(BLOCK_BYTES, self._ciphertext_bytes - index * BLOCK_BYTES)
        # protocol P3
        if len(block) != expected_bytes or leaf_hash(block) != self._hashes[index]:
            raise NotAuthentic(
                "block-mismatch", f"block {index} is not the one that was sealed", extra={"block": index}
            )


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]
