"""A record proves its decision: it replays to the same bytes, and any change in it or in the rules shows."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_requests import NOW, POLICIES, approved, consent, part, request, shipped, shipped_files, with_edit

from attache.errors import AttacheError, IntegrityLost, MalformedInput, Misconfigured, UnsupportedVersion
from attache.strict_json import canonical
from attache.vocabulary import ContentClass, HandlingCode
from gateway.policy import FieldFacts, decide, replay
from gateway.policy.cases import read_case_folder, request_of
from gateway.policy.record import parse_request, plain

ASKED = request(
    "partner-bogota", part("a", ContentClass.FINANCIAL), part("b", delete_by=NOW, fields=(FieldFacts("x"),))
)


def test_every_case_replays_to_the_same_bytes():
    policy_set = shipped()
    requests = [
        request_of(case, policy_set, name)
        for case in read_case_folder(POLICIES / "cases")
        for name in case.recipients
        if not case.expect.error
    ]
    assert len(requests) >= 40
    for asked in requests[::12]:
        record = decide(policy_set, asked).record
        assert replay(record, policy_set.files).record == record


def test_a_request_survives_its_record():
    lead = part("lead", origin="partner-sydney", markings=("TLP:RED", "PAP:AMBER", "ORCON", "REL TO: europol"))
    asked = approved(
        request("partner-bogota", lead, part("b", handling_codes=frozenset({HandlingCode.H1}))), "officer-2"
    )
    asked = replace(asked, consents=(consent("partner-sydney", asked),), retention_days=3)
    assert parse_request(json.loads(canonical(plain(asked)))) == asked


def test_a_changed_rule_shows():
    record = decide(shipped(), ASKED).record
    with pytest.raises(IntegrityLost) as caught:
        replay(record, with_edit("base.cedar", "// What holds", "// What held"))
    assert (caught.value.code, caught.value.step) == ("replay-differs", "policy set")


CHANGED = [
    (("request", "purpose"), "prosecution"),
    (("request", "purpose"), "world-peace"),
    (("request", "parts"), []),
    (("request", "legal_basis"), "SYDNEY-LEA"),
    (("decision", "outcome"), "release"),
    (("decision", "shard_hash"), "00" * 32),
    (("decision", "policy_set_hash"), "00" * 32),
    (("decision", "release_digest"), "00" * 32),
    (("own",), "partner-oslo"),
]


@pytest.mark.parametrize(("path", "value"), CHANGED)
def test_a_changed_record_shows(path, value):
    record = json.loads(decide(shipped(), ASKED).record)
    place = record
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    with pytest.raises(IntegrityLost) as caught:
        replay(canonical(record), shipped_files())
    assert caught.value.code == "replay-differs"


def test_another_spelling_of_the_record_is_another_record():
    record = decide(shipped(), ASKED).record
    with pytest.raises(IntegrityLost, match="the new decision differs"):
        replay(json.dumps(json.loads(record)).encode(), shipped_files())


@pytest.mark.parametrize("member", ["format", "engine"])
def test_another_version_says_so(member):
    record = json.loads(decide(shipped(), ASKED).record)
    (record if member == "format" else record["decision"])[member] = "another"
    with pytest.raises(UnsupportedVersion):
        replay(canonical(record), shipped_files())


def test_policy_files_that_do_not_load_are_not_replayed():
    with pytest.raises(Misconfigured):
        replay(decide(shipped(), ASKED).record, {})


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["own", "request", "decision", "format", "engine"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_at_all_are_one_clear_problem(raw):
    with pytest.raises((IntegrityLost, UnsupportedVersion)):
        replay(raw, shipped_files())


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(plain(ASKED))), st.none() | st.integers() | st.text() | st.lists(st.text()))
)
def test_any_facts_at_all_are_a_request_or_one_clear_problem(raw):
    try:
        parse_request({**plain(ASKED), **raw})
    except AttacheError as error:
        assert isinstance(error, MalformedInput)
