"""What is sealed in records: each field with its type, the key it is sealed under,
and the context that ties it to its record.

A context names the record, so that a sealed value which was moved to another record does not open. What is here was
written by earlier versions too: a context never changes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from attache.crypto import b64u, parse_b64u
from attache.package import SealedPart
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical
from gateway.exchange.kernel.at_rest import PackageVault, Vault
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ArrivalRecord,
    ConsentRecord,
    ConsentRequestRecord,
    DecisionRecord,
    HoldRecord,
    PackageRecord,
    PartRecord,
    PurgeRecord,
    Record,
    RedactedPartRecord,
    ReleaseRecord,
    ReviewRecord,
)

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Json = Any
"""What JSON can hold."""


@dataclass(frozen=True)
class SealedField(Generic[R, T]):
    """One sealed field of one class of records, and the value of type T in it."""

    read: Callable[[R], bytes | None]
    """The sealed bytes; None or empty where there is nothing, or nothing any more."""
    write: Callable[[R, bytes], R]
    context: Callable[[R], tuple[str, ...]]
    place: Callable[[R, ParticipantId], tuple[ParticipantId, PackageId]] | None
    """Whose package's data key it is sealed under, of the record and of our own id;
    None for the gateway's storage key.
    """
    encode: Callable[[T], Json]
    decode: Callable[[Json], T]

    def seal(self, vault: Vault, own: ParticipantId, record: R, value: T) -> R:
        """The record with this value. Raises Gone where its package is purged."""
        return self.write(record, self._vault(vault, own, record).seal(self.encode(value), *self.context(record)))

    def open(self, vault: Vault, own: ParticipantId, record: R) -> T:
        """The value. Raises Gone where its package is purged,
        IntegrityLost where it is not what was sealed for this record.
        """
        return self.decode(self._vault(vault, own, record).open(self.read(record) or b"", *self.context(record)))

    def _vault(self, vault: Vault, own: ParticipantId, record: R) -> Vault | PackageVault:
        return vault if self.place is None else vault.of(*self.place(record, own))


@dataclass(frozen=True)
class Reasons:
    """Why an officer orders something: on which legal basis, and in words."""

    legal_basis: str
    note: str


def _part_json(part: SealedPart) -> Json:
    return {
        "bytes": part.bytes,
        "sha256": part.sha256,
        "key": b64u(part.key),
        "ciphertext_bytes": part.ciphertext_bytes,
        "ciphertext_root": part.ciphertext_root,
        "block_hashes": b64u(part.block_hashes),
    }


def _part_of(value: Json) -> SealedPart:
    return SealedPart(**{**value, "key": parse_b64u(value["key"]), "block_hashes": parse_b64u(value["block_hashes"])})


def _same(value: T) -> T:
    return value


def _reasons_json(reasons: Reasons) -> Json:
    return [reasons.legal_basis, reasons.note]


def _reasons_of(value: Json) -> Reasons:
    return Reasons(*value)


def _signed_of(value: Json) -> bytes:
    return canonical(value)


def _of_ours(
    record: PackageRecord
    | PartRecord
    | RedactedPartRecord
    | ReleaseRecord
    | DecisionRecord
    | ApprovalRecord
    | ReviewRecord,
    own: ParticipantId,
) -> tuple[ParticipantId, PackageId]:
    return own, record.package_id


def _of_originator(
    record: ArrivalRecord | ConsentRecord | ConsentRequestRecord, _own: ParticipantId
) -> tuple[ParticipantId, PackageId]:
    return record.originator, record.package_id


Facts = Mapping[str, Any]

PACKAGE_FACTS = SealedField[PackageRecord, Facts](
    read=lambda record: record.facts_sealed,
    write=lambda record, sealed: replace(record, facts_sealed=sealed),
    context=lambda record: ("package", record.package_id),
    place=_of_ours,
    encode=_same,
    decode=_same,
)
"""What was submitted: `Submission.facts`."""

PART = SealedField[PartRecord, SealedPart](
    read=lambda record: record.sealed_part_sealed,
    write=lambda record, sealed: replace(record, sealed_part_sealed=sealed),
    context=lambda record: ("part", record.package_id, str(record.number)),
    place=_of_ours,
    encode=_part_json,
    decode=_part_of,
)
"""A part's key and digests."""

REDACTED_PART = SealedField[RedactedPartRecord, SealedPart](
    read=lambda record: record.sealed_part_sealed,
    write=lambda record, sealed: replace(record, sealed_part_sealed=sealed),
    context=lambda record: ("redacted-part", record.package_id, str(record.number), record.recipient),
    place=_of_ours,
    encode=_part_json,
    decode=_part_of,
)
"""Those of the copy that was redacted for one recipient."""

DECISION = SealedField[DecisionRecord, bytes](
    read=lambda record: record.record_sealed,
    write=lambda record, sealed: replace(record, record_sealed=sealed),
    context=lambda record: ("decision", record.decision_id),
    place=_of_ours,
    encode=bytes.decode,
    decode=str.encode,
)
"""The decision record of gateway.policy, byte for byte."""

MANIFEST = SealedField[ReleaseRecord, bytes](
    read=lambda record: record.manifest_sealed,
    write=lambda record, sealed: replace(record, manifest_sealed=sealed),
    context=lambda record: ("manifest", record.package_id, record.recipient),
    place=_of_ours,
    encode=b64u,
    decode=parse_b64u,
)
"""The signed manifest of a release."""

APPROVED_DIGEST = SealedField[ApprovalRecord, str](
    read=lambda record: record.digest_sealed,
    write=lambda record, sealed: replace(record, digest_sealed=sealed),
    context=lambda record: ("approved", record.approval_id),
    place=_of_ours,
    encode=_same,
    decode=_same,
)
"""The release digest of gateway.policy that an approval is bound to."""

APPROVAL_REASON = SealedField[ApprovalRecord, str](
    read=lambda record: record.reason_sealed,
    write=lambda record, sealed: replace(record, reason_sealed=sealed),
    context=lambda record: ("approval", record.approval_id),
    place=_of_ours,
    encode=_same,
    decode=_same,
)

REVIEW_NOTE = SealedField[ReviewRecord, str](
    read=lambda record: record.note_sealed,
    write=lambda record, sealed: replace(record, note_sealed=sealed),
    context=lambda record: ("review", record.package_id, record.recipient),
    place=_of_ours,
    encode=_same,
    decode=_same,
)

ARRIVAL_FACTS = SealedField[ArrivalRecord, Facts](
    read=lambda record: record.facts_sealed,
    write=lambda record, sealed: replace(record, facts_sealed=sealed),
    context=lambda record: ("arrival", record.originator, record.package_id),
    place=_of_originator,
    encode=_same,
    decode=_same,
)
"""The verified manifest of a received package as JSON, without keys."""

CONSENT = SealedField[ConsentRecord, bytes](
    read=lambda record: record.signed_sealed,
    write=lambda record, sealed: replace(record, signed_sealed=sealed),
    context=lambda record: ("consent", record.consent_id),
    place=_of_originator,
    encode=json.loads,
    decode=_signed_of,
)
"""The signed consent: canonical JSON, byte for byte as it was signed."""

CONSENT_REQUEST_FACTS = SealedField[ConsentRequestRecord, Facts](
    read=lambda record: record.facts_sealed,
    write=lambda record, sealed: replace(record, facts_sealed=sealed),
    context=lambda record: ("consent-request", record.holder, record.request_id),
    place=_of_originator,
    encode=_same,
    decode=_same,
)
"""What is asked for: `part`, `content_sha256`, `purpose`, `reason`; empty where it was asked in words alone."""

CONSENT_REFUSAL = SealedField[ConsentRequestRecord, bytes](
    read=lambda record: record.refusal_sealed,
    write=lambda record, sealed: replace(record, refusal_sealed=sealed),
    context=lambda record: ("consent-refusal", record.holder, record.request_id),
    place=_of_originator,
    encode=json.loads,
    decode=_signed_of,
)
"""The signed refusal: canonical JSON, byte for byte as it was signed."""

HOLD_REASONS = SealedField[HoldRecord, Reasons](
    read=lambda record: record.reasons_sealed,
    write=lambda record, sealed: replace(record, reasons_sealed=sealed),
    context=lambda record: ("hold", record.hold_id, "placed"),
    place=None,
    encode=_reasons_json,
    decode=_reasons_of,
)

HOLD_LIFTING = SealedField[HoldRecord, str](
    read=lambda record: record.lifting_sealed,
    write=lambda record, sealed: replace(record, lifting_sealed=sealed),
    context=lambda record: ("hold", record.hold_id, "lifted"),
    place=None,
    encode=_same,
    decode=_same,
)

PURGE_REASONS = SealedField[PurgeRecord, Reasons](
    read=lambda record: record.reasons_sealed,
    write=lambda record, sealed: replace(record, reasons_sealed=sealed),
    context=lambda record: ("purge", record.purge_id, "order"),
    place=None,
    encode=_reasons_json,
    decode=_reasons_of,
)

PURGE_DECISION = SealedField[PurgeRecord, str](
    read=lambda record: record.decision_sealed,
    write=lambda record, sealed: replace(record, decision_sealed=sealed),
    context=lambda record: ("purge", record.purge_id, "decision"),
    place=None,
    encode=_same,
    decode=_same,
)
