"""Searches of the log by its columns. Results are in the order of the log, paged by index."""

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


def search(connection: Connection, log_filter: LogFilter, pseudonyms: Pseudonyms, within: range, limit: int) -> Rows:
    """The first `limit` entries `within` these indices that match the filter, each as index, leaf and private side.

    `within` must end where the log ends. Candidates come from the listings of full blocks; each row is compared again.
    """
    terms = _terms(log_filter, pseudonyms)
    matching = _FOUND.where(_ONE_OF, *(_ENTRY[kind] == term for kind, term in terms.items()), *_in_time(log_filter))
    candidate_indexes = candidates(connection, terms, log_filter.since, log_filter.until, within)
    found: list[Sequence[Any]] = []
    for indexes in _growing(candidate_indexes, limit):
        found += connection.execute(matching.limit(limit - len(found)), {"indexes": json.dumps(indexes)})
        if len(found) == limit:
            break
    return found


def _growing(candidate_indexes: Iterator[int], first: int) -> Iterator[list[int]]:
    """The candidates in batches that double in size, because most of them may match, or few."""
    size = first
    while batch := list(islice(candidate_indexes, size)):
        yield batch
        size = min(2 * size, _MOST_AT_ONCE)


def _terms(log_filter: LogFilter, pseudonyms: Pseudonyms) -> dict[str, str]:
    """The values that columns must have, by name."""
    terms = {"code": log_filter.code and log_filter.code.value, "outcome": log_filter.outcome}
    named = {
        "actor": log_filter.actor,
        "partner": log_filter.partner,
        "package": log_filter.package_id,
        "request": log_filter.request_id,
    }
    terms |= {kind: name if name is None else pseudonyms.of(kind, name) for kind, name in named.items()}
    return {kind: term for kind, term in terms.items() if term is not None}


def _in_time(log_filter: LogFilter) -> Iterator[ColumnElement[bool]]:
    if log_filter.since is not None:
        yield _ENTRY.at >= literal(log_filter.since, Instant)
    if log_filter.until is not None:
        yield _ENTRY.at < literal(log_filter.until, Instant)
