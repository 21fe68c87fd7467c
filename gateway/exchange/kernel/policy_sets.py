"""Policy sets on record: every file by its hash, so that what decided once can decide again years later."""

import json
from collections.abc import Mapping

from attache.crypto import sha256_hex
from attache.errors import IntegrityLost, NotFound
from attache.strict_json import canonical
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import PolicyFileRecord, PolicySetRecord
from gateway.exchange.kernel.work import Work


def file_digests(files: Mapping[str, str]) -> str:
    """The files of a set as its record names them."""
    return canonical({name: sha256_hex(text.encode()) for name, text in files.items()}).decode()


def keep_files(work: Work, files: Mapping[str, str]) -> None:
    """Keep every file that is not on record yet."""
    for text in files.values():
        content = text.encode()
        digest = sha256_hex(content)
        if work.get(PolicyFileRecord.key(digest)) is None:
            work.add(PolicyFileRecord(digest, content))


def stored_files(reader: Reader, record: PolicySetRecord) -> dict[str, str]:
    """The files of a set, each the very one that its hash names.

    Raises IntegrityLost("replay-differs") where one is gone or changed.
    """
    return {name: _stored_file(reader, name, digest) for name, digest in json.loads(record.files).items()}


def policy_set_of(reader: Reader, policy_sha256: str) -> PolicySetRecord:
    """A set on record; raises NotFound."""
    record = reader.get(PolicySetRecord.key(policy_sha256))
    if record is None:
        raise NotFound(detail="no policy set of that hash is on record")
    return record


def active_set(reader: Reader) -> PolicySetRecord | None:
    """The set in force; None before the first."""
    found = reader.find(PolicySetRecord.active())
    if len(found) > 1:
        raise IntegrityLost(detail="two policy sets are in force", step="policy set")
    return found[0] if found else None


def _stored_file(reader: Reader, name: str, digest: str) -> str:
    record = reader.get(PolicyFileRecord.key(digest))
    if record is None or sha256_hex(record.content) != digest:
        raise IntegrityLost("replay-differs", f"the policy file {name} is not the one of then", step="policy files")
    return record.content.decode()
