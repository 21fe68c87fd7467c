"""Purging log entries: their private side goes, but for the digests of database rows; leaf, tree and proofs stay as they are."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.exchange.ports import PurgedEntries
from gateway.exchange_log import Group
from gateway.store.log_blocks import list_again
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import label_of, open_openings, seal_openings
from gateway.store.log_rows import EntryRow
from gateway.store.log_tables import LOG_ENTRY

_ENTRY = LOG_ENTRY.c
_ABOUT = (
    select(_ENTRY.entry_index, _ENTRY.package, _ENTRY.private_sealed)
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
    for row in connection.execute(_ABOUT, {"about": about}).all():
        purged = purged_entry(keys, row, package_id, label)
        if purged is not None:
            connection.execute(_BLANK, {"which": row.entry_index, "kept": purged.kept})
            found = found.with_entry(row.entry_index, purged.groups)
    list_again(connection, found.indexes)
    return found


def purged_entry(
    keys: LogKeys, row: "EntryRow | Row[Any, Any, Any]", package_id: str, label: bytes
) -> PurgedEntry | None:
    """An entry without its private side; None for one that is not under this data key. Row digests go under the storage key."""
    index, sealed = row.entry_index, row.private_sealed
    if row.package != keys.pseudonyms.of("package", package_id) or not sealed or label_of(sealed) != label:
        return None
    openings = open_openings(keys.vault, index, sealed)
    kept = [opening for opening in openings if opening.group is Group.ROWS]
    lost = frozenset(each.group.value for each in openings if each.group is not Group.ROWS)
    return PurgedEntry(seal_openings(keys.vault, index, kept) if kept else None, lost)
