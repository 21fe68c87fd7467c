"""Sets of block numbers as text: `0-4,7`. What a receiver still wants of a part."""

from collections.abc import Iterable

from attache.errors import MalformedInput

MAX_RANGES = 10_000


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
        first, _, last = piece.partition("-")
        if not all(number.isascii() and number.isdigit() and len(number) <= 9 for number in (first, last or first)):  # noqa: PLR2004 -- more than any part has
            raise MalformedInput(detail="not a range of blocks")
        start, end = int(first), int(last or first)
        if not start <= end < count:
            raise MalformedInput(detail="a range outside the part")
        blocks.update(range(start, end + 1))
    return blocks
