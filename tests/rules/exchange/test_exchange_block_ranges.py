"""Block numbers as text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import MalformedInput
from gateway.exchange.kernel.block_ranges import MAX_RANGES, format_ranges, parse_ranges

COUNT = 3000
BLOCKS = st.sets(st.integers(0, COUNT - 1), max_size=60)


@given(BLOCKS)
def test_what_is_written_is_read(blocks):
    assert parse_ranges(format_ranges(blocks), COUNT) == blocks


@given(BLOCKS)
def test_the_text_is_shortest_and_ascending(blocks):
    text = format_ranges([*blocks, *blocks])
    pieces = [tuple(map(int, piece.split("-"))) for piece in text.split(",") if piece]
    assert all(before[-1] + 1 < after[0] for before, after in itertools.pairwise(pieces))
    assert all(len(piece) == 1 or piece[0] < piece[1] for piece in pieces)


@given(st.text(alphabet="0123456789-, ²٣x", max_size=30) | st.text(max_size=10), st.integers(0, 50))
def test_any_text_is_blocks_or_malformed_input(text, count):
    try:
        blocks = parse_ranges(text, count)
    except MalformedInput:
        return
    assert blocks <= set(range(count))
    assert format_ranges(blocks) == text


@pytest.mark.parametrize(
    "text",
    [
        "5-3",
        "5",
        "0-5",
        "a",
        "-",
        "1-",
        "-1",
        "1--2",
        "0,,1",
        ",",
        "0,1",
        "2,0",
        "00",
        "1-1",
        "0-2,1",
        " 1",
        "+1",
        "²",
        "0000000000",
        ",".join(["0"] * (MAX_RANGES + 1)),
    ],
)
def test_not_ranges_of_five_blocks(text):
    with pytest.raises(MalformedInput):
        parse_ranges(text, 5)


def test_no_blocks_are_no_text():
    assert format_ranges([]) == ""
    assert parse_ranges("", 0) == set()
