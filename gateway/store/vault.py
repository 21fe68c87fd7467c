"""Sealing of what the log keeps privately."""

from typing import Protocol

from attache import strict_json
from gateway.exchange_log import Opening
from gateway.exchange_log.events import Group


class Vault(Protocol):
    """Authenticated encryption under the storage key."""

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Ciphertext that opens under the same context only."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plaintext; raises AttacheError if key, context or ciphertext is another."""
        ...


def seal_openings(vault: Vault, index: int, openings: tuple[Opening, ...]) -> bytes:
    """The private side of entry `index`, bound to that index."""
    private = {each.group.value: [each.salt.hex(), each.payload.decode()] for each in openings}
    return vault.seal(strict_json.canonical(private), _context(index))


def open_openings(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """What `seal_openings` sealed."""
    private = strict_json.parse_object(vault.open(sealed, _context(index)))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )


def _context(index: int) -> bytes:
    return b"attache-log-entry/v1\x00" + index.to_bytes(8, "big")
