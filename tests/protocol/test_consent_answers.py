"""Requests for consent and refusals: closed, bounded values; a refusal is signed by the originator alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.consent import CONSENT, verify_consent
from attache.consent_refusal import REFUSAL, ConsentRefusal, parse_refusal_payload, sign_refusal, verify_refusal
from attache.consent_request import ConsentRequest, encode_request, parse_request
from attache.crypto import Suite, b64u
from attache.errors import AttacheError, Misconfigured
from attache.package import KeyStatus, sign_statement
from attache.strict_json import canonical, parse_object
from attache.vocabulary import Purpose
from tests.protocol.making import ME, NOW, ORIGINATOR, THIRD, with_keys

PACKAGE = "01935000-0000-7000-8000-000000000002"
REQUEST = "01935000-0000-7000-8000-000000000003"


def a_request(**changes) -> ConsentRequest:
    members = {"originator": ORIGINATOR, "holder": ME, "recipient": THIRD, "purpose": Purpose.CRIMINAL_INVESTIGATION}
    members |= {"package_id": PACKAGE, "part": "lead.txt", "content_sha256": "0" * 64, "reason": "Same\nwallets."}
    return ConsentRequest(**{**members, **changes})


def a_refusal(**changes) -> ConsentRefusal:
    members = {"originator": ORIGINATOR, "holder": ME, "package_id": PACKAGE, "request_id": REQUEST}
    return ConsentRefusal(**{**members, "reason": "It names a source.", "at": NOW, **changes})


def code_of(read, *given) -> str:
    with pytest.raises(AttacheError) as error:
        read(*given)
    return error.value.code


@pytest.fixture
def signed(parties):
    return sign_refusal(a_refusal(), parties[ORIGINATOR].keys)


def test_a_request_parses_back():
    assert parse_request(encode_request(a_request())) == a_request()


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": ME},
        {"recipient": ORIGINATOR},
        {"holder": ORIGINATOR},
        {"part": "../lead.txt"},
        {"content_sha256": "x"},
        {"purpose": "curiosity"},
        {"reason": ""},
        {"reason": "x" * 2001},
        {"reason": "\u202e"},
        {"format": "attache-consent-request/2"},
        {"surplus": "x"},
    ],
)
def test_what_makes_no_sense_is_no_request(changes):
    stated = a_request().model_dump(mode="json") | changes
    assert code_of(parse_request, canonical(stated)) == "malformed-consent"


@pytest.mark.parametrize("member", sorted(set(ConsentRequest.model_fields) - {"format"}))
def test_every_member_of_a_request_is_needed(member):
    stated = a_request().model_dump(mode="json")
    del stated[member]
    assert code_of(parse_request, canonical(stated)) == "malformed-consent"


def test_a_refusal_is_signed_and_verified(parties, signed):
    assert verify_refusal(signed, parties[ORIGINATOR].descriptor) == a_refusal()


def test_only_the_originators_signature_counts(parties, signed):
    assert code_of(verify_refusal, signed, parties[ME].descriptor) == "unknown-key"
    forged = sign_refusal(a_refusal(originator=ME, holder=THIRD), parties[ORIGINATOR].keys)
    assert code_of(verify_refusal, forged, parties[ORIGINATOR].descriptor) == "signature-invalid"


def test_neither_answer_is_the_other(parties, signed):
    assert code_of(verify_consent, signed, parties[ORIGINATOR].descriptor) == "signature-invalid"
    payload = canonical(a_refusal().model_dump(mode="json"))
    other = sign_statement(CONSENT, payload, parties[ORIGINATOR].keys, Suite.HYBRID_1)
    assert code_of(verify_refusal, other, parties[ORIGINATOR].descriptor) == "signature-invalid"


def test_a_weaker_suite_a_revoked_key_and_no_keys(parties, signed):
    payload = canonical(a_refusal().model_dump(mode="json"))
    weak = sign_statement(REFUSAL, payload, parties[ORIGINATOR].keys, Suite.CLASSICAL_1)
    assert code_of(verify_refusal, weak, parties[ORIGINATOR].descriptor) == "signature-invalid"
    revoked = with_keys(parties[ORIGINATOR].descriptor, lambda key: replace(key, status=KeyStatus.REVOKED))
    assert code_of(verify_refusal, signed, revoked) == "unknown-key"
    with pytest.raises(Misconfigured):
        sign_refusal(a_refusal(), replace(parties[ORIGINATOR].keys, signers=()))


@pytest.mark.parametrize("member", sorted(ConsentRefusal.model_fields))
def test_every_member_is_needed_and_signed(parties, signed, member):
    stated = a_refusal().model_dump(mode="json")
    without = {name: value for name, value in stated.items() if name != member}
    assert code_of(parse_refusal_payload, canonical(without)) == "malformed-consent"
    changed = {**stated, member: "2026-11-21T09:00:00Z" if member == "at" else stated[member].replace("0", "1") + "a"}
    document = parse_object(signed)
    document["payload"] = b64u(canonical(changed))
    assert code_of(verify_refusal, canonical(document), parties[ORIGINATOR].descriptor) == "signature-invalid"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_our_own_error(raw):
    for parse in (parse_request, parse_refusal_payload):
        with pytest.raises(AttacheError):
            parse(raw)


MEMBERS = sorted({*ConsentRequest.model_fields, *ConsentRefusal.model_fields})


@given(
    st.dictionaries(
        st.sampled_from(MEMBERS), st.one_of(st.none(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=40))
    )
)
def test_any_members_are_refused_with_our_own_error(changes):
    for value, parse in ((a_request(), parse_request), (a_refusal(), parse_refusal_payload)):
        stated = {**value.model_dump(mode="json"), **changes}
        try:
            assert parse(canonical(stated)).model_dump(mode="json") == stated
        except AttacheError as error:
            assert error.code == "malformed-consent"
