"""Purging log entries: their private side goes, but for the digests of database rows; leaf, tree and proofs stay as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from gateway.exchange.ports import PurgedEntries
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import parse_leaf
from gateway.store.log_keys import LogKeys
from gateway.store.log_privacy import label_of, without_package
from gateway.store.log_tables import LOG_ENTRY

_ENTRY = LOG_ENTRY.c
_ABOUT = (
    select(_ENTRY.entry_index, _ENTRY.leaf, _ENTRY.package, _ENTRY.private_sealed)
    .where(_ENTRY.package == bindparam("about"), _ENTRY.private_sealed.is_not(None))
    .order_by(_ENTRY.entry_index)
)
_BLANK = (
    update(LOG_ENTRY)
    .where(_ENTRY.entry_index == bindparam("which"))
    .values({name: bindparam(name) for name in ("private_sealed", "outcome", "request")})
)


@dataclass(frozen=True)
class PurgedEntry:
    """What an entry's columns are from now on, and the groups that it lost."""

    columns: Mapping[str, Any]
    groups: frozenset[str]


def purge_entries(connection: Connection, keys: LogKeys, package_id: str, label: bytes) -> PurgedEntries:
    """Purge every stored entry that is sealed under the package's data key."""
    found = PurgedEntries()
    about = keys.pseudonyms.of("package", package_id)
    for row in connection.execute(_ABOUT, {"about": about}).mappings().all():
        purged = purged_entry(keys, row, package_id, label)
        if purged is not None:
            connection.execute(_BLANK, {"which": row["entry_index"], **purged.columns})
            found = found.with_entry(row["entry_index"], purged.groups)
    return found


def purged_entry(keys: LogKeys, row: Mapping[Any, Any], package_id: str, label: bytes) -> PurgedEntry | None:
    """An entry without its private side, but for the digests of rows; None for one that is not under this data key."""
    sealed = row["private_sealed"]
    if row["package"] != keys.pseudonyms.of("package", package_id) or not sealed or label_of(sealed) != label:
        return None
    columns = {"private_sealed": without_package(sealed), "outcome": None, "request": None}
    return PurgedEntry(columns, frozenset(parse_leaf(row["leaf"]).commitments) - {Group.ROWS.value})
