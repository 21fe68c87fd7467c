"""Searching the log: which index serves which question. Answers are in the order of the log, keyset-paged by index."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, select

from gateway.exchange.ports import LogFilter
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store.columns import Instant
from gateway.store.log_tables import LOG_ENTRY

SPAN_ENTRIES = 50_000
"""Up to so many entries of a span of time its first and last index are known exactly; of a longer one the first alone."""

_ENTRY = LOG_ENTRY.c


def search(
    connection: Connection, wanted: LogFilter, pseudonyms: Pseudonyms, within: range, limit: int
) -> Sequence[Sequence[Any]]:
    """The first `limit` entries of the indices `within` that the filter wants: index, leaf and private side."""
    if wanted.since is not None or wanted.until is not None:
        within = _narrowed(connection, wanted, within)
    query = (
        select(_ENTRY.entry_index, _ENTRY.leaf, _ENTRY.private_sealed)
        .where(_ENTRY.entry_index >= within.start, _ENTRY.entry_index < within.stop)
        .where(*_equal(wanted, pseudonyms), *_in_time(wanted, by_index=False))
        .order_by(_ENTRY.entry_index)
        .limit(limit)
    )
    rows: Sequence[Sequence[Any]] = connection.execute(query).all()
    return rows


def _narrowed(connection: Connection, wanted: LogFilter, within: range) -> range:
    """The indices that a span of time can have. Time and index grow together, but for entries that were logged late.

    Reads the index on time alone. Beyond SPAN_ENTRIES the first index is the lowest of the span's earliest entries: one that was
    logged before all of them happened after them would be missed, and there is none, for nothing is logged before it happens.
    """
    some = (
        select(_ENTRY.entry_index)
        .where(*_in_time(wanted, by_index=True))
        .order_by(_ENTRY.at)
        .limit(SPAN_ENTRIES + 1)
        .with_hint(LOG_ENTRY, "INDEXED BY log_entry_by_time", "sqlite")
        .subquery()
    )
    index = some.c.entry_index
    count, first, last = connection.execute(select(func.count(), func.min(index), func.max(index))).one()
    if not count:
        return range(within.start, within.start)
    stop = last + 1 if count <= SPAN_ENTRIES else within.stop
    return range(max(within.start, first), min(within.stop, stop))


def _equal(wanted: LogFilter, pseudonyms: Pseudonyms) -> Iterator[ColumnElement[bool]]:
    if wanted.code is not None:
        yield _ENTRY.code == wanted.code.value
    if wanted.outcome is not None:
        yield _ENTRY.outcome == wanted.outcome
    named = {
        "actor": wanted.actor,
        "package": wanted.package_id,
        "partner": wanted.partner,
        "request": wanted.request_id,
    }
    for kind, name in named.items():
        if name is not None:
            yield _ENTRY[kind] == pseudonyms.of(kind, name)


def _in_time(wanted: LogFilter, *, by_index: bool) -> Iterator[ColumnElement[bool]]:
    """The span of time; written so that SQLite uses the index on time, or does not."""
    at: ColumnElement[datetime] = _ENTRY.at if by_index else func.coalesce(_ENTRY.at, None, type_=Instant)
    if wanted.since is not None:
        yield at >= literal(wanted.since, Instant)
    if wanted.until is not None:
        yield at < literal(wanted.until, Instant)
