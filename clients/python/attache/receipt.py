"""Receipts: the recipient signs them about a package, and the originator keeps them.

A receipt is a signed statement of type `attache-receipt+json` (`attache.package.jws`), made with the strongest suite
that the recipient has keys for. It is signed once; its stored bytes are sent whenever it is needed again.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from attache.crypto import KeyRing, Revoked, nothing_revoked, parse_b64u
from attache.errors import Misconfigured, NotAuthentic, SignatureInvalid
from attache.package.envelope import Envelope
from attache.package.instants import Instant
from attache.package.jws import SignedType, parse_statement, sign_statement
from attache.package.manifest import MAX_PARTS
from attache.package.party import Party
from attache.package.statements import verify_dated_statement
from attache.package.values import Line, PackageId, ParticipantId, Sha256, Statement, read_statement
from attache.strict_json import canonical
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.signing import open_log_checkpoint
from attache.translog.vkey import parse_vkey

RECEIPT = SignedType("attache-receipt+json", "malformed-receipt")


class ReceiptKind(StrEnum):
    DELIVERED = "delivered"
    OPENED = "opened"
    REFUSED = "refused"
    DESTROYED = "destroyed"


class LogProof(Statement):
    """The place of the event in the recipient's own exchange log: entry `index`, which `proof` links to `checkpoint`.

    `leaf` is the entry itself, base64url: it holds no personal data, only pseudonymous ids and salted commitments.
    `checkpoint` is a C2SP signed note; `proof` the hashes of the RFC 6962 inclusion proof, as hex, leaf to root.
    """

    origin: Line
    index: Annotated[int, Field(ge=0)]
    leaf: Annotated[str, Field(min_length=1, max_length=8192)]
    checkpoint: Annotated[str, Field(min_length=1, max_length=8192)]
    proof: Annotated[tuple[Sha256, ...], Field(max_length=64)]


class Receipt(Statement):
    """What a receipt states.

    `manifest_sha256` is the digest of the signed manifest's bytes; it is absent only in the refusal of a package that did
    not open, which names the envelope alone. `by` is the pseudonymous id of the person who acted, if one did. `problem` is the code of a refusal.
    `cosignature` is the recipient's C2SP cosignature line over the originator's checkpoint.
    """

    receipt: ReceiptKind
    package_id: PackageId
    originator: ParticipantId
    recipient: ParticipantId
    envelope_sha256: Sha256
    manifest_sha256: Sha256 | None
    parts: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=MAX_PARTS)]
    at: Instant
    by: Line | None = None
    problem: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    log: LogProof | None = None
    cosignature: Annotated[str, Field(min_length=1, max_length=8192)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        is_refusal = self.receipt is ReceiptKind.REFUSED
        # protocol R2
        if is_refusal != (self.problem is not None):
            raise ValueError("a refusal names its problem, and nothing else does")
        # protocol R2
        if self.manifest_sha256 is None and not is_refusal:
            raise ValueError("only a refusal may lack the manifest")
        return self


def sign_receipt(receipt: Receipt, keys: KeyRing) -> bytes:
    """The signed receipt, in the strongest suite of the ring. Raises Misconfigured where the ring cannot sign."""
    suites = keys.suites()
    if not suites:
        raise Misconfigured(detail=f"{keys.participant} has no signing keys")
    return sign_statement(RECEIPT, canonical(receipt.model_dump(mode="json")), keys, suites[0])


def parse_receipt_payload(raw: bytes) -> Receipt:
    """The receipt in a payload; raises MalformedInput("malformed-receipt"). Does not verify who wrote it."""
    return read_statement(Receipt, raw, code="malformed-receipt")


def stated_receipt(raw: bytes) -> Receipt:
    """The receipt in bytes that were verified before they were stored. Verifies nothing itself."""
    statement = parse_statement(raw, RECEIPT)
    return parse_receipt_payload(statement.pinned_payload(statement.payload_sha256))


def verify_receipt(raw: bytes, recipient: Party, *, revoked: Revoked = nothing_revoked) -> Receipt:
    """The receipt, once it is proven that `recipient` (a verified descriptor) signed it with keys that held at its `at`.

    Raises MalformedInput, SignatureInvalid, UnknownKey, CertificateRejected. What is not checked: that it is for a
    package of the caller's (`require_receipt_for`), and its log proof and cosignature (`attache.translog`).
    """
    statement = parse_statement(raw, RECEIPT)
    payload = verify_dated_statement(statement, recipient, lambda it: parse_receipt_payload(it).at, revoked)
    receipt = parse_receipt_payload(payload)
    # protocol R1
    if receipt.recipient != recipient.participant:
        raise SignatureInvalid(detail="signed by another participant than the recipient it names")
    return receipt


def require_receipt_for(receipt: Receipt, envelope: Envelope, manifest_sha256: str) -> None:
    """Raises NotAuthentic("envelope-mismatch") unless the receipt is about exactly that sealed package."""
    expected: Mapping[str, object] = {
        "package_id": envelope.package_id,
        "originator": envelope.originator,
        "recipient": envelope.recipient,
        "envelope_sha256": envelope.sha256,
        "parts": tuple(part.ciphertext_root for part in envelope.parts),
    }
    # protocol R3
    if any(getattr(receipt, name) != value for name, value in expected.items()):
        raise NotAuthentic("envelope-mismatch", "a receipt for another package")
    if receipt.manifest_sha256 not in (None, manifest_sha256):
        raise NotAuthentic("envelope-mismatch", "a receipt for another manifest")


def verify_log_proof(proof: LogProof, *vkeys: str) -> None:
    """Verifies that the recipient's log holds the receipt's leaf at the index that the receipt states.

    `vkeys` are the verifier keys of that log, from the recipient's descriptor.

    The first key must have signed the checkpoint; a signature line of another of the keys that does not verify is refused.

    Raises MalformedInput, SignatureInvalid, UnknownKey, NotAuthentic("proof-invalid"). What is not checked: that the
    leaf is about this package; only the recipient can open its commitments.
    """
    checkpoint = open_log_checkpoint(proof.checkpoint.encode(), [parse_vkey(text) for text in vkeys]).checkpoint
    if checkpoint.origin != proof.origin:
        raise NotAuthentic("proof-invalid", "a checkpoint of another log")
    hashes = [bytes.fromhex(text) for text in proof.proof]
    verify_inclusion(leaf_hash(parse_b64u(proof.leaf)), proof.index, checkpoint.size, hashes, checkpoint.root)
