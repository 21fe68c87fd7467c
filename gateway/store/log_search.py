"""Searching the log for what its columns say. Answers are in the order of the log, keyset-paged by index."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal, select

from gateway.exchange.kernel.ports import LogFilter
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store.columns import Instant
from gateway.store.log_blocks import candidates
from gateway.store.log_tables import LOG_ENTRY

_ENTRY = LOG_ENTRY.c
_FOUND = select(_ENTRY.entry_index, _ENTRY.leaf, _ENTRY.private_sealed).order_by(_ENTRY.entry_index)
_ONE_OF = _ENTRY.entry_index.in_(select(func.json_each(bindparam("indexes")).table_valued("value").c.value))

_MOST_AT_ONCE = 4096

Rows = Sequence[Sequence[Any]]


def search(connection: Connection, wanted: LogFilter, pseudonyms: Pseudonyms, within: range, limit: int) -> Rows:
    """The first `limit` entries of the indices `within`, which end where the log does, that the filter wants.

    Each as index, leaf and private side. The listings of full blocks say which entries may be wanted;
    every row is looked at again.
    """
    terms = _terms(wanted, pseudonyms)
    matching = _FOUND.where(_ONE_OF, *(_ENTRY[kind] == term for kind, term in terms.items()), *_in_time(wanted))
    coming = candidates(connection, terms, wanted.since, wanted.until, within)
    found: list[Sequence[Any]] = []
    for indexes in _growing(coming, limit):
        found += connection.execute(matching.limit(limit - len(found)), {"indexes": json.dumps(indexes)})
        if len(found) == limit:
            break
    return found


def _growing(coming: Iterator[int], first: int) -> Iterator[list[int]]:
    """What comes, in pieces that double: most of it is wanted, or little of it."""
    size = first
    while piece := list(islice(coming, size)):
        yield piece
        size = min(2 * size, _MOST_AT_ONCE)


def _terms(wanted: LogFilter, pseudonyms: Pseudonyms) -> dict[str, str]:
    """What the columns must hold, by name."""
    terms = {"code": wanted.code and wanted.code.value, "outcome": wanted.outcome}
    named = {
        "actor": wanted.actor,
        "partner": wanted.partner,
        "package": wanted.package_id,
        "request": wanted.request_id,
    }
    terms |= {kind: name if name is None else pseudonyms.of(kind, name) for kind, name in named.items()}
    return {kind: term for kind, term in terms.items() if term is not None}


def _in_time(wanted: LogFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield _ENTRY.at >= literal(wanted.since, Instant)
    if wanted.until is not None:
        yield _ENTRY.at < literal(wanted.until, Instant)
