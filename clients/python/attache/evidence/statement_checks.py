"""Steps 2 to 6 of `verify_bundle`: certificates, the seal, the manifest, the release proof and the receipts."""

from collections.abc import Mapping
from dataclasses import dataclass

from attache.crypto import Certificate, RevocationList, Revoked, nothing_revoked, parse_b64u, sha256_hex, verify_crl
from attache.errors import AttacheError, CertificateRejected, NotAuthentic, UnknownKey
from attache.evidence.bundle import EVIDENCE, EvidenceBundle, SealedBundle, parse_seal
from attache.evidence.report import Checks
from attache.package.ids import ParticipantId
from attache.package.jws import MANIFEST, parse_statement
from attache.package.manifest import Manifest, parse_manifest
from attache.package.statements import verify_dated_statement, verify_statement
from attache.participant import Descriptor
from attache.receipt import Receipt, verify_receipt

Anchors = Mapping[str, Descriptor]
"""The descriptors that the verifying person trusts, by participant."""


@dataclass(frozen=True)
class ProvenReceipt:
    """A receipt whose signatures are proven, and the digest of its bytes."""

    receipt: Receipt
    sha256: str


def verify_revocations(bundle: EvidenceBundle, anchors: Anchors, checks: Checks) -> dict[str, Revoked]:
    """Step 2: for each participant, the certificates that its CAs had revoked when the bundle was made."""
    lists: dict[str, list[RevocationList]] = {}
    for number, bundled in enumerate(bundle.revocations, 1):
        where = f"{bundled.participant} revocation list {number}"
        anchor = anchors.get(bundled.participant)
        if anchor is None:
            checks.failed("certificates", "unknown-partner", where, "no descriptor of this participant is trusted")
            continue
        with checks.proving("certificates", where, "signed by its CA, and current when the bundle was made"):
            lists.setdefault(bundled.participant, []).append(_verify_list(parse_b64u(bundled.crl), anchor, bundle))
    for participant in sorted({bundle.originator, bundle.recipient} & anchors.keys() - lists.keys()):
        checks.absent("certificates", participant, "the bundle holds no revocation list: revocation was not checked")
    return {participant: _predicate(found) for participant, found in lists.items()}


def verify_seal(sealed: SealedBundle, anchors: Anchors, revoked: Mapping[str, Revoked], checks: Checks) -> None:
    """Step 3: who made the bundle, when, and that it is unchanged."""
    bundle = sealed.bundle
    with checks.proving("seal", bundle.made_by, "made this bundle, and it is unchanged"):
        statement = parse_statement(parse_b64u(sealed.seal), EVIDENCE)
        maker, known = _anchor(anchors, bundle.made_by), revoked.get(bundle.made_by, nothing_revoked)
        seal = parse_seal(verify_dated_statement(statement, maker, lambda payload: parse_seal(payload).made_at, known))
        # exchange-log E2
        if (seal.bundle_sha256, seal.made_at) != (sealed.bundle_sha256, bundle.made_at):
            raise NotAuthentic("proof-invalid", "the seal belongs to another bundle")


def verify_manifest(
    bundle: EvidenceBundle, anchors: Anchors, revoked: Mapping[str, Revoked], checks: Checks
) -> Manifest | None:
    """Step 4: the manifest that the originator signed; None if the bundle has only its digest or if it does not verify."""
    if bundle.manifest is None:
        checks.absent("manifest", bundle.manifest_sha256, "the bundle holds only its digest")
        return None
    with checks.proving("manifest", bundle.manifest_sha256, f"signed by {bundle.originator}"):
        return _verified_manifest(bundle, parse_b64u(bundle.manifest), anchors, revoked)
    return None


def verify_release_proof(bundle: EvidenceBundle, manifest: Manifest | None, checks: Checks) -> None:
    """Step 5: the manifest names this decision. Step 12 compares it with the log."""
    if bundle.release_proof is None or manifest is None:
        checks.absent("release-proof", bundle.package_id, "the bundle does not hold both the decision and the manifest")
        return
    with checks.proving("release-proof", bundle.package_id, "the manifest names this decision"):
        if sha256_hex(parse_b64u(bundle.release_proof)) != manifest.release.release_proof_sha256:
            raise NotAuthentic("proof-invalid", "the manifest names another decision")


def verify_receipts(
    bundle: EvidenceBundle, anchors: Anchors, revoked: Mapping[str, Revoked], checks: Checks
) -> tuple[ProvenReceipt, ...]:
    """Step 6: the receipts that the recipient signed about exactly this package."""
    proven = []
    if not bundle.receipts:
        checks.absent("receipts", bundle.recipient, "the bundle holds no receipt")
    for number, text in enumerate(bundle.receipts, 1):
        where, raw = f"receipt {number}", parse_b64u(text)
        try:
            receipt = verify_receipt(
                raw, _anchor(anchors, bundle.recipient), revoked=revoked.get(bundle.recipient, nothing_revoked)
            )
            _require_same_package(bundle, receipt)
        except AttacheError as error:
            checks.failed("receipts", error.code, where, error.detail or error.title)
            continue
        checks.proven(
            "receipts", where, f"{receipt.receipt} at {receipt.at.isoformat()}, signed by {receipt.recipient}"
        )
        proven.append(ProvenReceipt(receipt, sha256_hex(raw)))
    return tuple(proven)


def _verify_list(raw: bytes, anchor: Descriptor, bundle: EvidenceBundle) -> RevocationList:
    problem: AttacheError = CertificateRejected(detail="the descriptor has no CA")
    for authority in anchor.certificate_authorities:
        try:
            return verify_crl(raw, authority, now=bundle.made_at)
        except AttacheError as error:
            problem = error
    raise problem


def _predicate(lists: list[RevocationList]) -> Revoked:
    def is_revoked(certificate: Certificate) -> bool:
        return any(each.is_revoked(certificate) for each in lists)

    return is_revoked


def _verified_manifest(
    bundle: EvidenceBundle, raw: bytes, anchors: Anchors, revoked: Mapping[str, Revoked]
) -> Manifest:
    if sha256_hex(raw) != bundle.manifest_sha256:
        raise NotAuthentic("envelope-mismatch", "the manifest does not have the digest that the bundle names")
    statement = parse_statement(raw, MANIFEST)
    claimed = parse_manifest(statement.pinned_payload(statement.payload_sha256))
    originator = _anchor(anchors, bundle.originator)
    payload = verify_statement(
        statement, originator, claimed.sealed_at, revoked.get(bundle.originator, nothing_revoked)
    )
    manifest = parse_manifest(payload)
    named = (manifest.package_id, manifest.originator, manifest.recipient, manifest.suite)
    if named != (bundle.package_id, bundle.originator, bundle.recipient, statement.suite):
        raise NotAuthentic("envelope-mismatch", "the manifest belongs to another package")
    return manifest


def _require_same_package(bundle: EvidenceBundle, receipt: Receipt) -> None:
    named = (receipt.package_id, receipt.originator, receipt.recipient, receipt.envelope_sha256)
    if named != (bundle.package_id, bundle.originator, bundle.recipient, bundle.envelope_sha256):
        raise NotAuthentic("envelope-mismatch", "a receipt for another package")
    if receipt.manifest_sha256 not in (None, bundle.manifest_sha256):
        raise NotAuthentic("envelope-mismatch", "a receipt for another manifest")


def _anchor(anchors: Anchors, participant: ParticipantId) -> Descriptor:
    if participant not in anchors:
        raise UnknownKey(detail=f"no descriptor of {participant} is trusted")
    return anchors[participant]
