"""Reading what a caller submits: closed words, bounded, and one problem for anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attache.errors import MalformedInput
from attache.vocabulary import (
    Assurance,
    Caveat,
    Channel,
    ContentClass,
    CrimeType,
    HandlingCode,
    Kind,
    Onward,
    Purpose,
    Urgency,
)
from attache.wire.packages import MAX_PARTS, MAX_RECIPIENTS
from gateway.exchange.kernel.submission import parse_submission
from tests.exchange_place import a_part, a_submission

SECRET = "Zephyrine"  # stands for a value that no problem may repeat

ONE_TERM = {"kind": Kind, "purpose": Purpose, "urgency": Urgency, "channel": Channel, "onward": Onward}
TERMS = {"crime_types": CrimeType, "handling_codes": HandlingCode, "caveats": Caveat, "assurances": Assurance}


def parse(**change):
    return parse_submission(json.dumps(a_submission(**change)).encode())


def refused(raw: bytes) -> MalformedInput:
    with pytest.raises(MalformedInput) as caught:
        parse_submission(raw)
    return caught.value


def refusal(**change) -> MalformedInput:
    return refused(json.dumps(a_submission(**change)).encode())


def test_what_was_submitted_is_what_is_kept():
    submission = parse(markings=["PAP:RED"])
    assert submission.recipients[0].participant == "partner-frankfurt"
    assert submission.facts() == parse_submission(json.dumps({**submission.facts()}).encode()).facts()
    assert "content" not in submission.facts()["parts"][0]


@pytest.mark.parametrize(("member", "vocabulary"), ONE_TERM.items(), ids=ONE_TERM)
def test_a_closed_vocabulary(member, vocabulary):
    for term in vocabulary:
        assert getattr(parse(**{member: term.value}), member) is term
    error = refusal(**{member: SECRET})
    assert (error.code, SECRET in error.detail) == ("unknown-term", False)
    assert error.detail.startswith(f"{member}:")


@pytest.mark.parametrize(("member", "vocabulary"), TERMS.items(), ids=TERMS)
def test_a_closed_vocabulary_of_several(member, vocabulary):
    for term in vocabulary:
        assert getattr(parse(**{member: [term.value]}), member) == (term,)
    error = refusal(**{member: [SECRET]})
    assert (error.code, SECRET in error.detail) == ("unknown-term", False)
    assert error.detail.startswith(f"{member}.0:")


def test_the_vocabulary_of_content_classes():
    for term in ContentClass:
        assert parse(parts=[a_part(content_class=[term.value])]).parts[0].content_class == (term,)
    error = refusal(parts=[a_part(content_class=[SECRET])])
    assert (error.code, SECRET in error.detail) == ("unknown-term", False)


@pytest.mark.parametrize(
    "change",
    [
        {"markings": [f"TLP:{SECRET}"]},
        {"markings": [SECRET]},
        {"markings": ["TLP:RED", "TLP:RED"]},
        {"parts": [a_part(), a_part(name="b", markings=[f"REL TO: {SECRET}", "REL TO: x"])]},
    ],
)
def test_an_unknown_marking_is_refused_and_its_text_not_repeated(change):
    error = refusal(**change)
    assert error.code == "unknown-marking"
    assert SECRET not in error.detail
    assert error.detail.startswith("parts.1.markings" if "parts" in change else "markings")


@pytest.mark.parametrize("basis", [None, "", "no such thing", "lower-case", 7, ["A"], "A" * 64])
def test_a_recipient_without_a_legal_basis(basis):
    error = refusal(recipients=[{"to": "partner-frankfurt", "legal_basis": basis}])
    assert error.code == "missing-legal-basis"


@pytest.mark.parametrize(
    "change",
    [
        {"parts": []},
        {"recipients": []},
        {"parts": [a_part(), a_part()]},
        {"parts": [a_part(f"{n}.txt") for n in range(MAX_PARTS + 1)]},
        {
            "recipients": [
                {"to": "partner-frankfurt", "legal_basis": "A"},
                {"to": "partner-frankfurt/b", "legal_basis": "B"},
            ]
        },
        {"recipients": [{"to": f"p{n}", "legal_basis": "A"} for n in range(MAX_RECIPIENTS + 1)]},
        {"recipients": [{"to": f"Partner-{SECRET}", "legal_basis": "A"}]},
        {"recipients": [{"to": "partner/desk/desk", "legal_basis": "A"}]},
        {"recipients": [{"to": "partner\n", "legal_basis": "A"}]},
        {"title": ""},
        {"title": "x" * 301},
        {"title": f"{SECRET}\u202etxt"},
        {"title": 7},
        {"parts": [a_part(f"../{SECRET}")]},
        {"parts": [a_part(".hidden")]},
        {"parts": [a_part("a\x00b")]},
        {"parts": [a_part(bytes=-1)]},
        {"parts": [a_part(bytes=True)]},
        {"parts": [a_part(sha256="A" * 64)]},
        {"parts": [a_part(media_type=SECRET)]},
        {"markings": ["TLP:RED"] * 9},
        {"markings": [f"REL TO: {'a' * 4000}"]},
        {"crime_types": ["money-laundering"] * 17},
        {"in_reply_to": SECRET},
        {"expires_at": "2027-01-01T00:00:00"},
        {"expires_at": SECRET},
        {"expires_at": 1},
        {"review_within_hours": 721},
        {"review_within_hours": -1},
        {"submit": "yes"},
        {SECRET.lower() + "!": 1},
        {"a\x07b" * 200: 1},
    ],
)
def test_not_well_formed(change):
    error = refusal(**change)
    assert error.code == "malformed-request"
    assert SECRET.lower() not in error.detail.lower()
    assert len(error.detail) < 300
    assert error.detail.isprintable()


@pytest.mark.parametrize(
    "member", ["kind", "title", "purpose", "recipients", "parts", "parts.name", "parts.media_type", "recipients.to"]
)
def test_a_required_member_is_missed_by_name(member):
    submission = a_submission()
    where, _, inner = member.partition(".")
    if inner:
        del submission[where][0][inner]
    else:
        del submission[where]
    error = refused(json.dumps(submission).encode())
    assert error.code == "malformed-request"
    assert inner in error.detail
    assert where in error.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"kind":"tool","kind":"tool"}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b"\xff",
        b"[" * 100,
        b'{"a":9007199254740992}',
        b'{"a":"\\ud800"}',
    ],
)
def test_not_strict_json(raw):
    assert refused(raw).code == "malformed-json"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_malformed_input(raw):
    assert refused(raw).code


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
INSTANTS = st.datetimes().map(lambda at: at.isoformat()) | st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z"]
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_value_in_any_place_is_taken_or_malformed_input(data):
    submission = a_submission(a_part(), expires_at=None, retain_until=None, onward=None, markings=[])
    place = data.draw(st.sampled_from([submission, submission["parts"][0], submission["recipients"][0]]))
    member = data.draw(st.sampled_from(sorted(place)) | st.text(max_size=8))
    place[member] = data.draw(VALUES | INSTANTS)
    try:
        taken = parse_submission(json.dumps(submission).encode())
    except MalformedInput as error:
        assert error.detail.isprintable()
    else:
        assert json.dumps(taken.facts())


@pytest.mark.parametrize("member", ["expires_at", "retain_until"])
@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_an_instant_that_utc_does_not_have(member, instant):
    error = refusal(**{member: instant})
    assert (error.code, error.detail.partition(":")[0]) == ("malformed-request", member)


def test_instants_are_kept_in_utc():
    assert parse(expires_at="2027-01-01T01:00:00+02:00").facts()["expires_at"] == "2026-12-31T23:00:00Z"
