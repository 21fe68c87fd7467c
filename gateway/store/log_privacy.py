"""The private side of a log entry: its openings, sealed at rest and bound to the entry. It has one of two forms:

    0x00 || sealed under the storage key
    0x01 || label (16) || length of the rows (4) || rows, sealed under the storage key || the rest,
    sealed under a package's data key

The second form is for entries about packages. A purge removes the rest, so that the first form remains, with the
digests of database rows only: these may also concern other packages.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attache.errors import IntegrityLost
from gateway.exchange.kernel.at_rest import PackageVault, Vault
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import Opening, Pseudonyms
from gateway.store.key_store import LABEL_BYTES

_CONTEXT = "log-entry"
_OURS, _PACKAGES = b"\x00", b"\x01"
_LENGTH_BYTES = 4
_HEADER_BYTES = 1 + LABEL_BYTES + _LENGTH_BYTES


def seal_openings(vault: Vault, index: int, openings: Iterable[Opening], *, of: PackageVault | None = None) -> bytes:
    """The private side of entry `index`. `of` is the vault of the package that the entry is about."""
    if of is None:
        return _OURS + _sealed(vault, index, openings)
    known = list(openings)
    about_rows = [opening for opening in known if opening.group is Group.ROWS]
    rows = _sealed(vault, index, about_rows) if about_rows else b""
    # exchange-log L9
    rest = _sealed(of, index, [opening for opening in known if opening.group is not Group.ROWS])
    return _PACKAGES + of.label + len(rows).to_bytes(_LENGTH_BYTES, "big") + rows + rest


def search_columns(fields: Mapping[Group, Mapping[str, Any]], pseudonyms: Pseudonyms) -> dict[str, str | None]:
    """The search columns with values from the private side."""
    outcome = fields.get(Group.RECORD, {}).get("outcome")
    request = fields.get(Group.PERSON, {}).get("request_id")
    return {"outcome": outcome, "request": None if request is None else pseudonyms.of("request", request)}


def open_openings(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """The openings that `seal_openings` sealed; raises IntegrityLost for another key or index, Gone if the data key is
    destroyed.
    """
    if sealed[:1] == _OURS:
        return _opened(vault, index, sealed[1:])
    label, rows, rest = _split(sealed)
    return _opened(vault.labelled(label), index, rest) + (_opened(vault, index, rows) if rows else ())


def label_of(sealed: bytes) -> bytes | None:
    """The label of the data key that a private side is sealed under; None for the storage key alone."""
    return None if sealed[:1] == _OURS else _split(sealed)[0]


def without_package(sealed: bytes) -> bytes | None:
    """A private side of the second form, without the rest; None if it has no rows. Needs no key."""
    _, rows, _ = _split(sealed)
    return _OURS + rows if rows else None


def _split(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    """Label, rows and rest."""
    if sealed[:1] != _PACKAGES or len(sealed) < _HEADER_BYTES:
        raise IntegrityLost(detail="the private side of a log entry does not open", step="at-rest")
    end = _HEADER_BYTES + int.from_bytes(sealed[1 + LABEL_BYTES : _HEADER_BYTES], "big")
    return sealed[1 : 1 + LABEL_BYTES], sealed[_HEADER_BYTES:end], sealed[end:]


def _sealed(vault: Vault | PackageVault, index: int, openings: Iterable[Opening]) -> bytes:
    private = {each.group.value: [each.salt.hex(), each.payload.decode()] for each in openings}
    return vault.seal(private, _CONTEXT, str(index))


def _opened(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    private = vault.open(sealed, _CONTEXT, str(index))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )
