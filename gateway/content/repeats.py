"""Finds withheld values that a redacted copy still contains. It compares plain texts only:
encoded values are not found.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from attache.errors import NotPermitted
from gateway.content.document import Number

MIN_TEXT = 4
MIN_NUMBER = 6
_LONG = 12
_FEW = 64
MAX_FOUND = 20
_NONE: Mapping[int, set[str]] = {}

MAX_COMPARED = 1 << 28
"""The most characters to compare. Content that needs more is not released."""


def find_repeats(kept: Iterable[str], withheld: Iterable[str]) -> list[int]:
    """The numbers of the kept texts that contain a withheld value, at most MAX_FOUND of them.

    A value of 12 characters or more is found anywhere; a shorter one only as separate words. Values of fewer than
    MIN_TEXT characters, and numbers of fewer than MIN_NUMBER, are too common and are not looked for. Letter case, width
    and composition of characters are ignored. Raises
    NotPermitted("redaction-blocked") where the search would take too long.
    """
    values = {value for value in withheld if len(value) >= (MIN_NUMBER if type(value) is Number else MIN_TEXT)}
    wanted = {folded for value in values if len(folded := _folded(value)) >= MIN_TEXT}
    if not wanted:
        return []
    texts = [_folded(each) for each in kept]
    text = "\x00".join(texts)
    begins = list(accumulate((len(each) + 1 for each in texts), initial=0))
    places = _found_each if len(wanted) <= _FEW else _found_by_start
    found: set[int] = set()
    for at, end in places(text, wanted):
        if end - at >= _LONG or _is_apart(text, at, end):
            found.add(bisect_right(begins, at) - 1)
        if len(found) >= MAX_FOUND:
            break
    return sorted(found)


def blocked(places: Sequence[str]) -> NotPermitted:
    """The error for a redacted copy that repeats withheld values at these places (paths in the copy)."""
    detail = "the redacted copy repeats a value that is withheld or masked"
    return NotPermitted("redaction-blocked", detail, extra={"places": list(places)})


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _found_each(text: str, wanted: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The ranges of all values in the text, by one search for each value."""
    for value in wanted:
        at = text.find(value)
        while at >= 0:
            yield at, at + len(value)
            at = text.find(value, at + 1)


def _found_by_start(text: str, wanted: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The ranges of all values in the text, by one pass: compared by their first characters, then by their lengths."""
    compared = 0
    for size in (MIN_TEXT, _LONG):
        starts: dict[str, dict[int, set[str]]] = {}
        for value in wanted:
            if (len(value) >= _LONG) == (size == _LONG):
                starts.setdefault(value[:size], {}).setdefault(len(value), set()).add(value)
        for at in range(len(text) - size + 1 if starts else 0):
            for length, values in starts.get(text[at : at + size], _NONE).items():
                compared += length
                if text[at : at + length] in values:
                    yield at, at + length
            if compared > MAX_COMPARED:
                raise NotPermitted(
                    "redaction-blocked", "too many withheld values start with the same characters to be searched for"
                )


def _is_apart(text: str, start: int, end: int) -> bool:
    return not (text[max(0, start - 1) : start].isalnum() or text[end : end + 1].isalnum())
