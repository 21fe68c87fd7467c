"""A stream of bytes in pieces of one size, so that each trip to a worker thread carries enough."""

from collections.abc import AsyncIterator

from attache.package import BLOCK_BYTES


async def in_pieces(chunks: AsyncIterator[bytes], size: int = BLOCK_BYTES) -> AsyncIterator[bytes]:
    """The same bytes in pieces of `size`, the last one shorter; holds at most one piece and one chunk."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= size:
            yield bytes(gathered[:size])
            del gathered[:size]
    if gathered:
        yield bytes(gathered)
