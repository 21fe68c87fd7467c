"""The private side of log entries, sealed at rest under the storage key."""

from attache import strict_json
from attache.crypto import open_at_rest, seal_at_rest
from gateway.exchange_log.events import Group
from gateway.exchange_log.leaf import Opening


def seal_openings(storage_key: bytes, index: int, openings: tuple[Opening, ...]) -> bytes:
    """The private side of entry `index`, bound to that index."""
    private = {each.group.value: [each.salt.hex(), each.payload.decode()] for each in openings}
    return seal_at_rest(storage_key, strict_json.canonical(private), _context(index))


def open_openings(storage_key: bytes, index: int, sealed: bytes) -> tuple[Opening, ...]:
    """What `seal_openings` sealed; raises NotAuthentic("decryption-failed") for another key or index."""
    private = strict_json.parse_object(open_at_rest(storage_key, sealed, _context(index)))
    return tuple(
        Opening(Group(group), bytes.fromhex(salt), payload.encode()) for group, (salt, payload) in private.items()
    )


def _context(index: int) -> bytes:
    return b"attache-log-entry/v1\x00" + index.to_bytes(8, "big")
