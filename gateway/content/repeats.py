"""Does what is left still say what is withheld? Text against text; what somebody has encoded is not looked through."""

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
"""Characters. Content that was made to take longer is not released."""


def find_repeats(kept: Iterable[str], withheld: Iterable[str]) -> list[int]:
    """Which of the texts that are kept hold a withheld value, by number, the first MAX_FOUND: a long one anywhere, a short one as
    words of its own.

    Values of less than MIN_TEXT characters, and numbers of less than MIN_NUMBER, are too common to be told apart. Letter case,
    width and composition of characters do not count. Raises NotPermitted("redaction-blocked") where that would take too long.
    """
    known = {value for value in withheld if len(value) >= (MIN_NUMBER if type(value) is Number else MIN_TEXT)}
    wanted = {folded for value in known if len(folded := _folded(value)) >= MIN_TEXT}
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
    """The error for what is left and repeats what is not; `places` are where, as paths in what is left."""
    why = "what is left repeats a value that is withheld or masked"
    return NotPermitted("redaction-blocked", why, extra={"places": list(places)})


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _found_each(text: str, wanted: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where the values are, each looked for alone."""
    for value in wanted:
        at = text.find(value)
        while at >= 0:
            yield at, at + len(value)
            at = text.find(value, at + 1)


def _found_by_start(text: str, wanted: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where the values are, all looked for in one pass: by how they start, and then by their lengths."""
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
                raise NotPermitted("redaction-blocked", "too many withheld values begin alike to be looked for")


def _is_apart(text: str, start: int, end: int) -> bool:
    return not (text[max(0, start - 1) : start].isalnum() or text[end : end + 1].isalnum())
