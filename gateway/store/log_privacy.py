"""The private side of log entries, sealed at rest and bound to its entry.

An entry about a package is sealed under the package's data key, and says under which: one byte, and that key's label.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attache.errors import IntegrityLost
from gateway.exchange.at_rest import PackageVault, Vault
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import Opening, Pseudonyms
from gateway.store.key_shelf import LABEL_BYTES

_CONTEXT = "log-entry"
_OURS, _PACKAGES = b"\x00", b"\x01"


def seal_openings(vault: Vault | PackageVault, index: int, openings: Iterable[Opening]) -> bytes:
    """The private side of entry `index`, under the storage key or a package's data key."""
    private = {each.group: [each.salt.hex(), each.payload.decode()] for each in openings}
    header = _PACKAGES + vault.label if isinstance(vault, PackageVault) else _OURS
    return header + vault.seal(private, _CONTEXT, str(index))


def search_columns(fields: Mapping[Group, Mapping[str, Any]], pseudonyms: Pseudonyms) -> dict[str, str | None]:
    """The columns by which searches find what is in the private side."""
    outcome = fields.get(Group.RECORD, {}).get("outcome")
    request = fields.get(Group.PERSON, {}).get("request_id")
    return {"outcome": outcome, "request": None if request is None else pseudonyms.of("request", request)}


def open_openings(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """What `seal_openings` sealed; raises IntegrityLost for another key or index, Gone where the data key is destroyed."""
    label = label_of(sealed)
    key = vault if label is None else vault.labelled(label)
    private = key.open(sealed[1 + len(label or b"") :], _CONTEXT, str(index))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )


def label_of(sealed: bytes) -> bytes | None:
    """The label of the data key that a private side is sealed under; None for the storage key."""
    if sealed[:1] == _OURS:
        return None
    if sealed[:1] != _PACKAGES:
        raise IntegrityLost(detail="the private side of a log entry does not open", step="at-rest")
    return sealed[1 : 1 + LABEL_BYTES]
