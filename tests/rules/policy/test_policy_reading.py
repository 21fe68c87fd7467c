"""What a received package permits its readers. Each rule's line matters: one test each fails without it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from policy_requests import NOW, shipped

from attache.errors import AttacheError
from attache.vocabulary import Caveat, HandlingCode, Markings, Onward, Purpose
from gateway.policy import ReaderFacts, ReceivedFacts, Use, decide_reading

READER = ReaderFacts(frozenset({"cyber-desk"}), may_export=True)
RECEIVED = ReceivedFacts(
    desk="cyber-desk",
    desk_is_individual=False,
    markings=Markings.parse(["TLP:AMBER", "PAP:GREEN"]),
    handling_codes=frozenset(),
    caveats=frozenset(),
    onward=Onward.ORIGINATOR_CONSENT,
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    delete_by=NOW + timedelta(days=1),
)
EVERY = set(Use)


def permitted(reader=READER, purpose=Purpose.CRIMINAL_INVESTIGATION, now=NOW, **facts):
    decision = decide_reading(shipped(), replace(RECEIVED, **facts), reader, purpose=purpose, now=now)
    return {use for use in Use if decision.permits(use)}


def codes(*names):
    return {"handling_codes": frozenset(HandlingCode(name) for name in names)}


def caveats(*names):
    return {"caveats": frozenset(names)}


def marked(*texts):
    return {"markings": Markings.parse(texts)}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, EVERY),
        ({"reader": ReaderFacts(frozenset({"tax-desk"}), may_export=True)}, set()),
        ({"reader": ReaderFacts(frozenset(), may_export=True)}, set()),
        ({"reader": ReaderFacts(READER.desks, may_export=False)}, EVERY - {Use.EXPORT}),
        (marked("PAP:CLEAR"), set()),
        ({"unresolved_markings": True}, set()),
        ({"delete_by": NOW}, set()),
        ({"delete_by": NOW + timedelta(seconds=1)}, EVERY),
        (marked("TLP:RED", "PAP:CLEAR"), set()),
        ({**marked("TLP:RED", "PAP:CLEAR"), "desk_is_individual": True}, {Use.READ, Use.LEAD}),
        ({**caveats(Caveat.SPECIALTY), "purpose": Purpose.ASSET_RECOVERY}, EVERY),
        (caveats(Caveat.SPECIALTY), EVERY),
        (caveats(Caveat.LEAD_PURPOSES_ONLY), EVERY - {Use.EVIDENCE}),
        (caveats(Caveat.NOT_EVIDENCE), EVERY - {Use.EVIDENCE}),
        (codes("H1"), EVERY - {Use.EVIDENCE}),
        (codes("H0", "H2"), EVERY),
        (codes("H3"), {Use.READ}),
        (marked("TLP:AMBER"), EVERY - {Use.ACT}),
        (marked("TLP:AMBER", "PAP:AMBER"), EVERY - {Use.ACT}),
        (marked("TLP:AMBER", "PAP:CLEAR"), EVERY),
        ({"onward": Onward.NONE}, EVERY - {Use.PASS_ON}),
        ({"onward": Onward.PARTIES}, EVERY),
        (caveats(Caveat.NO_ONWARD_SHARING), EVERY - {Use.PASS_ON}),
        (caveats(Caveat.MEMBER_STATES_ONLY), EVERY),
    ],
)
def test_uses(facts, expected):
    stated = {name: value for name, value in facts.items() if name != "purpose"}
    assert permitted(**stated) == expected


@pytest.mark.parametrize("caveat", [Caveat.SPECIALTY, Caveat.TAX_PURPOSES_ONLY])
def test_what_was_given_for_one_purpose_is_only_read_for_another(caveat):
    for_tax = {**caveats(caveat), "purpose": Purpose.TAX_ENFORCEMENT}
    decision = decide_reading(shipped(), replace(RECEIVED, **for_tax), READER, purpose=Purpose.PROSECUTION, now=NOW)
    assert {use for use in Use if decision.permits(use)} == {Use.READ}
    again = decide_reading(shipped(), replace(RECEIVED, **for_tax), READER, purpose=Purpose.TAX_ENFORCEMENT, now=NOW)
    assert again.permits(Use.LEAD)


def test_vector_f():
    """H1: no evidence, but a lead."""
    decision = decide_reading(
        shipped(), replace(RECEIVED, **codes("H1")), READER, purpose=Purpose.CRIMINAL_INVESTIGATION, now=NOW
    )
    assert decision.use(Use.EVIDENCE).rules == ("READING-EVIDENCE",)
    assert decision.use(Use.EVIDENCE).reasons == ("It is no evidence",)
    assert decision.permits(Use.LEAD)


def test_vector_i():
    """Retention passed: denied, and to be disposed of."""
    decision = decide_reading(
        shipped(), replace(RECEIVED, delete_by=NOW), READER, purpose=Purpose.CRIMINAL_INVESTIGATION, now=NOW
    )
    assert decision.dispose
    assert decision.use(Use.READ).rules == ("READING-RETENTION",)


def test_silence_is_deny():
    stranger = ReaderFacts(frozenset({"tax-desk"}), may_export=True)
    decision = decide_reading(shipped(), RECEIVED, stranger, purpose=Purpose.CRIMINAL_INVESTIGATION, now=NOW)
    assert decision.use(Use.READ).reasons == ("No rule permits it",)
    assert not decision.dispose


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"onward": "sideways"}, "policy-engine-failed"),
        ({"purpose": "curiosity"}, "policy-engine-failed"),
        ({"caveats": frozenset({"psst"})}, "policy-engine-failed"),
        ({"delete_by": NOW.replace(tzinfo=None)}, "malformed-request"),
    ],
)
def test_an_unknown_fact_permits_nothing(facts, code):
    with pytest.raises(AttacheError) as caught:
        decide_reading(shipped(), replace(RECEIVED, **facts), READER, purpose=Purpose.PROSECUTION, now=NOW)
    assert caught.value.code == code
