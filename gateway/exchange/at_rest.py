"""What the use cases keep sealed at rest: facts, keys and records under the gateway's storage key.

The context names the record, so that no sealed value can be moved to another one.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from attache.crypto import b64u, open_at_rest, parse_b64u, seal_at_rest
from attache.errors import IntegrityLost, NotAuthentic
from attache.package import SealedPart
from attache.strict_json import canonical


@dataclass(frozen=True)
class Vault:
    """The storage key, and the two things done with it. AES-256-GCM; `open` raises IntegrityLost for anything else."""

    storage_key: bytes = field(repr=False)

    def seal(self, value: Any, *context: str) -> bytes:
        """A JSON value, sealed for the record that `context` names."""
        return seal_at_rest(self.storage_key, canonical(value), _context(context))

    def open(self, sealed: bytes, *context: str) -> Any:
        """The JSON value that was sealed for this record."""
        try:
            return json.loads(open_at_rest(self.storage_key, sealed, _context(context)))
        except NotAuthentic:
            raise IntegrityLost(detail=f"a sealed {context[0]} record does not open", step="at-rest") from None

    def seal_part(self, part: SealedPart, package_id: str, number: int, recipient: str = "") -> bytes:
        """A part's key and digests; with `recipient`, those of the copy that was redacted for it."""
        return self.seal(
            {
                "bytes": part.bytes,
                "sha256": part.sha256,
                "key": b64u(part.key),
                "ciphertext_bytes": part.ciphertext_bytes,
                "ciphertext_root": part.ciphertext_root,
                "block_hashes": b64u(part.block_hashes),
            },
            *_part_context(package_id, number, recipient),
        )

    def open_part(self, sealed: bytes, package_id: str, number: int, recipient: str = "") -> SealedPart:
        """What `seal_part` sealed."""
        value = self.open(sealed, *_part_context(package_id, number, recipient))
        return SealedPart(
            **{**value, "key": parse_b64u(value["key"]), "block_hashes": parse_b64u(value["block_hashes"])}
        )


def _part_context(package_id: str, number: int, recipient: str) -> tuple[str, ...]:
    return ("redacted-part", package_id, str(number), recipient) if recipient else ("part", package_id, str(number))


def _context(names: tuple[str, ...]) -> bytes:
    return "\x00".join(("attache at rest/1", *names)).encode()
