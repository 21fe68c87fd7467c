"""The sealed fields of records: every one is declared, under this key and in this context, and opens in its own record only."""

import os
from dataclasses import fields, replace

import pytest

from attache.errors import IntegrityLost
from attache.package import PartSealer
from gateway.exchange.kernel import sealed
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.records import (
    RECORDS,
    ApprovalRecord,
    ArrivalRecord,
    ConsentRecord,
    ConsentRequestRecord,
    DecisionRecord,
    HoldRecord,
    PackageRecord,
    PartRecord,
    PurgeRecord,
    RedactedPartRecord,
    ReleaseRecord,
    ReviewRecord,
    key_names,
)
from gateway.exchange.kernel.sealed import Reasons, SealedField
from tests.sample_records import sample

OWN = "irs-ci"
SIGNED = b'{"payload":"e30","signatures":[]}'


def a_part():
    sealer = PartSealer(random=os.urandom)
    sealer.update(b"content")
    return sealer.finish()[1]


FACTS = {"title": "Zephyrine", "parts": [1, None, True]}
# What was written once is opened by this for ever: the field, what it is sealed with besides the id of the record, and a value.
FIELDS = [
    (sealed.PACKAGE_FACTS, PackageRecord, "facts_sealed", "package {package_id}", FACTS),
    (sealed.PART, PartRecord, "sealed_part_sealed", "part {package_id} {number}", a_part()),
    (
        sealed.REDACTED_PART,
        RedactedPartRecord,
        "sealed_part_sealed",
        "redacted-part {package_id} {number} {recipient}",
        a_part(),
    ),
    (sealed.DECISION, DecisionRecord, "record_sealed", "decision {decision_id}", b"{}"),
    (sealed.MANIFEST, ReleaseRecord, "manifest_sealed", "manifest {package_id} {recipient}", b"\x00\xff"),
    (sealed.APPROVED_DIGEST, ApprovalRecord, "digest_sealed", "approved {approval_id}", "ab" * 32),
    (sealed.APPROVAL_REASON, ApprovalRecord, "reason_sealed", "approval {approval_id}", "read"),
    (sealed.REVIEW_NOTE, ReviewRecord, "note_sealed", "review {package_id} {recipient}", "seen"),
    (sealed.ARRIVAL_FACTS, ArrivalRecord, "facts_sealed", "arrival {originator} {package_id}", FACTS),
    (sealed.CONSENT, ConsentRecord, "signed_sealed", "consent {consent_id}", SIGNED),
    (
        sealed.CONSENT_REQUEST_FACTS,
        ConsentRequestRecord,
        "facts_sealed",
        "consent-request {holder} {request_id}",
        FACTS,
    ),
    (sealed.CONSENT_REFUSAL, ConsentRequestRecord, "refusal_sealed", "consent-refusal {holder} {request_id}", SIGNED),
    (sealed.HOLD_REASONS, HoldRecord, "reasons_sealed", "hold {hold_id} placed", Reasons("26-1", "litigation")),
    (sealed.HOLD_LIFTING, HoldRecord, "lifting_sealed", "hold {hold_id} lifted", "over"),
    (sealed.PURGE_REASONS, PurgeRecord, "reasons_sealed", "purge {purge_id} order", Reasons("26-1", "expunged")),
    (sealed.PURGE_DECISION, PurgeRecord, "decision_sealed", "purge {purge_id} decision", "compared"),
]
OUTLASTS = (HoldRecord, PurgeRecord)
OF_PARTNERS = (ArrivalRecord, ConsentRecord, ConsentRequestRecord)
NAMES = [f"{kind.__name__}.{name}" for _, kind, name, _, _ in FIELDS]


class Keys:
    """A data key for each package."""

    def __init__(self) -> None:
        self.keys = {}

    def label(self, originator, package_id):
        return f"{originator}/{package_id}".encode()

    def sealing_key(self, originator, package_id):
        return self.keys.setdefault(self.label(originator, package_id), os.urandom(32))

    def opening_key(self, label):
        if label not in self.keys:
            raise IntegrityLost(step="at-rest")
        return self.keys[label]

    def is_retired(self, _label):
        return False


def test_every_sealed_field_of_every_record_is_declared_once():
    declared = [value for value in vars(sealed).values() if isinstance(value, SealedField)]
    assert {id(field) for field in declared} == {id(field) for field, *_ in FIELDS}
    there = {
        f"{kind.__name__}.{field.name}" for kind in RECORDS for field in fields(kind) if field.name.endswith("_sealed")
    }
    assert sorted(NAMES) == sorted(there)


@pytest.mark.parametrize(("field", "kind", "name", "context", "value"), FIELDS, ids=NAMES)
def test_it_is_sealed_in_its_field_under_its_key_and_context(field, kind, name, context, value):
    vault, record = Vault(os.urandom(32), Keys()), sample(kind)
    after = field.seal(vault, OWN, record, value)
    assert [each.name for each in fields(kind) if getattr(after, each.name) != getattr(record, each.name)] == [name]
    originator = record.originator if kind in OF_PARTNERS else OWN
    by_hand = vault if kind in OUTLASTS else vault.of(originator, record.package_id)
    opened = by_hand.open(getattr(after, name), *(part.format(**vars(record)) for part in context.split()))
    assert field.decode(opened) == value == field.open(vault, OWN, after)


@pytest.mark.parametrize(("field", "kind", "name", "context", "value"), FIELDS, ids=NAMES)
def test_it_opens_in_no_other_record(field, kind, name, context, value):
    vault, record = Vault(os.urandom(32), Keys()), sample(kind)
    after = field.seal(vault, OWN, record, value)
    for key in key_names(kind):
        if f"{{{key}}}" in context:
            other = 7 if isinstance(getattr(record, key), int) else "another"
            with pytest.raises(IntegrityLost):
                field.open(vault, OWN, replace(after, **{key: other}))
