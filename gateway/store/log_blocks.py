"""Listings of full blocks of the log, for searches: the time span of a block, and for each term the entries that have
it.

The listings of a block are written once, in the transaction that fills the block. So appending an entry updates no
index, however large the log is; and a search for several terms intersects short listings, however many entries each
term has.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from attache.errors import IntegrityLost
from gateway.store.log_tables import LOG_BLOCK, LOG_ENTRY, LOG_LISTING

BLOCK_ENTRIES = 4096
LISTED = ("code", "actor", "package", "partner", "outcome", "request")
"""The columns of an entry by which searches select."""

_WINDOW = 64
_ENTRY, _BLOCK, _LISTING = LOG_ENTRY.c, LOG_BLOCK.c, LOG_LISTING.c

_IN_BLOCK = (_ENTRY.entry_index >= bindparam("start"), _ENTRY.entry_index < bindparam("end"))
_TERMS = select(*(_ENTRY[kind] for kind in LISTED)).where(*_IN_BLOCK).order_by(_ENTRY.entry_index)
_SPAN = select(func.min(_ENTRY.at), func.max(_ENTRY.at)).where(*_IN_BLOCK)
_STORED = select(_LISTING.kind, _LISTING.term, _LISTING.members).where(_LISTING.block == bindparam("block"))
_STORED_SPAN = select(_BLOCK.first_at, _BLOCK.last_at).where(_BLOCK.block == bindparam("block"))
_MEMBERS = select(_LISTING.block, _LISTING.members).where(
    _LISTING.block.in_(select(func.json_each(bindparam("blocks")).table_valued("value").c.value)),
    _LISTING.kind == bindparam("kind"),
    _LISTING.term == bindparam("term"),
)
_FORGET_BLOCK = delete(LOG_BLOCK).where(_BLOCK.block == bindparam("listed"))
_FORGET_LISTINGS = delete(LOG_LISTING).where(_LISTING.block == bindparam("listed"))


def list_blocks(connection: Connection, before: int, size: int) -> None:
    """List the blocks that became full when the log grew from `before` to `size`. Their entries must be written
    already.
    """
    for block in range(before // BLOCK_ENTRIES, size // BLOCK_ENTRIES):
        _list(connection, block)


def list_missing(connection: Connection, size: int) -> None:
    """List the full blocks that an earlier version, without listings, has written."""
    listed = connection.execute(select(func.count()).select_from(LOG_BLOCK)).scalar_one()
    list_blocks(connection, listed * BLOCK_ENTRIES, size)


def list_again(connection: Connection, indexes: Iterable[int]) -> None:
    """Write the listings again for the full blocks with these entries, whose private side was destroyed in the same
    transaction.
    """
    for block in sorted({index // BLOCK_ENTRIES for index in indexes}):
        if connection.execute(_FORGET_BLOCK, {"listed": block}).rowcount:
            connection.execute(_FORGET_LISTINGS, {"listed": block})
            _list(connection, block)


def verify_blocks(connection: Connection, before: int, size: int) -> None:
    """Raise IntegrityLost if the listings of a block that became full between the two sizes differ from its rows."""
    for block in range(before // BLOCK_ENTRIES, size // BLOCK_ENTRIES):
        span, listings = _listings(connection, block)
        stored = {(kind, term): members for kind, term, members in connection.execute(_STORED, {"block": block})}
        stored_span = connection.execute(_STORED_SPAN, {"block": block}).one_or_none()
        if listings != stored or stored_span is None or tuple(stored_span) != span:
            raise IntegrityLost(detail=f"the listings of block {block} differ from its entries", step="log-audit")


def candidates(
    connection: Connection, terms: Mapping[str, str], since: datetime | None, until: datetime | None, within: range
) -> Iterator[int]:
    """The indices `within` of entries that may have all `terms` (by column) and may be in the time span, in ascending
    order.

    No matching entry is omitted, but others may be included: all entries after the last full block, and entries with
    the terms in blocks that are only partly in the time span. `within` must end where the log ends.
    """
    full = within.stop // BLOCK_ENTRIES
    for first in range(within.start // BLOCK_ENTRIES, full, _WINDOW):
        blocks = range(first, min(first + _WINDOW, full))
        for block, members in _matching(connection, terms, since, until, blocks):
            start = block * BLOCK_ENTRIES
            yield from (start + n for n in _ones(members, within.start - start))
    yield from range(max(within.start, full * BLOCK_ENTRIES), within.stop)


def _matching(
    connection: Connection, terms: Mapping[str, str], since: datetime | None, until: datetime | None, blocks: range
) -> Iterator[tuple[int, int]]:
    """The blocks that may contain matches, each with a bit field of the entries that may match."""
    found = dict.fromkeys(blocks, (1 << BLOCK_ENTRIES) - 1)
    if since is not None or until is not None:
        in_time = select(_BLOCK.block).where(*_overlaps(since, until, blocks))
        found = {block: found[block] for block in connection.execute(in_time.order_by(_BLOCK.block)).scalars()}
    for kind, term in terms.items():
        parameters = {"blocks": str([*found]), "kind": kind, "term": term}
        rows = connection.execute(_MEMBERS, parameters)
        found = {block: both for block, members in rows if (both := found[block] & _bits(members))}
    return iter(sorted(found.items()))


def _overlaps(since: datetime | None, until: datetime | None, blocks: range) -> Iterator[ColumnElement[bool]]:
    yield _BLOCK.block >= blocks.start
    yield _BLOCK.block < blocks.stop
    if since is not None:
        yield _BLOCK.last_at >= since
    if until is not None:
        yield _BLOCK.first_at < until


def _list(connection: Connection, block: int) -> None:
    (first_at, last_at), listings = _listings(connection, block)
    connection.execute(insert(LOG_BLOCK), {"block": block, "first_at": first_at, "last_at": last_at})
    connection.execute(
        insert(LOG_LISTING),
        [
            {"block": block, "kind": kind, "term": term, "members": members}
            for (kind, term), members in listings.items()
        ],
    )


def _listings(connection: Connection, block: int) -> tuple[tuple[datetime, datetime], dict[tuple[str, str], bytes]]:
    """The time span and the listings of a full block, computed from its rows."""
    entries = {"start": block * BLOCK_ENTRIES, "end": (block + 1) * BLOCK_ENTRIES}
    columns = zip(*connection.execute(_TERMS, entries), strict=True)
    listings = {
        (kind, term): _encoded(numbers)
        for kind, column in zip(LISTED, columns, strict=True)
        for term, numbers in _numbers_of(column).items()
    }
    first_at, last_at = connection.execute(_SPAN, entries).one()
    return (first_at, last_at), listings


def _numbers_of(column: Iterable[str | None]) -> dict[str, list[int]]:
    """The positions of each term in the column."""
    numbers: dict[str | None, list[int]] = defaultdict(list)
    for number, term in enumerate(column):
        numbers[term].append(number)
    return {term: found for term, found in numbers.items() if term is not None}


def _encoded(numbers: list[int]) -> bytes:
    """The members as 16-bit numbers, or as one bit for each entry of the block where that is not larger."""
    if 2 * len(numbers) < BLOCK_ENTRIES // 8:
        return struct.pack(f"<{len(numbers)}H", *numbers)
    return _bit_field(numbers)


def _bits(members: bytes) -> int:
    if len(members) < BLOCK_ENTRIES // 8:
        members = _bit_field(struct.unpack(f"<{len(members) // 2}H", members))
    return int.from_bytes(members, "little")


def _bit_field(numbers: Iterable[int]) -> bytes:
    field = bytearray(BLOCK_ENTRIES // 8)
    for number in numbers:
        field[number >> 3] |= 1 << (number & 7)
    return bytes(field)


def _ones(bits: int, start: int) -> Iterator[int]:
    """The positions of the one bits from `start` on, in ascending order."""
    place = max(0, start)
    bits >>= place
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        place += zeros
        yield place
        place += 1
        bits >>= zeros + 1
