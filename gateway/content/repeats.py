"""Does what is left still say what is withheld? Text against text; what somebody has encoded is not looked through."""

import unicodedata
from collections.abc import Iterable, Mapping

from gateway.content.document import Number

MIN_TEXT = 4
MIN_NUMBER = 6
_LONG = 12


def find_repeat(kept: Iterable[str], withheld: Iterable[str]) -> bool:
    """Whether a text that is kept holds a withheld value: a long one anywhere, a short one as words of its own.

    Values of less than MIN_TEXT characters, and numbers of less than MIN_NUMBER, are too common to be told apart.
    """
    wanted = {_folded(value) for value in withheld if len(value) >= (MIN_NUMBER if type(value) is Number else MIN_TEXT)}
    wanted = {value for value in wanted if len(value) >= MIN_TEXT}
    by_start = {
        size: _by_start((v for v in wanted if (len(v) >= _LONG) == (size == _LONG)), size) for size in (MIN_TEXT, _LONG)
    }
    return any(_holds(_folded(text), by_start) for text in set(kept)) if wanted else False


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _by_start(values: Iterable[str], size: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        found.setdefault(value[:size], []).append(value)
    return found


def _holds(text: str, by_start: Mapping[int, Mapping[str, list[str]]]) -> bool:
    for size, starts in by_start.items():
        if not starts:
            continue
        for at in range(len(text) - size + 1):
            for value in starts.get(text[at : at + size], ()):
                if text.startswith(value, at) and (size == _LONG or _is_apart(text, at, at + len(value))):
                    return True
    return False


def _is_apart(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or after.isalnum())
