"""Log entries as text for people: JSON lines, and CSV in which a spreadsheet evaluates no cell as a formula."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attache.package.instants import instant_text
from attache.strict_json import canonical
from gateway.exchange_log.events import Group
from gateway.exchange_log.leaf import LeafFacts

_GROUPS = tuple(group for group in Group if group is not Group.ROWS)
# exchange-log X1
COLUMNS = ("index", "at", "code", "actor", "package", "partner", *(group.value for group in _GROUPS))

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class OpenedEntry:
    """An entry with the groups that the reader may see, each verified by its opening. Purged groups are absent."""

    index: int
    leaf: LeafFacts
    fields: Mapping[Group, Mapping[str, Any]]


def json_lines(entries: Iterable[OpenedEntry]) -> Iterator[bytes]:
    """One canonical JSON object on each line."""
    for entry in entries:
        fields = {group.value: dict(values) for group, values in entry.fields.items()}
        # exchange-log X1
        shown = {
            "index": entry.index,
            "at": instant_text(entry.leaf.at),
            "code": entry.leaf.code.value,
            "ids": dict(entry.leaf.ids),
        }
        yield canonical(shown | fields) + b"\n"


def csv_header() -> bytes:
    """The first line of a CSV file."""
    return _line(COLUMNS)


def csv_lines(entries: Iterable[OpenedEntry]) -> Iterator[bytes]:
    """CSV lines (RFC 4180), every cell quoted. A group is one cell of JSON,
    empty where the reader may not see it or it was purged.

    A cell that a spreadsheet would evaluate gets an apostrophe in front (CWE-1236).
    """
    for entry in entries:
        ids = (entry.leaf.ids.get(name, "") for name in ("actor", "package", "partner"))
        groups = (canonical(dict(entry.fields[group])).decode() if group in entry.fields else "" for group in _GROUPS)
        yield _line((str(entry.index), instant_text(entry.leaf.at), entry.leaf.code.value, *ids, *groups))


def _line(cells: Iterable[str]) -> bytes:
    return (",".join(_cell(text) for text in cells) + "\r\n").encode()


def _cell(text: str) -> str:
    # exchange-log X2
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    doubled = safe.replace('"', '""')
    return f'"{doubled}"'
