"""Step 12 of `verify_bundle`: the proven statements agree with each other, and are about one package."""

from collections.abc import Iterable, Sequence
from typing import Any

from attache.crypto import parse_b64u, sha256_hex
from attache.evidence.bundle import EvidenceBundle
from attache.evidence.consent_checks import IS_ABOUT_CONSENT
from attache.evidence.log_checks import ProvenEntry
from attache.evidence.report import Checks
from attache.evidence.statement_checks import ProvenReceipt
from attache.package.manifest import Manifest

RELEASED = "package.released"
PURGED = "package.purged"
_STEP = "story"


def verify_story(
    bundle: EvidenceBundle,
    manifest: Manifest | None,
    receipts: Sequence[ProvenReceipt],
    entries: Sequence[ProvenEntry],
    checks: Checks,
) -> None:
    """Compare each proven statement about the package with what the bundle claims. Entries that are not opened cannot be compared.

    Entries about consents are checked elsewhere (`attache.evidence.consent_checks`).
    """
    package_entries = [entry for entry in entries if not entry.leaf.code.startswith(IS_ABOUT_CONSENT)]
    records = [(entry, entry.fields["record"]) for entry in package_entries if "record" in entry.fields]
    checks_before = len(checks.made)
    _verify_same_object(package_entries, checks)
    _note_purges(entries, checks)
    for entry, record in records:
        _verify_record(bundle, entry, record, checks)
    _verify_release(bundle, manifest, records, checks)
    _verify_receipts_logged(bundle, receipts, records, checks)
    binding = [record for _, record in records if record.get("manifest_sha256") == bundle.manifest_sha256]
    # exchange-log E7
    if manifest is None and not receipts and not binding:
        checks.failed(_STEP, "proof-invalid", bundle.package_id, "no proven statement is about this package")
    elif len(checks.made) == checks_before:
        checks.proven(_STEP, bundle.package_id, "manifest and receipts agree; there is no opened entry to compare")


def _verify_same_object(entries: Iterable[ProvenEntry], checks: Checks) -> None:
    """Within one log a package has one pseudonym, so an entry with another pseudonym is about another package."""
    seen: dict[str, str] = {}
    for entry in entries:
        package = entry.leaf.ids.get("package")
        if package is not None and seen.setdefault(entry.participant, package) != package:
            checks.failed(_STEP, "proof-invalid", _place(entry), "an entry about another package")


def _note_purges(entries: Sequence[ProvenEntry], checks: Checks) -> None:
    """Record a proven purge as the reason why groups of earlier entries can no longer be opened."""
    for purge in (entry for entry in entries if entry.leaf.code == PURGED):
        before = [each for each in entries if each.participant == purge.participant and each.index < purge.index]
        closed = {each.index: each.leaf.commitments.keys() - each.fields.keys() - {"rows"} for each in before}
        groups = sorted(set().union(*closed.values()))
        if groups:
            indexes = ", ".join(str(index) for index, names in closed.items() if names)
            detail = f"the content was purged at {purge.leaf.at.isoformat()}: {', '.join(groups)} of the entries {indexes} can no longer be opened"
            # exchange-log P5
            checks.absent(_STEP, _place(purge), detail)


def _verify_record(bundle: EvidenceBundle, entry: ProvenEntry, record: Any, checks: Checks) -> None:
    claimed = {
        "package_id": bundle.package_id,
        "originator": bundle.originator,
        "recipient": bundle.recipient,
        "envelope_sha256": bundle.envelope_sha256,
        "manifest_sha256": bundle.manifest_sha256,
    }
    wrong = [name for name, value in claimed.items() if record.get(name) not in (None, value)]
    if wrong:
        checks.failed(_STEP, "proof-invalid", _place(entry), f"the entry names another {', '.join(wrong)}")
    else:
        checks.proven(_STEP, _place(entry), f"{entry.leaf.code} is about this package")


def _verify_release(
    bundle: EvidenceBundle, manifest: Manifest | None, records: Sequence[tuple[ProvenEntry, Any]], checks: Checks
) -> None:
    """The log, the manifest and the bundle name the same decision."""
    releases = [(entry, record) for entry, record in records if entry.leaf.code == RELEASED]
    if not releases:
        checks.absent(_STEP, RELEASED, "the bundle holds no opened entry of the release")
    for entry, record in releases:
        decision = sha256_hex(parse_b64u(bundle.release_proof)) if bundle.release_proof is not None else None
        if decision is not None and record.get("release_sha256") != decision:
            checks.failed(
                _STEP, "proof-invalid", _place(entry), "the entry names another decision than the one in the bundle"
            )
        if manifest is not None and record.get("decision_id") != manifest.release.decision_id:
            checks.failed(_STEP, "proof-invalid", _place(entry), "the entry names another decision than the manifest")
        _verify_approved(bundle, manifest, entry, records, checks)
        _verify_copies(manifest, entry, checks)


def _verify_copies(manifest: Manifest | None, release: ProvenEntry, checks: Checks) -> None:
    """Every redacted copy that the decision led to is a part of the manifest, and every part marked as redacted is such a copy."""
    if manifest is None or "redacted" not in release.fields.get("reason", {}):
        return
    redacted = release.fields["reason"]["redacted"]
    digests = [copy.get("sha256") for copy in redacted if isinstance(copy, dict)] if isinstance(redacted, list) else []
    copies = {str(digest) for digest in digests}
    signed = {part.sha256 for part in manifest.parts}
    if not {part.sha256 for part in manifest.parts if part.redacted} <= copies <= signed:
        checks.failed(
            _STEP, "proof-invalid", _place(release), "the redacted copies of the entry are not those of the manifest"
        )
    elif copies:
        checks.proven(_STEP, _place(release), f"the decision led to the manifest's {len(copies)} redacted copies")


def _verify_approved(
    bundle: EvidenceBundle,
    manifest: Manifest | None,
    release: ProvenEntry,
    records: Sequence[tuple[ProvenEntry, Any]],
    checks: Checks,
) -> None:
    """The originator's log holds, before the release, as many approvals as the manifest names approvers."""
    approvers = len(manifest.release.approvers) if manifest is not None else 0
    found = sum(
        entry.leaf.code == "package.approved"
        and entry.participant == release.participant
        and entry.index < release.index
        for entry, _ in records
    )
    if found < approvers:
        checks.absent(
            _STEP,
            bundle.package_id,
            f"the manifest names {approvers} approvers, and the bundle opens {found} approvals",
        )


def _verify_receipts_logged(
    bundle: EvidenceBundle,
    receipts: Sequence[ProvenReceipt],
    records: Sequence[tuple[ProvenEntry, Any]],
    checks: Checks,
) -> None:
    """The bundle holds each receipt that an entry names, and an entry names each receipt of the bundle."""
    proven = {each.sha256 for each in receipts}
    named = {record["receipt_sha256"] for _, record in records if isinstance(record.get("receipt_sha256"), str)}
    for digest in sorted(named - proven):
        checks.absent(_STEP, digest, "the log names this receipt, but it is not in the bundle or does not verify")
    for each in receipts:
        if each.sha256 in named:
            checks.proven(
                _STEP, each.sha256, f"the log of {bundle.originator} holds the {each.receipt.receipt} receipt"
            )
        elif records:
            checks.absent(_STEP, each.sha256, "no opened entry names this receipt")


def _place(entry: ProvenEntry) -> str:
    return f"{entry.participant} entry {entry.index}"
