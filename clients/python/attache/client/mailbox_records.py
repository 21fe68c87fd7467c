"""The record that the owner of a mailbox keeps of each package: one small file, mode 0600, replaced atomically, never deleted.

    FOLDER/.attache/<package_id>.json

A receipt is signed once. Its bytes are stored here before they are posted, and are posted again if the first attempt failed.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from attache.client.quarantine import write_atomically
from attache.errors import AttacheError, IntegrityLost
from attache.package import is_uuid7
from attache.strict_json import canonical, parse_object

MAX_RECORD_BYTES = 8 << 20


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    originator: str
    package_id: str
    manifest_sha256: str
    manifest: dict[str, Any]
    receipts: dict[str, str]
    posted: list[str]


@dataclass(frozen=True)
class MailboxRecord:
    """An accepted package: its facts (without keys), its signed receipts by kind, and the kinds that were posted."""

    originator: str
    package_id: str
    manifest_sha256: str
    manifest: dict[str, Any] = field(repr=False)
    receipts: dict[str, str] = field(repr=False)
    posted: frozenset[str] = frozenset()

    def after_posting(self, kind: str) -> "MailboxRecord":
        return replace(self, posted=self.posted | {kind})


class MailboxRecords:
    """The records of one folder. One process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, package_id: str) -> MailboxRecord | None:
        """The record of a package; None if it was never accepted. Raises IntegrityLost if the record cannot be read."""
        path = self._path(package_id)
        if not path.exists():
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_RECORD_BYTES)
        try:
            stored = _Stored.model_validate(parse_object(raw))
        except (AttacheError, ValidationError):
            raise IntegrityLost(detail=f"{path.name} cannot be read", step="mailbox") from None
        return MailboxRecord(**{**stored.model_dump(), "posted": frozenset(stored.posted)})

    def put(self, record: MailboxRecord) -> None:
        """Store the record durably."""
        value = {**vars(record), "posted": sorted(record.posted)}
        write_atomically(self._path(record.package_id), canonical(value))

    def sealed_path(self, package_id: str) -> Path:
        """The file that a package is fetched into."""
        return self._path(package_id).with_suffix(".sealed")

    def _path(self, package_id: str) -> Path:
        if not is_uuid7(package_id):
            raise AttacheError("malformed-answer", "not a package id")
        return self._folder / f"{package_id}.json"
