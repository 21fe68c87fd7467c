"""The closed catalogue of events in the exchange log. A code, once released, keeps its meaning for ever.

An event's fields stand in groups. Each group is committed to under a salt of its own, so it can be opened to those who
may see it and to nobody else, and purged alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """Which fields are opened, and purged, together."""

    RECORD = "record"
    """What happened: identifiers, digests, sizes, states, keys. May be shown to the partner concerned."""
    PERSON = "person"
    """Who did it, and from where."""
    REASON = "reason"
    """Why: legal basis, purpose, rules, words of an officer."""
    ROWS = "rows"
    """Digests of the database rows that the same transaction left, in its last entry. For the gateway's own check; shown to nobody."""


class Reader(StrEnum):
    """Who may be shown a group of an event. Roles of callers, and the two sides of an exchange."""

    AUDITOR = "auditor"
    SECURITY_OFFICER = "security-officer"
    PARTNER_ADMIN = "partner-admin"
    OPERATOR = "operator"
    SUBMITTER = "submitter"
    APPROVER = "approver"
    PARTNER = "partner"


class EventCode(StrEnum):
    """What happened."""

    PACKAGE_SUBMITTED = "package.submitted"
    PACKAGE_DECIDED = "package.decided"
    PACKAGE_HELD = "package.held"
    PACKAGE_APPROVED = "package.approved"
    PACKAGE_REJECTED = "package.rejected"
    APPROVAL_LAPSED = "approval.lapsed"
    APPROVAL_VOIDED = "approval.voided"
    APPROVAL_READ = "approval.read"
    OFFICER_WITHDRAWN = "officer.withdrawn"
    OFFICER_REINSTATED = "officer.reinstated"
    REVIEW_BOOKED = "review.booked"
    REVIEW_OVERDUE = "review.overdue"
    REVIEW_DONE = "review.done"
    PACKAGE_DENIED = "package.denied"
    PACKAGE_RELEASED = "package.released"
    PACKAGE_DELIVERED = "package.delivered"
    PACKAGE_REFUSED = "package.refused"
    PACKAGE_UNDELIVERABLE = "package.undeliverable"
    PACKAGE_OPENED_BY_PARTNER = "package.opened-by-partner"
    PACKAGE_ANNOUNCED = "package.announced"
    PACKAGE_RECEIVED = "package.received"
    PACKAGE_REFUSED_BY_US = "package.refused-by-us"
    PACKAGE_OPENED = "package.opened"
    PACKAGE_READ = "package.read"
    PACKAGE_USE_DENIED = "package.use-denied"
    PACKAGE_COLLECTED = "package.collected"
    PACKAGE_EXPORTED = "package.exported"
    PACKAGE_EXPIRED = "package.expired"
    PACKAGE_PURGED = "package.purged"
    RECEIPT_STORED = "receipt.stored"
    RECEIPT_SIGNED = "receipt.signed"
    CONSENT_ASKED = "consent.asked"
    CONSENT_GIVEN = "consent.given"
    CONSENT_REFUSED = "consent.refused"
    CONSENT_REJECTED = "consent.rejected"
    SUBMISSION_REFUSED = "submission.refused"
    APPROVAL_REFUSED = "approval.refused"
    DECISION_DRY_RUN = "decision.dry-run"
    PARTICIPANT_ADMITTED = "participant.admitted"
    PARTICIPANT_SUSPENDED = "participant.suspended"
    PARTICIPANT_REINSTATED = "participant.reinstated"
    PARTICIPANT_ROTATED = "participant.rotated"
    KEY_ROTATED = "key.rotated"
    CERTIFICATE_REFUSED = "certificate.refused"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_REFUSED = "policy.refused"
    SETTINGS_CHANGED = "settings.changed"
    SIGN_IN = "session.signed-in"
    SIGN_IN_REFUSED = "session.refused"
    ACCESS_REFUSED = "access.refused"
    PACKAGES_INSPECTED = "packages.inspected"
    LOG_SEARCHED = "log.searched"
    LOG_EXPORTED = "log.exported"
    EVIDENCE_EXPORTED = "evidence.exported"
    LOG_CHECKED = "log.checked"
    LOG_ALARM = "log.alarm"
    WITNESS_COSIGNED = "witness.cosigned"
    WITNESS_OBTAINED = "witness.obtained"
    WITNESS_REFUSED = "witness.refused"
    WITNESS_ALARM = "witness.alarm"
    WITNESS_CLEARED = "witness.cleared"
    PURGE_ORDERED = "purge.ordered"
    PURGE_APPROVED = "purge.approved"
    PURGE_REJECTED = "purge.rejected"
    PURGE_LAPSED = "purge.lapsed"
    PURGE_DONE = "purge.done"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    RECORDS_CHANGED = "records.changed"
    BACKUP_TAKEN = "backup.taken"
    GATEWAY_STARTED = "gateway.started"
    GATEWAY_STOPPED = "gateway.stopped"


@dataclass(frozen=True)
class EventKind:
    """What one code means. `objects`: the pseudonymous ids in its leaf besides the actor's. `fields`: by group, all optional."""

    code: EventCode
    description: str
    objects: tuple[str, ...]
    fields: Mapping[Group, tuple[str, ...]]
    readers: frozenset[Reader]
    """Who may be shown the record besides the auditor. The other groups: see `readers_of`."""


def readers_of(code: EventCode, group: Group) -> frozenset[Reader]:
    """Who may be shown this group of such an event. The auditor sees all groups, a partner never a person or a reason."""
    if group is Group.ROWS:
        return frozenset()
    always = {Reader.AUDITOR}
    if group is Group.RECORD:
        return frozenset(always | CATALOGUE[code].readers)
    if group is Group.PERSON:
        return frozenset(always | {Reader.SECURITY_OFFICER})
    return frozenset(always | (CATALOGUE[code].readers - {Reader.PARTNER, Reader.OPERATOR}))


_PERSON = ("actor", "role", "desk", "client", "request_id")
_OWN = frozenset({Reader.SUBMITTER, Reader.APPROVER, Reader.SECURITY_OFFICER})
_SHARED = _OWN | {Reader.PARTNER}
_PARTNERS = frozenset({Reader.PARTNER_ADMIN, Reader.SECURITY_OFFICER})
_SECURITY = frozenset({Reader.SECURITY_OFFICER})
_OPERATIONS = frozenset({Reader.OPERATOR, Reader.SECURITY_OFFICER})
_PACKAGE = ("package",)
_PACKAGE_PARTNER = ("package", "partner")
_WHAT = ("package_id", "originator", "recipient", "recipient_desk")
_SEALED = (*_WHAT, "envelope_sha256", "manifest_sha256", "suite")


def _kind(
    code: EventCode,
    description: str,
    objects: tuple[str, ...],
    readers: frozenset[Reader],
    record: tuple[str, ...],
    *,
    reason: tuple[str, ...] = (),
) -> EventKind:
    groups = {Group.RECORD: record, Group.PERSON: _PERSON, Group.REASON: reason}
    return EventKind(code, description, objects, {group: fields for group, fields in groups.items() if fields}, readers)


_E = EventCode
_KINDS = (
    _kind(_E.PACKAGE_SUBMITTED, "A package was submitted for release.", _PACKAGE, _OWN,
          ("package_id", "originator", "kind", "recipients", "parts", "part_sha256", "bytes", "idempotency_key_sha256"), reason=("legal_basis", "purpose", "markings", "case_reference")),
    _kind(_E.PACKAGE_DECIDED, "Policy decided for one recipient.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "decision_id", "outcome", "policy_sha256", "facts_sha256", "request_sha256", "parts"), reason=("reasons", "rules", "obligations")),
    _kind(_E.PACKAGE_HELD, "The release to one recipient waits for an approval.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "decision_id", "approver_role", "post"), reason=("reasons", "rules")),
    _kind(_E.PACKAGE_APPROVED, "A second officer approved exactly this release.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "decision_id", "release_sha256", "post"), reason=("note",)),
    _kind(_E.PACKAGE_REJECTED, "A second officer rejected the release.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "decision_id", "post"), reason=("note",)),
    _kind(_E.APPROVAL_LAPSED, "Nobody answered in time; the release is rejected.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "decision_id", "post")),
    _kind(_E.APPROVAL_VOIDED, "What was to be approved is no longer what would leave; policy decided again.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "decision_id", "post")),
    _kind(_E.APPROVAL_READ, "An approver read what would leave of a part that waits.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "part", "bytes")),
    _kind(_E.OFFICER_WITHDRAWN, "Approving was withdrawn from an officer, for some posts or for all.", (), _SECURITY, ("officer", "posts"), reason=("note",)),
    _kind(_E.OFFICER_REINSTATED, "An officer may approve again as the access token says.", (), _SECURITY, ("officer",), reason=("note",)),
    _kind(_E.REVIEW_BOOKED, "A release went at once; a second officer is to review it.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "decision_id", "post", "due_at")),
    _kind(_E.REVIEW_OVERDUE, "A booked review was not done in time.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "post", "due_at")),
    _kind(_E.REVIEW_DONE, "A second officer reviewed what had gone at once.", _PACKAGE_PARTNER, _OWN, (*_WHAT, "post", "due_at", "finding"), reason=("note",)),
    _kind(_E.PACKAGE_DENIED, "Policy denied the release to one recipient; nothing left.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "decision_id", "policy_sha256"), reason=("reasons", "rules")),
    _kind(_E.PACKAGE_RELEASED, "The package was signed and sealed to one recipient.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "decision_id", "release_sha256", "key_ids"), reason=("legal_basis", "purpose", "markings", "parts", "withheld", "redacted")),
    _kind(_E.PACKAGE_DELIVERED, "The recipient holds the package and its delivered receipt is stored.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256", "attempts")),
    _kind(_E.PACKAGE_REFUSED, "The recipient refused the package for good.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256", "code", "step")),
    _kind(_E.PACKAGE_UNDELIVERABLE, "The package, or a receipt or consent about it, was not delivered.", _PACKAGE_PARTNER, _SHARED | {Reader.OPERATOR},
          (*_SEALED, "carried", "attempts", "code", "first_attempt_at", "last_attempt_at")),
    _kind(_E.PACKAGE_OPENED_BY_PARTNER, "The recipient's opened receipt is stored.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256", "opened_at")),
    _kind(_E.PACKAGE_ANNOUNCED, "A partner announced a package to us.", _PACKAGE_PARTNER, _SHARED, (*_SEALED, "bytes", "parts")),
    _kind(_E.PACKAGE_RECEIVED, "A partner's package was verified and stored.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256", "parts", "bytes", "key_ids")),
    _kind(_E.PACKAGE_REFUSED_BY_US, "We refused a partner's package; nothing of it was stored.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256", "code", "step")),
    _kind(_E.PACKAGE_OPENED, "A reader here opened a received package for the first time.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_sha256"), reason=("purpose",)),
    _kind(_E.PACKAGE_READ, "A reader here read a package or a part of it again.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "part", "bytes", "use"), reason=("purpose",)),
    _kind(_E.PACKAGE_USE_DENIED, "Policy did not permit a reader here this use of a received package.", _PACKAGE_PARTNER, _OWN,
          (*_WHAT, "part", "use"), reason=("purpose", "reasons", "rules")),
    _kind(_E.PACKAGE_COLLECTED, "A mailbox participant fetched a sealed package or a part of it.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "part", "bytes")),
    _kind(_E.PACKAGE_EXPORTED, "A sealed package left as a file.", _PACKAGE_PARTNER, _SHARED, (*_SEALED, "bytes"), reason=("purpose",)),
    _kind(_E.PACKAGE_EXPIRED, "The package's term ended.", _PACKAGE_PARTNER, _SHARED, (*_WHAT, "expires_at")),
    _kind(_E.PACKAGE_PURGED, "Content, keys and salts of a package were destroyed.", _PACKAGE, _OWN,
          (*_WHAT, "indexes", "blobs", "purge_id"), reason=("legal_basis", "rule")),
    _kind(_E.RECEIPT_STORED, "A partner's signed receipt was verified and stored.", _PACKAGE_PARTNER, _SHARED,
          (*_SEALED, "receipt_kind", "receipt_sha256")),
    _kind(_E.RECEIPT_SIGNED, "We signed a receipt.", _PACKAGE_PARTNER, _SHARED, (*_SEALED, "receipt_kind", "receipt_sha256")),
    _kind(_E.CONSENT_ASKED, "A holder asked an originator to consent to onward sharing.", _PACKAGE_PARTNER, _SHARED,
          (*_WHAT, "third", "request_id"), reason=("note", "purpose")),
    _kind(_E.CONSENT_GIVEN, "An originator consented to onward sharing.", _PACKAGE_PARTNER, _SHARED,
          (*_WHAT, "third", "request_id", "consent_id", "consent_sha256", "until"), reason=("note", "purpose")),
    _kind(_E.CONSENT_REFUSED, "An originator did not consent to onward sharing.", _PACKAGE_PARTNER, _SHARED,
          (*_WHAT, "third", "request_id", "refusal_sha256"), reason=("note",)),
    _kind(_E.CONSENT_REJECTED, "A consent, a refusal or a request for one does not verify or fits nothing; nothing of it was stored.", ("partner",), _OWN | _PARTNERS,
          ("participant", "statement_sha256", "code", "step")),
    _kind(_E.SUBMISSION_REFUSED, "What was submitted or asked names something unknown, or contradicts itself; nothing was decided, and nothing left.", (), _OWN,
          ("package_id", "request", "code", "policy_sha256"), reason=("note",)),
    _kind(_E.APPROVAL_REFUSED, "An answer to an approval did not count: it is none, or none any more, or its package, recipient or time is.", (), _OWN,
          ("approval_id", "code")),
    _kind(_E.DECISION_DRY_RUN, "Somebody asked what policy would decide. No content is logged.", (), _OWN,
          ("decision_id", "recipients", "outcomes", "policy_sha256", "request_sha256"), reason=("purpose",)),
    _kind(_E.PARTICIPANT_ADMITTED, "A participant's descriptor was admitted.", ("partner",), _PARTNERS,
          ("participant", "serial", "fingerprint", "descriptor_sha256", "post"), reason=("note",)),
    _kind(_E.PARTICIPANT_SUSPENDED, "Exchange with a participant was suspended.", ("partner",), _PARTNERS, ("participant", "serial"), reason=("note",)),
    _kind(_E.PARTICIPANT_REINSTATED, "Exchange with a participant was resumed.", ("partner",), _PARTNERS, ("participant", "serial"), reason=("note",)),
    _kind(_E.PARTICIPANT_ROTATED, "A participant's signed successor descriptor was accepted.", ("partner",), _PARTNERS,
          ("participant", "serial", "epoch", "fingerprint", "descriptor_sha256", "previous_sha256")),
    _kind(_E.KEY_ROTATED, "Our own keys were rotated: a successor of our own descriptor lists other keys.", (), _SECURITY, ("serial", "descriptor_sha256", "key_ids")),
    _kind(_E.CERTIFICATE_REFUSED, "Connections or requests with a certificate that is refused; `count` of them since the last such entry.", ("partner",), _PARTNERS,
          ("participant", "certificate_sha256", "code", "client_network", "count")),
    _kind(_E.POLICY_PROPOSED, "An officer proposed a policy set, which loads and whose cases hold.", (), _PARTNERS, ("policy_sha256", "cases"), reason=("note",)),
    _kind(_E.POLICY_ACTIVATED, "A policy set came into force.", (), _PARTNERS, ("policy_sha256", "previous_sha256", "version", "cases"), reason=("note",)),
    _kind(_E.POLICY_REFUSED, "A policy set did not load and did not come into force.", (), _PARTNERS, ("policy_sha256", "code"), reason=("note",)),
    _kind(_E.SETTINGS_CHANGED, "The gateway started with other settings than before.", (), _OPERATIONS, ("names", "settings_sha256")),
    _kind(_E.SIGN_IN, "Somebody came with an access token that this gateway had not met: a sign-in at the agency's issuer.", (), _SECURITY,
          ("method", "session_sha256", "expires_at")),
    _kind(_E.SIGN_IN_REFUSED, "Access tokens were refused; `count` of them since the last such entry.", (), _SECURITY, ("method", "code", "client_network", "count")),
    _kind(_E.ACCESS_REFUSED, "A caller was refused what is another role's, post's or officer's; `count` times since the last such entry.", (), _SECURITY,
          ("operation", "code", "count")),
    _kind(_E.PACKAGES_INSPECTED, "Somebody whose role sees all looked at packages of others. No content is shown.", (), _SECURITY,
          ("operation", "package_id", "packages")),
    _kind(_E.LOG_SEARCHED, "An auditor searched the log.", (), _SECURITY, ("filter", "entries"), reason=("purpose",)),
    _kind(_E.LOG_EXPORTED, "An auditor exported a filtered set of the log.", (), _SECURITY, ("filter", "entries", "export_sha256", "format"), reason=("purpose",)),
    _kind(_E.EVIDENCE_EXPORTED, "An evidence bundle was made.", _PACKAGE, _SECURITY, ("package_id", "originator", "bundle_sha256", "indexes"), reason=("purpose",)),
    _kind(_E.LOG_CHECKED, "The gateway re-hashed its own log.", (), _OPERATIONS, ("size", "root", "findings")),
    _kind(_E.LOG_ALARM, "The gateway's own records do not add up.", (), _OPERATIONS, ("size", "code", "step")),
    _kind(_E.WITNESS_COSIGNED, "We cosigned a partner's checkpoint.", ("partner",), _PARTNERS | {Reader.PARTNER}, ("participant", "origin", "size", "root")),
    _kind(_E.WITNESS_OBTAINED, "A witness cosigned our checkpoint.", ("partner",), _PARTNERS | {Reader.PARTNER}, ("participant", "witness", "size", "root", "cosigned_at")),
    _kind(_E.WITNESS_REFUSED, "A checkpoint was not cosigned.", ("partner",), _PARTNERS, ("participant", "origin", "size", "status", "code")),
    _kind(_E.WITNESS_ALARM, "A log, ours or a partner's, showed two histories.", ("partner",), _PARTNERS,
          ("participant", "origin", "our_size", "their_size", "our_root", "their_root", "code")),
    _kind(_E.WITNESS_CLEARED, "A security officer ended the alarms between a witness and us.", ("partner",), _PARTNERS, ("participant", "codes"), reason=("note",)),
    _kind(_E.PURGE_ORDERED, "Somebody ordered a purge before its time.", (), _SECURITY, ("purge_id", "packages"), reason=("legal_basis", "note")),
    _kind(_E.PURGE_APPROVED, "A second officer approved the purge.", (), _SECURITY, ("purge_id",), reason=("note",)),
    _kind(_E.PURGE_REJECTED, "A second officer rejected the purge.", (), _SECURITY, ("purge_id",), reason=("note",)),
    _kind(_E.PURGE_LAPSED, "Nobody confirmed the purge in time.", (), _SECURITY, ("purge_id",)),
    _kind(_E.PURGE_DONE, "Payloads and salts of log entries were destroyed. Their leaves stay.", (), _SECURITY,
          ("purge_id", "indexes", "groups"), reason=("legal_basis", "rule")),
    _kind(_E.HOLD_PLACED, "A legal hold keeps packages from being purged.", (), _SECURITY, ("hold_id", "packages"), reason=("legal_basis", "note")),
    _kind(_E.HOLD_LIFTED, "A legal hold was lifted.", (), _SECURITY, ("hold_id",), reason=("note",)),
    _kind(_E.RECORDS_CHANGED, "Bookkeeping: records changed by something that has no event of its own.", (), _OPERATIONS, ("tables",)),
    _kind(_E.BACKUP_TAKEN, "A backup was taken.", (), _OPERATIONS, ("size", "root")),
    _kind(_E.GATEWAY_STARTED, "A gateway process started.", (), _OPERATIONS, ("version", "size", "root", "settings_sha256", "policy_sha256", "leases_ended")),
    _kind(_E.GATEWAY_STOPPED, "A gateway process stopped in order.", (), _OPERATIONS, ("version", "size")),
)  # fmt: skip

CATALOGUE: Mapping[EventCode, EventKind] = {kind.code: kind for kind in _KINDS}


def render_catalogue() -> str:
    """The catalogue as a Markdown table, as `docs/exchange-log.md` shows it."""
    rows = [
        "| code | what happened | ids in the leaf | record | reason | record and reason also shown to |",
        "|---|---|---|---|---|---|",
    ]
    rows += [_row(kind) for kind in CATALOGUE.values()]
    return "\n".join(rows) + "\n"


def _row(kind: EventKind) -> str:
    cells = (
        f"`{kind.code}`",
        kind.description,
        ", ".join(("actor", *kind.objects)),
        _names(kind.fields.get(Group.RECORD, ())),
        _names(kind.fields.get(Group.REASON, ())),
        ", ".join(sorted(kind.readers)) or "nobody",
    )
    return f"| {' | '.join(cells)} |"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(f"`{field}`" for field in fields) or "none"
