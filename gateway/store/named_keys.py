"""Which of the shelf's data keys something on record was sealed under."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from attache.strict_json import canonical
from gateway.store.key_store import StoredKey
from gateway.store.log_keys import LogKeys
from gateway.store.log_purge import entries_about

_OF_PACKAGES = text(
    "select each.value ->> 0 from json_each(:asked) each join package on package.package_id = each.value ->> 1"
)
_OF_ARRIVALS = text(
    "select each.value ->> 0 from json_each(:asked) each cross join arrival"
    " on arrival.originator = each.value ->> 2 and arrival.package_id = each.value ->> 1"
)


def named_keys(connection: Connection, keys: LogKeys, size: int, shelved: Sequence[StoredKey]) -> Iterable[StoredKey]:
    """Those whose package is on record, ours or a partner's; or of which, without one, the log says something."""

    def found(query: object, asked: Iterable[Sequence[object]]) -> set[int]:
        return set(connection.execute(query, {"asked": canonical(list(asked)).decode()}).scalars())  # type: ignore[call-overload]

    places = [[each.number, each.package_id, each.originator] for each in shelved]
    named = found(_OF_PACKAGES, places) | found(_OF_ARRIVALS, places)

    def is_logged(each: StoredKey) -> bool:
        return any(sealed for _, _, sealed in entries_about(connection, keys, size, each.package_id))

    return [each for each in shelved if each.number in named or is_logged(each)]
