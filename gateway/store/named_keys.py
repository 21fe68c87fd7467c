"""Finds the data keys that are in use: those of packages that records or log entries are about."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from attache.strict_json import canonical
from gateway.store.key_store import StoredKey
from gateway.store.log_keys import LogKeys
from gateway.store.log_purge import entries_about

_OF_PACKAGES = text(
    "select each.value ->> 0 from json_each(:wanted) each join package on package.package_id = each.value ->> 1"
)
_OF_ARRIVALS = text(
    "select each.value ->> 0 from json_each(:wanted) each cross join arrival"
    " on arrival.originator = each.value ->> 2 and arrival.package_id = each.value ->> 1"
)


def named_keys(connection: Connection, keys: LogKeys, size: int, stored: Sequence[StoredKey]) -> Iterable[StoredKey]:
    """The keys whose package is on record, ours or a partner's, or has log entries with a private side."""

    def found(query: object, wanted: Iterable[Sequence[object]]) -> set[int]:
        return set(connection.execute(query, {"wanted": canonical(list(wanted)).decode()}).scalars())  # type: ignore[call-overload]

    ids = [[each.number, each.package_id, each.originator] for each in stored]
    on_record = found(_OF_PACKAGES, ids) | found(_OF_ARRIVALS, ids)

    def is_logged(each: StoredKey) -> bool:
        return any(sealed for _, _, sealed in entries_about(connection, keys, size, each.package_id))

    return [each for each in stored if each.number in on_record or is_logged(each)]
