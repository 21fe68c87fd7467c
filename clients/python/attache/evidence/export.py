"""A filtered export of a log: rows for people, and a signed manifest that names the log, the filter and the digest of the file.

1. manifest  the manifest is one of version 1
2. seal      the gateway that keeps the log signed it
3. digest    the file has the size and digest that the manifest names
4. rows      it has the number of rows that the manifest names

Not checked: that no row is missing. Only the whole log can prove that (`attache.evidence.directory`).
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from attache.crypto import KeyRing
from attache.errors import AttacheError, Misconfigured, NotAuthentic, SignatureInvalid, UnknownKey
from attache.evidence.report import Checks, EvidenceReport
from attache.package.instants import Instant
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.statements import verify_dated_statement
from attache.package.values import Line, ParticipantId, Sha256, Statement, read_statement
from attache.participant import Descriptor
from attache.strict_json import canonical

KIND = "log-export"
SUFFIX = ".manifest"
"""The signed manifest is a file named as the export, with this suffix added."""

LOG_EXPORT = SignedType("attache-log-export+json", "malformed-evidence")


class ExportManifest(Statement):
    """What the maker of an export signs. `filter`: the conditions, by name; `size` and `root`: the state of the log at the time of the export."""

    format: Literal["attache-log-export/1"] = "attache-log-export/1"
    made_at: Instant
    made_by: ParticipantId
    origin: Line
    size: Annotated[int, Field(ge=0)]
    root: Sha256
    filter: dict[Line, Line]
    rows: Annotated[int, Field(ge=0)]
    file_format: Literal["jsonl", "csv"]
    file_bytes: Annotated[int, Field(ge=0)]
    file_sha256: Sha256


def sign_export(manifest: ExportManifest, keys: KeyRing) -> bytes:
    """The signed manifest, in the strongest suite of the ring. Raises Misconfigured if the ring is not the maker's or cannot sign."""
    suites = keys.suites()
    if not suites or keys.participant != manifest.made_by:
        raise Misconfigured(detail=f"the keys are not the signing keys of {manifest.made_by}")
    return sign_statement(LOG_EXPORT, canonical(manifest.model_dump(mode="json")), keys, suites[0])


def verify_export(chunks: Iterable[bytes], signed: bytes, *makers: Descriptor) -> EvidenceReport:
    """Verify an export: the file, piece by piece, and its manifest, signed by one of `makers`. Never raises because of their content."""
    checks = Checks()
    try:
        manifest = _verified_manifest(signed, makers)
    except AttacheError as error:
        checks.failed("seal", error.code, "manifest", error.detail or error.title)
        return EvidenceReport(KIND, {}, tuple(checks.made))
    checks.proven("seal", "manifest", f"signed by {manifest.made_by} at {manifest.made_at.isoformat()}")
    digest, size, lines = _measured(chunks)
    with checks.proving("digest", "file", f"{size} bytes, SHA-256 {digest}"):
        # exchange-log X4
        if (digest, size) != (manifest.file_sha256, manifest.file_bytes):
            raise NotAuthentic("proof-invalid", "the file does not have the signed digest and size")
    with checks.proving("rows", "file", f"{manifest.rows} rows"):
        # exchange-log X4
        if lines - (manifest.file_format == "csv") != manifest.rows:
            raise NotAuthentic("proof-invalid", "the file does not have the signed number of rows")
    facts = manifest.model_dump(mode="json", exclude={"format"})
    return EvidenceReport(KIND, facts, tuple(checks.made))


def _verified_manifest(signed: bytes, makers: Iterable[Descriptor]) -> ExportManifest:
    """The manifest, verified with the keys of its maker. The maker is named only inside the payload, so each of `makers` is tried."""
    unknown = UnknownKey(detail="no descriptor of its maker is known")
    for maker in makers:
        try:
            return _manifest_by(signed, maker)
        except UnknownKey as error:
            unknown = error
    raise unknown


def _manifest_by(signed: bytes, maker: Descriptor) -> ExportManifest:
    statement = parse_statement(signed, LOG_EXPORT)
    payload = verify_dated_statement(statement, maker, lambda raw: _parse_manifest(raw).made_at)
    manifest = _parse_manifest(payload)
    # exchange-log X3
    if manifest.made_by != maker.participant:
        raise SignatureInvalid(detail="signed by another participant than the maker it names")
    return manifest


def _parse_manifest(payload: bytes) -> ExportManifest:
    # exchange-log X3
    return read_statement(ExportManifest, payload, code="malformed-evidence")


def _measured(chunks: Iterable[bytes]) -> tuple[str, int, int]:
    """Digest, size, and number of lines. No row of an export holds a line break: its cells are canonical JSON or text without line breaks."""
    digest, size, lines = hashlib.sha256(), 0, 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        lines += chunk.count(b"\n")
    return digest.hexdigest(), size, lines
