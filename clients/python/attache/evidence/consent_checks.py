"""Step 7 of `verify_bundle`: the consents that the decision relied on, each under its originator's signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attache import strict_json
from attache.consent import CONSENT, Consent, parse_consent_payload, verify_consent
from attache.crypto import Revoked, nothing_revoked, parse_b64u, sha256_hex
from attache.errors import AttacheError, NotAuthentic, Stale, UnknownKey
from attache.evidence.bundle import EvidenceBundle
from attache.evidence.log_checks import ProvenEntry
from attache.evidence.report import Checks
from attache.evidence.statement_checks import Anchors
from attache.package.instants import parse_instant
from attache.package.jws import parse_statement
from attache.package.opening import CLOCK_ALLOWANCE

GIVEN = "consent.given"
IS_ABOUT_CONSENT = "consent."
"""Entries whose codes begin so are about the package that brought the content, not about the one that passes it on."""

_STEP = "consents"
_FACTS = {"consent_id": "consent_id", "originator": "originator", "recipient": "recipient", "purpose": "purpose"}
_FACTS |= {"content": "content_sha256", "expires_at": "expires_at"}


@dataclass(frozen=True)
class ProvenConsent:
    """A consent that its originator signed and that covers this release, and the digest of its bytes."""

    consent: Consent
    sha256: str


@dataclass(frozen=True)
class _Decision:
    """The consents in the record of the decision: `now` is its time, `relied` the facts of the consents that it relied on, by id."""

    now: datetime
    relied: Mapping[str, Mapping[str, Any]]


def verify_consents(
    bundle: EvidenceBundle, anchors: Anchors, revoked: Mapping[str, Revoked], checks: Checks
) -> tuple[ProvenConsent, ...]:
    """The consents that verify and whose content, parties, purpose and time fit the decision in the bundle.

    A consent that the decision relied on and that is not in the bundle is recorded as absent. Without consents, no check is recorded.
    """
    decision = _decision(bundle)
    proven = []
    for number, text in enumerate(bundle.consents, 1):
        raw = parse_b64u(text)
        try:
            consent = _verified(raw, anchors, revoked)
            _require_relied_on(bundle, decision, consent)
        except AttacheError as error:
            checks.failed(_STEP, error.code, f"consent {number}", error.detail or error.title)
            continue
        detail = f"{consent.originator} let {consent.holder} pass it on to {consent.recipient} for {consent.purpose}"
        checks.proven(_STEP, consent.consent_id, f"{detail}, until {consent.expires_at.isoformat()}")
        proven.append(ProvenConsent(consent, sha256_hex(raw)))
    proven_ids = {each.consent.consent_id for each in proven}
    for consent_id in sorted(set(decision.relied if decision else ()) - proven_ids):
        checks.absent(_STEP, consent_id, "the decision relied on it, but it is not in the bundle or does not verify")
    return tuple(proven)


def verify_consents_logged(
    consents: Sequence[ProvenConsent], entries: Sequence[ProvenEntry], releases: Sequence[ProvenEntry], checks: Checks
) -> None:
    """Part of step 12: the log that holds the release holds each consent before it."""
    for each in consents:
        consent_id = each.consent.consent_id
        found = [entry for entry in entries if entry.fields.get("record", {}).get("consent_id") == consent_id]
        before_release = [
            entry
            for entry in found
            if entry.leaf.code == GIVEN
            and any(entry.participant == last.participant and entry.index < last.index for last in releases)
        ]
        if any(entry.fields["record"].get("consent_sha256") != each.sha256 for entry in found):
            checks.failed("story", "proof-invalid", consent_id, "the log holds another consent under this id")
        elif before_release:
            checks.proven("story", consent_id, "the log holds the consent, before the release")
        else:
            checks.absent("story", consent_id, "no opened entry before the release names this consent")


def _verified(raw: bytes, anchors: Anchors, revoked: Mapping[str, Revoked]) -> Consent:
    """The consent, verified with the keys of the originator that it names in its payload."""
    statement = parse_statement(raw, CONSENT)
    claimed = parse_consent_payload(statement.pinned_payload(statement.payload_sha256)).originator
    if claimed not in anchors:
        raise UnknownKey(detail=f"no descriptor of {claimed} is trusted")
    return verify_consent(raw, anchors[claimed], revoked=revoked.get(claimed, nothing_revoked))


def _require_relied_on(bundle: EvidenceBundle, decision: _Decision | None, consent: Consent) -> None:
    # protocol G10
    if (consent.holder, consent.recipient) != (bundle.originator, bundle.recipient):
        raise NotAuthentic("envelope-mismatch", "the consent is for another holder or another recipient")
    if decision is None:
        raise NotAuthentic("proof-invalid", "the bundle holds no decision that relied on it")
    facts = decision.relied.get(consent.consent_id)
    if facts is None:
        raise NotAuthentic("proof-invalid", "the decision did not rely on it")
    signed = consent.model_dump(mode="json")
    wrong = [name for name, member in _FACTS.items() if not _is_same(name, facts.get(name), signed[member])]
    # protocol G10
    if wrong:
        raise NotAuthentic("proof-invalid", f"the decision has another {', '.join(wrong)} for this consent")
    # protocol G10
    if not consent.at - CLOCK_ALLOWANCE <= decision.now < consent.expires_at:
        raise Stale(detail="it was not valid at the time of the decision")


def _is_same(name: str, decided: object, signed: object) -> bool:
    if name != "expires_at":
        return decided == signed
    try:
        return parse_instant(decided) == parse_instant(signed)
    except AttacheError:
        return False


def _decision(bundle: EvidenceBundle) -> _Decision | None:
    """The decision in the bundle; None if there is no record or it cannot be read. Other steps check that it is the decision of this release."""
    if bundle.release_proof is None:
        return None
    try:
        request = strict_json.parse_object(parse_b64u(bundle.release_proof)).get("request", {})
        now = parse_instant(request["now"])
        sources = {(part["sha256"], part["origin"]) for part in request["parts"]}
        relied = {
            facts["consent_id"]: facts
            for facts in request["consents"]
            if (facts["content"], facts["originator"]) in sources
            and (facts["recipient"], facts["purpose"]) == (request["recipient"], request["purpose"])
        }
    except (AttacheError, KeyError, TypeError, AttributeError):
        return None
    return _Decision(now, relied)
