"""Purging log entries: their private side goes, but for the digests of database rows; leaf, tree and proofs stay as they are."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from gateway.exchange.ports import PurgedEntries
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import parse_leaf
from gateway.store.log_blocks import list_again
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import label_of, without_package
from gateway.store.log_tables import LOG_ENTRY

_ENTRY = LOG_ENTRY.c
_ABOUT = (
    select(_ENTRY.entry_index, _ENTRY.leaf, _ENTRY.private_sealed)
    .where(_ENTRY.package == bindparam("about"), _ENTRY.private_sealed.is_not(None))
    .order_by(_ENTRY.entry_index)
)
_BLANK = (
    update(LOG_ENTRY)
    .where(_ENTRY.entry_index == bindparam("which"))
    .values(private_sealed=bindparam("kept"), outcome=None, request=None)
)


@dataclass(frozen=True)
class PurgedEntry:
    """What is left of an entry's private side, and the groups that it lost."""

    kept: bytes | None
    groups: frozenset[str]


def purge_entries(connection: Connection, keys: LogKeys, package_id: str, label: bytes) -> PurgedEntries:
    """Purge every stored entry that is sealed under the package's data key."""
    found = PurgedEntries()
    about = keys.pseudonyms.of("package", package_id)
    for index, leaf, sealed in connection.execute(_ABOUT, {"about": about}).all():
        purged = purged_entry(leaf, sealed, label)
        if purged is not None:
            connection.execute(_BLANK, {"which": index, "kept": purged.kept})
            found = found.with_entry(index, purged.groups)
    list_again(connection, found.indexes)
    return found


def purged_entry(leaf: bytes, sealed: bytes | None, label: bytes) -> PurgedEntry | None:
    """An entry without its private side, but for the digests of rows; None for one that is not under the data key with this label."""
    if not sealed or label_of(sealed) != label:
        return None
    return PurgedEntry(without_package(sealed), frozenset(parse_leaf(leaf).commitments) - {Group.ROWS.value})
