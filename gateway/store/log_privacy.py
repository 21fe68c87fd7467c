"""The private side of log entries, sealed at rest and bound to its entry."""

from collections.abc import Mapping
from typing import Any

from gateway.exchange.at_rest import Vault
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import Opening, Pseudonyms

_CONTEXT = "log-entry"


def seal_openings(vault: Vault, index: int, openings: tuple[Opening, ...]) -> bytes:
    """The private side of entry `index`."""
    private = {each.group: [each.salt.hex(), each.payload.decode()] for each in openings}
    return vault.seal(private, _CONTEXT, str(index))


def search_columns(fields: Mapping[Group, Mapping[str, Any]], pseudonyms: Pseudonyms) -> dict[str, str | None]:
    """The columns by which searches find what is in the private side."""
    outcome = fields.get(Group.RECORD, {}).get("outcome")
    request = fields.get(Group.PERSON, {}).get("request_id")
    return {"outcome": outcome, "request": None if request is None else pseudonyms.of("request", request)}


def open_openings(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """What `seal_openings` sealed; raises IntegrityLost for another key or index."""
    private = vault.open(sealed, _CONTEXT, str(index))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )
