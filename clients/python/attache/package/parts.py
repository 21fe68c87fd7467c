"""Parts: one stream of bytes each, sealed once under its own key, and opened in constant memory.

While one core encrypts or decrypts, a second one hashes: the ciphertext, for the block tree, and the plaintext, with SHA-256.
The caller gets the last bytes only after the last check.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from attache.crypto import (
    BackgroundSha256,
    Random,
    StreamDecryptor,
    StreamEncryptor,
    generate_key,
)
from attache.errors import NotAuthentic, PayloadTooLarge
from attache.package.blocks import BLOCK_BYTES, BlockTree, VerifiedBlocks, root_of_blocks
from attache.package.steps import Step, at

MAX_PART_BYTES = 1 << 40

_CONTEXT = b"attache-package/1 part"
_PIECE_BYTES = 256 * 1024  # small enough for the allocator to give the same memory again

Octets = bytes  # where a field is called `bytes`


@dataclass(frozen=True)
class SealedPart:
    """A part after sealing: plaintext size and digest, its key, and its ciphertext's size, root and block hashes.

    `sha256` and `ciphertext_root` are lowercase hex; `key` is 32 bytes, secret; `block_hashes` is 32 bytes a block.
    """

    bytes: int
    sha256: str
    key: Octets = field(repr=False)
    ciphertext_bytes: int
    ciphertext_root: str
    block_hashes: Octets = field(repr=False)


class PartSealer:
    """Seals one part as it arrives, in constant memory. Fastest with calls of 1 MiB.

    >>> sealer = PartSealer()
    >>> ciphertext = sealer.update(b"some bytes")
    >>> rest, part = sealer.finish()
    """

    def __init__(self, key: bytes | None = None, *, random: Random = os.urandom) -> None:
        """`key` is for vectors and tests; a key never seals two parts."""
        # protocol P1
        self._key = key or generate_key(random)
        self._encryptor = StreamEncryptor(self._key, _CONTEXT)
        self._plaintext = BackgroundSha256()
        self._tree = BlockTree()
        self._bytes = 0

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take the next bytes; returns the ciphertext that is ready, possibly none. Raises PayloadTooLarge."""
        plaintext = bytes(
            data
        )  # copies a buffer that the caller could change while it is hashed; `bytes` are not copied
        self._bytes += len(plaintext)
        if self._bytes > MAX_PART_BYTES:
            raise PayloadTooLarge(detail="the part is larger than 1 TiB")
        self._plaintext.update(plaintext)
        ciphertext = self._encryptor.update(plaintext)
        self._tree.update(ciphertext)
        return ciphertext

    def finish(self) -> tuple[bytes, SealedPart]:
        """The rest of the ciphertext, and what to state about the part. Call once."""
        rest = self._encryptor.finish()
        self._tree.update(rest)
        hashes = self._tree.finish()
        root = root_of_blocks(hashes)
        sealed = SealedPart(self._bytes, self._plaintext.hexdigest(), self._key, self._tree.bytes, root, hashes)
        return rest, sealed


@dataclass(frozen=True)
class PartStatement:
    """What a verified manifest states about one part; the part's bytes are checked against it."""

    key: Octets = field(repr=False)
    bytes: int
    sha256: str
    ciphertext_bytes: int
    ciphertext_root: str


def open_part(part: PartStatement, ciphertext: Iterable[bytes], block_hashes: bytes | None = None) -> Iterator[bytes]:
    """The plaintext of a part, in pieces of 256 KiB at most, each authentic in its place when it is yielded.

    Steps 7 and 8 of opening. The last piece is yielded only after root, digest and size were verified, so a
    caller that reaches the end without an error has the whole part. With `block_hashes` (untrusted: they are checked
    against the root first) a wrong block is found before it is decrypted, and the error names it.
    Raises NotAuthentic: `block-mismatch` if the ciphertext is not the one that was sealed, `part-mismatch` if it is, but
    does not decrypt to the signed content.
    """
    opening = _PartOpening(part, block_hashes)
    blocks = _in_blocks(ciphertext)
    pending = b""
    for block in blocks:
        opening.take(block)
        for start in range(0, len(block), _PIECE_BYTES):
            try:
                plaintext = opening.decrypt(memoryview(block)[start : start + _PIECE_BYTES])
            except NotAuthentic:
                raise opening.blame(blocks) from None
            if pending:
                yield pending
            pending = plaintext
    pending += opening.finish()
    if pending:
        yield pending


class _PartOpening:
    """The checks of one part, block by block."""

    def __init__(self, part: PartStatement, block_hashes: bytes | None) -> None:
        self._part = part
        self._verified = None if block_hashes is None else _verified_blocks(part, block_hashes)
        self._tree = BlockTree()
        # protocol P1
        self._decryptor = StreamDecryptor(part.key, _CONTEXT)
        self._digest = BackgroundSha256()
        self._index = 0
        self._taken = 0
        self._opened = 0

    def take(self, block: bytes) -> None:
        """Step 7: verifies the block now if the block hashes are known; otherwise `finish` verifies the root over all blocks."""
        self._taken += len(block)
        if self._taken > self._part.ciphertext_bytes:
            raise _wrong_blocks("more ciphertext than was sealed")
        if self._verified is not None:
            with at(Step.BLOCKS):
                self._verified.verify(self._index, block)
        else:
            self._tree.update(block)
        self._index += 1

    def decrypt(self, ciphertext: memoryview) -> bytes:
        plaintext = self._decryptor.update(ciphertext)
        self._opened += len(plaintext)
        self._digest.update(plaintext)
        return plaintext

    def blame(self, rest: Iterable[bytes]) -> NotAuthentic:
        """The reason why a block did not decrypt: the ciphertext is not the sealed one, or the key is wrong."""
        for block in rest:
            self.take(block)
        try:
            self._require_root()
        except NotAuthentic as error:
            return error
        return _wrong_content("the ciphertext does not open with the signed key")

    def finish(self) -> bytes:
        """The last plaintext, after steps 7 and 8 were done for the whole part."""
        self._require_root()
        try:
            last = self._decryptor.finish()
        except NotAuthentic:
            raise _wrong_content("the ciphertext does not open with the signed key") from None
        self._opened += len(last)
        self._digest.update(last)
        # protocol P4
        if self._opened != self._part.bytes or self._digest.hexdigest() != self._part.sha256:
            raise _wrong_content("the content does not have the signed size and digest")
        return last

    def _require_root(self) -> None:
        if self._taken != self._part.ciphertext_bytes:
            raise _wrong_blocks("less ciphertext than was sealed")
        # protocol P2
        if self._verified is None and root_of_blocks(self._tree.finish()) != self._part.ciphertext_root:
            raise _wrong_blocks("the blocks do not lead to the signed root")


def _verified_blocks(part: PartStatement, block_hashes: bytes) -> VerifiedBlocks:
    with at(Step.BLOCKS):
        return VerifiedBlocks(
            block_hashes, ciphertext_bytes=part.ciphertext_bytes, ciphertext_root=part.ciphertext_root
        )


def _wrong_blocks(why: str) -> NotAuthentic:
    return NotAuthentic("block-mismatch", why, step=Step.BLOCKS)


def _wrong_content(why: str) -> NotAuthentic:
    return NotAuthentic("part-mismatch", why, step=Step.CONTENT)


def _in_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of 1 MiB, the last one shorter; chunks that are whole blocks are not copied."""
    gathered = bytearray()
    for chunk in chunks:
        if not gathered and len(chunk) == BLOCK_BYTES:
            yield chunk
            continue
        gathered += chunk
        while len(gathered) >= BLOCK_BYTES:
            yield bytes(gathered[:BLOCK_BYTES])
            del gathered[:BLOCK_BYTES]
    if gathered:
        yield bytes(gathered)
