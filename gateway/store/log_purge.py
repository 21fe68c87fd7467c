"""Purge of log entries: removes their private side except the digests of database rows. Leaves, tree and proofs do not
change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, update

from attache.package.ids import PackageId
from gateway.exchange.kernel.ports import LogFilter, PurgedEntries
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import parse_leaf
from gateway.store.log_blocks import list_again
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import label_of, without_package
from gateway.store.log_search import search
from gateway.store.log_tables import LOG_ENTRY

AT_ONCE = 500

_ENTRY = LOG_ENTRY.c
_BLANK = (
    update(LOG_ENTRY)
    .where(_ENTRY.entry_index == bindparam("which"))
    # exchange-log P1: the leaf does not change
    .values(private_sealed=bindparam("kept"), outcome=None, request=None)
)


@dataclass(frozen=True)
class PurgedEntry:
    """The remaining private side of an entry, and the groups that it lost."""

    kept: bytes | None
    groups: frozenset[str]


def purge_entries(
    connection: Connection, keys: LogKeys, size: int, package_id: PackageId, label: bytes
) -> PurgedEntries:
    """Purge those of the first `size` entries that are sealed under the package's data key."""
    found = PurgedEntries()
    for index, leaf, sealed in entries_about(connection, keys, size, package_id):
        purged = purged_entry(leaf, sealed, label)
        if purged is not None:
            connection.execute(_BLANK, {"which": index, "kept": purged.kept})
            found = found.with_entry(index, purged.groups)
    list_again(connection, found.indexes)
    return found


def entries_about(connection: Connection, keys: LogKeys, size: int, package_id: PackageId) -> Iterator[Sequence[Any]]:
    """Index, leaf and private side of every entry about a package, in order."""
    wanted, start = LogFilter(package_id=package_id), 0
    while page := search(connection, wanted, keys.pseudonyms, range(start, size), AT_ONCE):
        yield from page
        start = page[-1][0] + 1


def purged_entry(leaf: bytes, sealed: bytes | None, label: bytes) -> PurgedEntry | None:
    """The entry after the purge; None if it is not sealed under the data key with this label."""
    if not sealed or label_of(sealed) != label:
        return None
    # exchange-log L8
    return PurgedEntry(without_package(sealed), frozenset(parse_leaf(leaf).commitments) - {Group.ROWS.value})
