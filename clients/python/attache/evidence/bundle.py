"""The evidence bundle, version 1: everything about one package to one recipient, in one file. docs/exchange-log.md, section 6.

Each statement in it is proven by its own signatures or log proof, never by the bundle. The seal of the bundle proves only who made it, when, and that it is unchanged.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer

from attache.crypto import KeyRing, b64u, parse_b64u, sha256_hex
from attache.errors import MalformedInput, Misconfigured, PayloadTooLarge
from attache.package.instants import Instant
from attache.package.jws import SignedType, sign_statement
from attache.package.values import PackageId, ParticipantId, Sha256, Statement, read_statement
from attache.strict_json import canonical
from attache.translog.merkle import MAX_PROOF_HASHES

FORMAT: Literal["attache-evidence/1"] = "attache-evidence/1"
SUFFIX = ".attache-evidence"
MEDIA_TYPE = "application/vnd.attache.evidence+json"
MAX_BUNDLE_BYTES = 32 * 1024 * 1024
MAX_ENTRIES = 1000
MAX_LOGS = 16
MAX_CONSENTS = 64

EVIDENCE = SignedType("attache-evidence+json", "malformed-evidence")

_CODE = "malformed-evidence"
_STEP = "bundle"


def _is_b64u(text: str) -> str:
    try:
        parse_b64u(text)
    except MalformedInput as error:
        raise ValueError(error.detail) from None
    return text


Blob = Annotated[str, Field(max_length=4 * 1024 * 1024), AfterValidator(_is_b64u)]
"""Bytes as base64url without padding."""

ProofHashes = Annotated[tuple[Sha256, ...], Field(max_length=MAX_PROOF_HASHES)]
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,63}$")]


class BundledOpening(Statement):
    """The salt and payload that open one group of fields of an entry; absent if the recipient of the bundle may not see the group, and after a purge."""

    group: GroupName
    salt: Sha256
    payload: Blob


class BundledEntry(Statement):
    """An entry, and the proof of its inclusion under the last checkpoint of its log."""

    index: Annotated[int, Field(ge=0)]
    leaf: Blob
    proof: ProofHashes
    openings: Annotated[tuple[BundledOpening, ...], Field(max_length=8)] = ()


class BundledCheckpoint(Statement):
    """A checkpoint as the log published it, with its cosignatures, and the proof that it extends the previous checkpoint of the bundle."""

    note: Annotated[str, Field(min_length=1, max_length=128 * 1024)]
    consistency: ProofHashes = ()


class BundledLog(Statement):
    """Checkpoints and entries of one participant's log: checkpoints by increasing size, entries by increasing index."""

    participant: ParticipantId
    checkpoints: Annotated[tuple[BundledCheckpoint, ...], Field(min_length=1, max_length=64)]
    entries: Annotated[tuple[BundledEntry, ...], Field(max_length=MAX_ENTRIES)] = ()


class BundledRevocations(Statement):
    """A certificate revocation list of a participant's CA, current when the bundle was made."""

    participant: ParticipantId
    crl: Blob


class EvidenceBundle(Statement):
    """The evidence about one package to one recipient.

    `manifest`: the signed manifest (JWS), only if the recipient of the bundle may see the content: it holds the keys of the parts.
    `release_proof`: the record of the decision, whose digest the manifest and the entry `package.released` name.
    `receipts`: signed receipts (JWS), in any order.
    `consents`: the signed consents (JWS) that the decision relied on; without any, the JSON lacks the member.
    """

    format: Literal["attache-evidence/1"] = FORMAT
    made_at: Instant
    made_by: ParticipantId
    package_id: PackageId
    originator: ParticipantId
    recipient: ParticipantId
    envelope_sha256: Sha256
    manifest_sha256: Sha256
    manifest: Blob | None = None
    release_proof: Blob | None = None
    receipts: Annotated[tuple[Blob, ...], Field(max_length=64)] = ()
    consents: Annotated[tuple[Blob, ...], Field(max_length=MAX_CONSENTS)] = ()
    revocations: Annotated[tuple[BundledRevocations, ...], Field(max_length=64)] = ()
    logs: Annotated[tuple[BundledLog, ...], Field(max_length=MAX_LOGS)] = ()

    @model_serializer(mode="wrap")
    def _without_none(self, members: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = members(self)
        return values if self.consents else {name: value for name, value in values.items() if name != "consents"}


class Seal(Statement):
    """What the maker signs: the digest of the bundle's canonical JSON, and when."""

    bundle_sha256: Sha256
    made_at: Instant


class SealedBundle(Statement):
    """A parsed `.attache-evidence` file. `seal`: a JWS of type `attache-evidence+json` by the bundle's maker. Nothing is verified."""

    bundle: EvidenceBundle
    seal: Blob

    @property
    def bundle_sha256(self) -> str:
        """The digest that the seal must name."""
        return sha256_hex(canonical(self.bundle.model_dump(mode="json")))


def seal_bundle(bundle: EvidenceBundle, keys: KeyRing) -> bytes:
    """The bytes of a `.attache-evidence` file: canonical JSON and a newline. Raises Misconfigured where the ring cannot sign."""
    suites = keys.suites()
    if not suites or keys.participant != bundle.made_by:
        raise Misconfigured(detail=f"the keys are not the signing keys of {bundle.made_by}")
    statement = Seal(bundle_sha256=sha256_hex(canonical(bundle.model_dump(mode="json"))), made_at=bundle.made_at)
    seal = sign_statement(EVIDENCE, canonical(statement.model_dump(mode="json")), keys, suites[0])
    return _format(SealedBundle(bundle=bundle, seal=blob(seal)))


def parse_bundle(raw: bytes) -> SealedBundle:
    """The bundle in a file. Raises MalformedInput("malformed-evidence"), also if the JSON is not canonical. Nothing in it is verified."""
    # exchange-log E1
    if len(raw) > MAX_BUNDLE_BYTES:
        raise PayloadTooLarge(detail=f"evidence has at most {MAX_BUNDLE_BYTES} bytes", step=_STEP)
    try:
        # exchange-log E3
        sealed = read_statement(SealedBundle, raw, code=_CODE)
    except MalformedInput as error:
        raise MalformedInput(_CODE, error.detail, step=_STEP) from None
    # exchange-log E1
    if _format(sealed) != raw:
        raise MalformedInput(_CODE, "not canonical JSON followed by one newline", step=_STEP)
    return sealed


def parse_seal(payload: bytes) -> Seal:
    """What a seal states; raises MalformedInput("malformed-evidence"). Does not verify who wrote it."""
    return read_statement(Seal, payload, code=_CODE)


def _format(sealed: SealedBundle) -> bytes:
    return canonical(sealed.model_dump(mode="json")) + b"\n"


def blob(raw: bytes) -> str:
    """Bytes in the encoding of a bundle: base64url."""
    return b64u(raw)
