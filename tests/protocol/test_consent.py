"""Originator consent: signed by the originator alone, for one content, recipient, purpose and time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.consent import CONSENT, Consent, parse_consent_payload, sign_consent, verify_consent
from attache.crypto import Suite, b64u, parse_b64u
from attache.errors import AttacheError, Misconfigured
from attache.package import KeyStatus, sign_statement
from attache.receipt import RECEIPT
from attache.strict_json import canonical, parse_object
from attache.vocabulary import Purpose
from tests.protocol.making import ME, NOW, ORIGINATOR, THIRD, with_keys


def a_consent(**changes) -> Consent:
    members = {
        "consent_id": "01935000-0000-7000-8000-000000000001",
        "originator": ORIGINATOR,
        "holder": ME,
        "recipient": THIRD,
        "purpose": Purpose.CRIMINAL_INVESTIGATION,
        "content_sha256": "0" * 64,
        "package_id": "01935000-0000-7000-8000-000000000002",
        "request_id": "01935000-0000-7000-8000-000000000003",
        "at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }
    return Consent(**{**members, **changes})


def code_of(read, *given) -> str:
    with pytest.raises(AttacheError) as error:
        read(*given)
    return error.value.code


@pytest.fixture
def signed(parties):
    return sign_consent(a_consent(), parties[ORIGINATOR].keys)


def test_signed_and_verified(parties, signed):
    assert verify_consent(signed, parties[ORIGINATOR].descriptor) == a_consent()
    assert parse_consent_payload(parse_b64u(parse_object(signed)["payload"])) == a_consent()


def test_only_the_originators_signature_counts(parties, signed):
    assert code_of(verify_consent, signed, parties[ME].descriptor) == "unknown-key"
    forged = sign_consent(a_consent(originator=ME, holder=ORIGINATOR), parties[ORIGINATOR].keys)
    assert code_of(verify_consent, forged, parties[ORIGINATOR].descriptor) == "signature-invalid"


def test_no_other_statement_is_a_consent(parties):
    raw = sign_statement(
        RECEIPT, canonical(a_consent().model_dump(mode="json")), parties[ORIGINATOR].keys, Suite.HYBRID_1
    )
    assert code_of(verify_consent, raw, parties[ORIGINATOR].descriptor) == "signature-invalid"


def test_a_weaker_suite_than_the_originators_is_refused(parties):
    raw = sign_statement(
        CONSENT, canonical(a_consent().model_dump(mode="json")), parties[ORIGINATOR].keys, Suite.CLASSICAL_1
    )
    assert code_of(verify_consent, raw, parties[ORIGINATOR].descriptor) == "signature-invalid"


def test_a_revoked_key_consents_to_nothing(parties, signed):
    revoked = with_keys(parties[ORIGINATOR].descriptor, lambda key: replace(key, status=KeyStatus.REVOKED))
    assert code_of(verify_consent, signed, revoked) == "unknown-key"


def test_a_ring_without_keys_cannot_consent(parties):
    with pytest.raises(Misconfigured):
        sign_consent(a_consent(), replace(parties[ORIGINATOR].keys, signers=()))


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOW},
        {"recipient": ME},
        {"recipient": ORIGINATOR},
        {"holder": ORIGINATOR},
    ],
    ids=["no time", "to the holder", "to the originator", "held by the originator"],
)
def test_what_makes_no_sense_is_no_consent(changes):
    stated = {
        **a_consent().model_dump(mode="json"),
        **{n: v if isinstance(v, str) else "2026-11-22T09:00:00Z" for n, v in changes.items()},
    }
    assert code_of(parse_consent_payload, canonical(stated)) == "malformed-consent"


@pytest.mark.parametrize("member", sorted(Consent.model_fields))
def test_every_member_is_needed_and_signed(parties, signed, member):
    stated = a_consent().model_dump(mode="json")
    without = {name: value for name, value in stated.items() if name != member}
    assert code_of(parse_consent_payload, canonical(without)) == "malformed-consent"
    other = {"purpose": "tax-enforcement", "at": "2026-11-21T09:00:00Z", "expires_at": "2027-11-22T09:00:00Z"}
    changed = {**stated, member: other.get(member, stated[member].replace("0", "1").replace("-", "a"))}
    document = parse_object(signed)
    document["payload"] = b64u(canonical(changed))
    assert code_of(verify_consent, canonical(document), parties[ORIGINATOR].descriptor) == "signature-invalid"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_our_own_error(raw):
    with pytest.raises(AttacheError):
        parse_consent_payload(raw)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Consent.model_fields)), st.one_of(st.none(), st.integers(), st.text(max_size=40))
    )
)
def test_any_members_are_refused_with_our_own_error(changes):
    stated = {**a_consent().model_dump(mode="json"), **changes}
    try:
        assert parse_consent_payload(canonical(stated)).model_dump(mode="json") == stated
    except AttacheError as error:
        assert error.code == "malformed-consent"
