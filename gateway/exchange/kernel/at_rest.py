"""What the use cases keep sealed at rest: facts, keys and records.

Everything about one package is sealed under a data key of that package, which is destroyed with it (`Vault.of`); the
rest under the gateway's storage key. The context names the record, so that no sealed value can be moved to another one.
"""

import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from attache.crypto import open_at_rest, seal_at_rest
from attache.errors import Gone, IntegrityLost, NotAuthentic
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical


class DataKeys(Protocol):
    """One random key for each package, kept apart from the database."""

    def label(self, originator: ParticipantId, package_id: PackageId) -> bytes:
        """What the package's key is found by: 16 bytes that say nothing of the package."""
        ...

    def sealing_key(self, originator: ParticipantId, package_id: PackageId) -> bytes:
        """The package's key, made now if there is none. Durable before the next commit.
        Raises Gone once the package is purged.
        """
        ...

    def opening_key(self, label: bytes) -> bytes:
        """The key with this label; raises Gone once it is destroyed, IntegrityLost where there never was one."""
        ...

    def is_retired(self, label: bytes) -> bool:
        """Whether the package is purged, and its key destroyed or about to be."""
        ...


@dataclass(frozen=True)
class Vault:
    """A key, and the two things done with it. AES-256-GCM; `open` raises IntegrityLost for anything else."""

    storage_key: bytes = field(repr=False)
    data_keys: DataKeys | None = field(default=None, repr=False)

    def of(self, originator: ParticipantId, package_id: PackageId) -> "PackageVault":
        """For what is about one package, ours or a partner's."""
        return PackageVault(self._keys, originator, package_id)

    def labelled(self, label: bytes) -> "Vault":
        """For opening what was sealed under the data key with this label. Raises as `DataKeys.opening_key` does."""
        return Vault(self._keys.opening_key(label))

    @property
    def _keys(self) -> DataKeys:
        if self.data_keys is None:
            raise IntegrityLost(detail="there are no data keys to seal or open with", step="at-rest")
        return self.data_keys

    def seal(self, value: Any, *context: str) -> bytes:
        """A JSON value, sealed for the record that `context` names."""
        return seal_at_rest(self.storage_key, canonical(value), _context(context))

    def open(self, sealed: bytes, *context: str) -> Any:
        """The JSON value that was sealed for this record."""
        try:
            return json.loads(open_at_rest(self.storage_key, sealed, _context(context)))
        except NotAuthentic:
            raise IntegrityLost(detail=f"a sealed {context[0]} record does not open", step="at-rest") from None


@dataclass(frozen=True)
class PackageVault:
    """The same under a package's own data key. `open` raises Gone once the package is purged."""

    keys: DataKeys = field(repr=False)
    originator: ParticipantId
    package_id: PackageId

    @property
    def label(self) -> bytes:
        """What the data key is found by."""
        return self.keys.label(self.originator, self.package_id)

    def seal(self, value: Any, *context: str) -> bytes:
        """See Vault.seal. Raises Gone once the package is purged."""
        return Vault(self.keys.sealing_key(self.originator, self.package_id)).seal(value, *context)

    def open(self, sealed: bytes, *context: str) -> Any:
        """See Vault.open."""
        label = self.label
        if not sealed and self.keys.is_retired(label):
            raise Gone
        return Vault(self.keys.opening_key(label)).open(sealed, *context)

    def digest(self, text: str) -> str:
        """What stands for a text in the clear: comparable while the package is there,
        and no guess of it confirmable after.
        """
        key = self.keys.sealing_key(self.originator, self.package_id)
        return hmac.digest(hmac.digest(key, b"attache digest/1", "sha256"), text.encode(), "sha256").hex()


def _context(names: tuple[str, ...]) -> bytes:
    return "\x00".join(("attache at rest/1", *names)).encode()
