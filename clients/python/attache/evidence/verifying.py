"""Evidence about one package, verified with only the file and the descriptors that the verifying person trusts.

 1. bundle         the file is an evidence bundle of version 1
 2. certificates   revocation lists are signed by the participants' CAs and were current when the bundle was made
 3. seal           the maker of the bundle signed it, and it is unchanged
 4. manifest       the originator signed it, with keys that its descriptor lists and that were valid then
 5. release-proof  it is the decision that the manifest names
 6. receipts       the recipient signed them, about exactly this package
 7. consents       the originators of parts that are passed on signed the consents that the decision relied on
 8. checkpoint     each log's own key signed its checkpoints
 9. consistency    each checkpoint extends the previous one; log proofs and cosignatures in receipts verify
10. inclusion      each entry is in its log
11. opening        each opened group is the one that its entry commits to
12. story          entries, receipts, consents and manifest agree about the package

A failure does not stop the later steps. Not checked: what the decision's rules mean, and that no further entries exist
about the package; only the whole log can prove that (`attache.evidence.directory`).
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from attache.errors import AttacheError
from attache.evidence.bundle import EvidenceBundle, SealedBundle, parse_bundle
from attache.evidence.consent_checks import verify_consents, verify_consents_logged
from attache.evidence.log_checks import ProvenEntry, ProvenLog, verify_log
from attache.evidence.report import Checks, EvidenceReport
from attache.evidence.statement_checks import (
    Anchors,
    ProvenReceipt,
    verify_manifest,
    verify_receipts,
    verify_release_proof,
    verify_revocations,
    verify_seal,
)
from attache.evidence.story import RELEASED, verify_story
from attache.participant import Descriptor
from attache.receipt import LogProof, verify_log_proof
from attache.translog.note import parse_signature_lines
from attache.translog.signing import OpenedCheckpoint, verify_line
from attache.translog.vkey import VerifierKey, parse_vkey

KIND = "evidence-bundle"
STEPS = (
    "bundle",
    "certificates",
    "seal",
    "manifest",
    "release-proof",
    "receipts",
    "consents",
    "checkpoint",
    "consistency",
    "inclusion",
    "opening",
    "story",
)
"""The steps of `verify_bundle`, in their order."""


def verify_bundle(raw: bytes, trusted: Iterable[Descriptor]) -> EvidenceReport:
    """Verify a `.attache-evidence` file. `trusted`: verified descriptors of the originator, the recipient, and every participant with a log or a consent in it.

    Never raises because of the file's content.
    """
    checks = Checks()
    try:
        sealed = parse_bundle(raw)
    except AttacheError as error:
        checks.failed("bundle", error.code, "file", error.detail or error.title)
        return EvidenceReport(KIND, {}, tuple(checks.made))
    bundle = sealed.bundle
    checks.proven(
        "bundle",
        "file",
        f"evidence about package {bundle.package_id}, made by {bundle.made_by} at {bundle.made_at.isoformat()}",
    )
    return _verify(sealed, {descriptor.participant: descriptor for descriptor in trusted}, checks)


def _verify(sealed: SealedBundle, anchors: Anchors, checks: Checks) -> EvidenceReport:
    bundle = sealed.bundle
    revoked = verify_revocations(bundle, anchors, checks)
    verify_seal(sealed, anchors, revoked, checks)
    manifest = verify_manifest(bundle, anchors, revoked, checks)
    verify_release_proof(bundle, manifest, checks)
    receipts = verify_receipts(bundle, anchors, revoked, checks)
    consents = verify_consents(bundle, anchors, revoked, checks)
    logs = _verify_logs(bundle, anchors, checks)
    for each in receipts:
        _verify_log_proof(each, anchors, checks)
        _verify_cosignature(each, anchors, logs.get(bundle.originator), checks)
    entries = [entry for log in logs.values() for entry in log.entries]
    verify_story(bundle, manifest, receipts, entries, checks)
    releases = [entry for entry in entries if entry.leaf.code == RELEASED and entry.participant == bundle.originator]
    verify_consents_logged(consents, entries, releases, checks)
    facts = {
        "package_id": bundle.package_id,
        "originator": bundle.originator,
        "recipient": bundle.recipient,
        "envelope_sha256": bundle.envelope_sha256,
        "manifest_sha256": bundle.manifest_sha256,
        "consents": [each.consent.consent_id for each in consents],
        "receipts": [{"receipt": each.receipt.receipt.value, "at": each.receipt.at.isoformat()} for each in receipts],
    }
    return EvidenceReport(KIND, facts, tuple(checks.made), tuple(_moment(entry) for entry in _by_time(entries)))


def _verify_logs(bundle: EvidenceBundle, anchors: Anchors, checks: Checks) -> dict[str, ProvenLog]:
    """Steps 8 to 11."""
    witnesses = _witness_keys(anchors)
    log_keys = _log_keys(anchors)
    logs: dict[str, ProvenLog] = {}
    for log in bundle.logs:
        if log.participant not in log_keys:
            checks.failed("checkpoint", "unknown-key", log.participant, "no trusted descriptor lists a key of this log")
        elif log.participant in logs:
            checks.failed("checkpoint", "malformed-evidence", log.participant, "the bundle holds this log twice")
        else:
            others = {name: key for name, key in witnesses.items() if name != log.participant}
            logs[log.participant] = verify_log(log, log_keys[log.participant], others, checks)
    return logs


def _log_keys(anchors: Anchors) -> dict[str, tuple[VerifierKey, ...]]:
    """The keys of the participants' logs; a log is left out if one of its keys does not parse."""
    found: dict[str, tuple[VerifierKey, ...]] = {}
    for participant, anchor in anchors.items():
        with suppress(AttacheError):
            found |= {participant: anchor.log_keys} if anchor.log_keys else {}
    return found


def _witness_keys(anchors: Anchors) -> dict[str, VerifierKey]:
    """The witness keys that the descriptors list; a key that does not parse is left out."""
    found: dict[str, VerifierKey] = {}
    for participant, anchor in anchors.items():
        text = anchor.stated.witness
        try:
            found |= {participant: parse_vkey(text)} if text else {}
        except AttacheError:
            continue
    return found


def _verify_log_proof(each: ProvenReceipt, anchors: Anchors, checks: Checks) -> None:
    proof: LogProof | None = each.receipt.log
    where = f"{each.receipt.receipt} receipt"
    keys = _log_keys(anchors).get(each.receipt.recipient)
    if proof is None or keys is None:
        checks.absent("consistency", where, "no proof from the recipient's own log")
        return
    with checks.proving("consistency", where, f"the recipient logged it, as entry {proof.index} of {proof.origin}"):
        verify_log_proof(proof, *map(str, keys))


def _verify_cosignature(each: ProvenReceipt, anchors: Anchors, log: ProvenLog | None, checks: Checks) -> None:
    """Check the recipient's cosignature against the originator's checkpoints in the bundle."""
    where, text = f"{each.receipt.receipt} receipt", each.receipt.cosignature
    key = _witness_keys(anchors).get(each.receipt.recipient)
    if text is None or key is None or log is None:
        checks.absent("consistency", where, "no cosignature that can be compared with a checkpoint of the bundle")
        return
    if any(_is_cosigned(opened, key, text) for opened in log.checkpoints):
        checks.proven(
            "consistency", where, "the recipient cosigned a checkpoint of the originator that the bundle holds"
        )
    else:
        checks.absent("consistency", where, "its cosignature is over a checkpoint that the bundle does not hold")


def _is_cosigned(opened: OpenedCheckpoint, key: VerifierKey, text: str) -> bool:
    try:
        (line,) = parse_signature_lines((text.rstrip("\n") + "\n").encode())
        verify_line(key, opened.checkpoint, line)
    except (AttacheError, ValueError):
        return False
    return (line.name, line.key_id) == (key.name, key.key_id)


def _by_time(entries: Iterable[ProvenEntry]) -> list[ProvenEntry]:
    return sorted(entries, key=lambda entry: (entry.leaf.at, entry.participant, entry.index))


_SHOWN = ("record", "reason")
"""The groups of an entry that the timeline holds, where they are open. Who did it is in the entries themselves."""


def _moment(entry: ProvenEntry) -> dict[str, Any]:
    return {
        "participant": entry.participant,
        "index": entry.index,
        "at": entry.leaf.at.isoformat(),
        "code": entry.leaf.code,
        **{group: dict(fields) for group, fields in entry.fields.items() if group in _SHOWN},
    }
