"""Searching the log: which index serves which question. Answers are in the order of the log, keyset-paged by index."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from gateway.exchange.ports import LogFilter
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store.columns import Instant
from gateway.store.log_tables import LOG_ENTRY

SHORT_TIME_ENTRIES = 4_096
"""Up to so many entries of a span of time are found by time and sorted; of a longer one the log itself is walked."""

_ENTRY = LOG_ENTRY.c


def search(
    connection: Connection, wanted: LogFilter, pseudonyms: Pseudonyms, within: range, limit: int
) -> Sequence[Sequence[Any]]:
    """The first `limit` entries of the indices `within` that the filter wants: index, leaf and private side.

    Costs what it answers, for any one condition alone, and for several what the rarest of those with an index finds.
    """
    query = select(_ENTRY.entry_index, _ENTRY.leaf, _ENTRY.private_sealed).order_by(_ENTRY.entry_index).limit(limit)
    equal = list(_equal(wanted, pseudonyms))
    start, is_short = within.start, False
    if not equal and (wanted.since or wanted.until):
        is_short = _is_short(connection, wanted)
        start = start if is_short or wanted.since is None else max(start, _first_since(connection, wanted.since))
    if is_short:
        query = query.with_hint(LOG_ENTRY, "INDEXED BY log_entry_by_time", "sqlite")
    query = query.where(_ENTRY.entry_index >= start, _ENTRY.entry_index < within.stop, *equal)
    rows: Sequence[Sequence[Any]] = connection.execute(query.where(*_in_time(wanted, by_index=is_short))).all()
    return rows


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


def _is_short(connection: Connection, wanted: LogFilter) -> bool:
    some = _by_time(wanted).limit(SHORT_TIME_ENTRIES + 1).subquery()
    return bool(connection.execute(select(func.count()).select_from(some)).scalar_one() <= SHORT_TIME_ENTRIES)


def _first_since(connection: Connection, since: datetime) -> int:
    """The lowest index of an entry from `since` on. Time and index grow together but for entries that were logged late."""
    some = _by_time(LogFilter(since=since)).order_by(_ENTRY.at).limit(SHORT_TIME_ENTRIES).subquery()
    found = connection.execute(select(func.min(some.c.entry_index))).scalar_one()
    return 0 if found is None else int(found)


def _by_time(wanted: LogFilter) -> Select[Any]:
    query = select(_ENTRY.entry_index).where(*_in_time(wanted, by_index=True))
    return query.with_hint(LOG_ENTRY, "INDEXED BY log_entry_by_time", "sqlite")
