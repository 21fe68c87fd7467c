"""Searching for sealed facts. A record keeps a keyed digest of such a fact: it can be compared,
and says nothing without the key.

Equal facts of one gateway have equal digests, so the database shows which packages have a fact in common, and not which
fact. A digest is destroyed with the content of its package.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel

from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import SEARCH, Record, marks_of, names_of

R = TypeVar("R", bound=Record)

_SUFFIX = "_digest"


def searchable(agency: Agency, record: R, facts: BaseModel) -> R:
    """The record with the digest of each fact that it is searched by."""
    return _with(record, _digests(agency, type(record), facts))


def unsearchable(record: R) -> R:
    """The record without these digests."""
    return _with(record, dict.fromkeys(_columns(type(record)).values()))


def wanted_digests(agency: Agency, kind: type[Record], wanted: BaseModel) -> Mapping[str, str]:
    """The digests that records of this class have where they fit all members of `wanted` that are given."""
    return {name: digest for name, digest in _digests(agency, kind, wanted).items() if digest is not None}


def _digests(agency: Agency, kind: type[Record], facts: BaseModel) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for fact, column in _columns(kind).items():
        value = getattr(facts, fact)
        found[column] = None if value is None else agency.pseudonyms.of(f"{kind.TABLE} {fact}", value)
    return found


def _columns(kind: type[Record]) -> Mapping[str, str]:
    """The column of each fact that records of the class are searched by."""
    return {name.removesuffix(_SUFFIX): name for name, hint in names_of(kind).items() if SEARCH in marks_of(hint)}


def _with(record: R, changed: Mapping[str, Any]) -> R:
    return replace(record, **changed)
