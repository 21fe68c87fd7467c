"""The private side of log entries, sealed at rest and bound to its entry."""

from gateway.exchange.at_rest import Vault
from gateway.exchange_log import Group
from gateway.exchange_log.leaf import Opening

_CONTEXT = "log-entry"


def seal_openings(vault: Vault, index: int, openings: tuple[Opening, ...]) -> bytes:
    """The private side of entry `index`."""
    private = {each.group.value: [each.salt.hex(), each.payload.decode()] for each in openings}
    return vault.seal(private, _CONTEXT, str(index))


def open_openings(vault: Vault, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """What `seal_openings` sealed; raises IntegrityLost for another key or index."""
    private = vault.open(sealed, _CONTEXT, str(index))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )
