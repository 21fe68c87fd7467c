"""Sets of block numbers as text: `0-4,7`. What a receiver still wants of a part."""

import re
from collections.abc import Iterable

from attache.errors import MalformedInput

MAX_RANGES = 10_000

_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)  # more digits than any part has blocks


def format_ranges(blocks: Iterable[int]) -> str:
    """Ascending ranges, without gaps between neighbours; empty for no blocks."""
    ranges: list[list[int]] = []
    for block in sorted(set(blocks)):
        if ranges and block == ranges[-1][1] + 1:
            ranges[-1][1] = block
        else:
            ranges.append([block, block])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges)


def parse_ranges(text: str, count: int) -> set[int]:
    """The blocks that `format_ranges` wrote, all below `count`; raises MalformedInput for any other text."""
    blocks: set[int] = set()
    pieces = text.split(",") if text else []
    if len(pieces) > MAX_RANGES:
        raise MalformedInput(detail="too many ranges")
    for piece in pieces:
        found = _RANGE.fullmatch(piece)
        if found is None:
            raise MalformedInput(detail="not a range of blocks")
        start, end = int(found[1]), int(found[2] or found[1])
        if not start <= end < count:
            raise MalformedInput(detail="a range outside the part")
        blocks.update(range(start, end + 1))
    if format_ranges(blocks) != text:
        raise MalformedInput(detail="ranges in another order or spelling")
    return blocks
