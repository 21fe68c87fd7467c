"""Which of the shelf's data keys something on record was sealed under."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from attache.strict_json import canonical
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store.key_shelf import Shelved

_OF_PACKAGES = text(
    "select each.value ->> 0 from json_each(:asked) each join package on package.package_id = each.value ->> 1"
)
_OF_ARRIVALS = text(
    "select each.value ->> 0 from json_each(:asked) each cross join arrival"
    " on arrival.originator = each.value ->> 2 and arrival.package_id = each.value ->> 1"
)
_OF_ENTRIES = text(
    "select each.value ->> 0 from json_each(:asked) each where exists"
    " (select 1 from log_entry where package = each.value ->> 1 and private_sealed is not null)"
)


def named_keys(connection: Connection, pseudonyms: Pseudonyms, shelved: Sequence[Shelved]) -> Iterable[Shelved]:
    """Those whose package is on record, ours or a partner's; or of which, without one, the log says something."""

    def found(query: object, asked: Iterable[Sequence[object]]) -> set[int]:
        return set(connection.execute(query, {"asked": canonical(list(asked)).decode()}).scalars())  # type: ignore[call-overload]

    places = [[each.number, each.package_id, each.originator] for each in shelved]
    named = found(_OF_PACKAGES, places) | found(_OF_ARRIVALS, places)
    others = [each for each in shelved if each.number not in named]
    named |= found(_OF_ENTRIES, ([each.number, pseudonyms.of("package", each.package_id)] for each in others))
    return [each for each in shelved if each.number in named]
