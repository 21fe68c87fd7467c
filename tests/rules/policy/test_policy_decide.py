"""The decision: silence is deny, approvals bind, handling is checked, and nothing leaves when anything is missing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from policy_requests import NOW, approved, consent, outcomes, part, request, shipped, shipped_files

from attache.errors import AttacheError
from attache.vocabulary import (
    Assurance,
    Caveat,
    Channel,
    ContentClass,
    CrimeType,
    HandlingCode,
    Kind,
    Onward,
    Post,
    Purpose,
    Urgency,
)
from gateway.policy import (
    FieldFacts,
    Handling,
    Outcome,
    UnitOutcome,
    decide,
    load_policy_set,
    release_digest,
    without_hidden,
)

EXPLOIT = part("exploit", ContentClass.EXPLOIT_OR_MALWARE)
NAMES = part("names", ContentClass.PERSONAL_DATA)


def decided(*args, **kwargs):
    return decide(shipped(), request(*args, **kwargs))


# ---- silence, and what is missing ----


def test_silence_is_deny():
    decision = decided(kind=Kind.TOOL, legal_basis="FRANKFURT-MLAT")
    assert (decision.outcome, decision.parts[0].rules, decision.parts[0].reasons) == (
        Outcome.DENY,
        (),
        ("No rule permits it",),
    )
    assert decision.handling is None


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"legal_basis": ""}, "missing-legal-basis"),
        ({"legal_basis": "BOGOTA-LEA"}, "unknown-agreement"),
        ({"recipient": "partner-oslo", "legal_basis": "OSLO-LEA"}, "unknown-partner"),
        ({"recipient": "irs-ci", "legal_basis": "IRS-CI-LEA"}, "unknown-partner"),
        ({"recipient_desk": "nobody"}, "unknown-desk"),
        ({"now": NOW.replace(tzinfo=None)}, "malformed-request"),
        ({"parts": ()}, "malformed-request"),
        ({"parts": (part("a"), part("a"))}, "malformed-request"),
        ({"parts": (part("a", fields=(FieldFacts("x"), FieldFacts("x"))),)}, "malformed-request"),
        ({"parts": tuple(part(f"p{n}") for n in range(257))}, "malformed-request"),
        ({"purpose": "world-peace"}, "policy-engine-failed"),
        ({"crime_types": frozenset({"jaywalking"})}, "policy-engine-failed"),
        ({"channel": "pigeon"}, "policy-engine-failed"),
        ({"urgency": None}, "policy-engine-failed"),
        ({"kind": "gossip"}, "policy-engine-failed"),
        ({"parts": (part("a", "gossip"),)}, "policy-engine-failed"),
        ({"handling_codes": frozenset({"H4"})}, "policy-engine-failed"),
        ({"review_within_hours": 2**70}, "policy-engine-failed"),
        ({"now": datetime(2026, 11, 22, tzinfo=UTC), "requester": None}, "policy-engine-failed"),
    ],
)
def test_what_is_missing_or_unknown_releases_nothing(facts, code):
    with pytest.raises(AttacheError) as caught:
        decide(shipped(), replace(request(), **facts))
    assert caught.value.code == code


def test_an_engine_error_names_no_facts():
    secret = replace(request(), parts=(part("a", "very-secret-class"),))
    with pytest.raises(AttacheError) as caught:
        decide(shipped(), secret)
    assert "very-secret-class" not in str(caught.value)
    assert caught.value.__cause__ is None


# ---- units ----


def test_each_field_is_its_own_question():
    fields = (
        FieldFacts("summary"),
        FieldFacts("informant", content_class=frozenset({ContentClass.SOURCE_IDENTIFYING})),
        FieldFacts("suspect", content_class=frozenset({ContentClass.PERSONAL_DATA})),
    )
    decision = decided("partner-frankfurt", part("report", fields=fields), wait_for_approval=False)
    assert decision.outcome is Outcome.PARTIAL
    assert outcomes(decision) == {
        "report": "disclose",
        "report#summary": "disclose",
        "report#informant": "withhold",
        "report#suspect": "mask",
    }
    assert decision.part("report").fields[1].rules == ("BASE-SOURCE",)


def test_a_field_never_goes_without_its_part():
    hidden = part("report", ContentClass.GRAND_JURY, fields=(FieldFacts("summary"),))
    assert outcomes(decided("partner-frankfurt", hidden)) == {"report": "withhold", "report#summary": "withhold"}


def test_a_part_never_goes_without_a_field_of_it():
    fields = (FieldFacts("informant", content_class=frozenset({ContentClass.SOURCE_IDENTIFYING})),)
    decision = decided("partner-frankfurt", part("report", fields=fields))
    assert decision.outcome is Outcome.DENY
    assert decision.part("report").reasons == ("No field of it may go",)


def test_a_field_of_a_held_part_waits_with_it():
    secret = part("exploit", ContentClass.EXPLOIT_OR_MALWARE, fields=(FieldFacts("code"),))
    decision = decided("partner-sydney", secret)
    assert outcomes(decision) == {"exploit": "hold", "exploit#code": "hold"}
    assert decision.approvals_needed.units == ("exploit", "exploit#code")


def test_a_field_inherits_what_its_part_is():
    third = part(
        "lead",
        origin="partner-sydney",
        fields=(FieldFacts("ours", origin="irs-ci"), FieldFacts("theirs", origin="partner-bogota")),
    )
    asked = request("partner-frankfurt", third)
    decision = decide(shipped(), replace(asked, consents=(consent("partner-sydney", asked),)))
    assert outcomes(decision) == {"lead": "disclose", "lead#ours": "disclose", "lead#theirs": "withhold"}
    assert outcomes(decide(shipped(), asked)) == {
        "lead": "withhold",
        "lead#ours": "withhold",
        "lead#theirs": "withhold",
    }


def test_units_with_the_same_facts_are_one_question():
    fields = tuple(FieldFacts(f"object-{number}") for number in range(2000))
    decision = decided("partner-frankfurt", part("bundle", fields=fields))
    assert decision.outcome is Outcome.RELEASE
    assert len(decision.part("bundle").fields) == 2000


# ---- approvals ----


def test_it_is_held_until_an_approver_of_the_post_approves():
    asked = request("partner-bogota")
    held = decide(shipped(), asked)
    assert (held.outcome, held.approvals_needed.post, held.approvals_needed.count) == (
        Outcome.AWAIT_APPROVAL,
        Post.BOGOTA,
        1,
    )
    assert decide(shipped(), approved(asked, "officer-2")).outcome is Outcome.RELEASE


@pytest.mark.parametrize(
    "facts",
    [
        {"may_approve": False},
        {"posts": frozenset({Post.SYDNEY})},
        {"posts": frozenset()},
        {"expires_at": NOW},
        {"officer": "officer-1"},
        {"digest": "00" * 32},
        {"digest": ""},
    ],
    ids=["revoked", "another-post", "no-post", "expired", "own-submission", "another-release", "of-nothing"],
)
def test_an_approval_that_does_not_hold_leaves_it_held(facts):
    good = approved(request("partner-bogota"), "officer-2")
    bad = replace(good, approvals=(replace(good.approvals[0], **facts),))
    assert decide(shipped(), bad).outcome is Outcome.AWAIT_APPROVAL


def test_a_bad_approval_does_not_spoil_a_good_one():
    good = approved(request("partner-bogota"), "officer-2")
    others = [
        replace(good.approvals[0], officer=f"officer-{n}", expires_at=NOW + timedelta(days=n), digest="00" * 32)
        for n in (3, 4, 5)
    ]
    assert decide(shipped(), replace(good, approvals=(*others, *good.approvals))).outcome is Outcome.RELEASE


CHANGES = {
    "content": {"content_digest": "cd" * 32},
    "a part's content": {"parts": (part(sha256="cd" * 32),)},
    "a part's marking": {"parts": (part(markings=("TLP:GREEN",)),)},
    "a part's class": {"parts": (part("note", ContentClass.FINANCIAL),)},
    "one part more": {"parts": (part(), part("more"))},
    "a field": {"parts": (part(fields=(FieldFacts("x"),)),)},
    "desk": {"recipient_desk": "police"},
    "purpose": {"purpose": Purpose.ASSET_RECOVERY},
    "basis": {"legal_basis": "BOGOTA-MLAT"},
    "channel": {"channel": Channel.SIENA},
    "urgency": {"urgency": Urgency.PRIORITY},
    "kind": {"kind": Kind.REQUEST},
    "crime": {"crime_types": frozenset({CrimeType.NARCOTICS})},
    "handling codes": {"handling_codes": frozenset({HandlingCode.H1})},
    "named recipients": {"named_recipients": frozenset({"partner-bogota/police"})},
    "package": {"package_id": "01890000-0000-7000-8000-000000000002"},
    "recipient": {"recipient": "partner-sydney", "legal_basis": "SYDNEY-LEA"},
    "assurances": {"assurances": frozenset({Assurance.DATA_PROTECTION})},
    "caveats": {"caveats": frozenset({Caveat.NOT_EVIDENCE})},
    "consents": {"consents": (consent("partner-sydney", request()),)},
    "review": {"review_within_hours": 12},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_approval_is_good_for_exactly_one_release(change):
    asked = request("partner-bogota")
    assert release_digest(shipped(), replace(asked, **change)) != release_digest(shipped(), asked)
    changed = replace(approved(asked, "officer-2"), **change)
    assert decide(shipped(), changed).outcome is decide(shipped(), replace(changed, approvals=())).outcome


def test_an_approval_under_other_rules_is_void():
    asked = request("partner-bogota")
    facts = "partners/partner-bogota.facts.yaml"
    edited = load_policy_set({**shipped_files(), facts: shipped_files()[facts] + "# seen again\n"}, own="irs-ci")
    assert decide(edited, approved(asked, "officer-2")).outcome is Outcome.AWAIT_APPROVAL


def test_what_an_approver_did_not_see_does_not_go_with_the_approval():
    """An assurance that comes after the approval would release a field that the approver saw withheld."""
    fields = (FieldFacts("summary"), FieldFacts("suspect", content_class=frozenset({ContentClass.PERSONAL_DATA})))
    asked = request("partner-frankfurt", part("report", fields=fields, markings=("TLP:AMBER+STRICT",)))
    seen = approved(asked, "officer-2")
    assert outcomes(decide(shipped(), seen))["report#suspect"] == "mask"
    assured = replace(seen, assurances=frozenset({Assurance.DATA_PROTECTION}))
    assert decide(shipped(), assured).outcome is Outcome.AWAIT_APPROVAL


def test_the_order_of_consents_does_not_void_an_approval():
    one, other = (consent("partner-sydney", request(), consent_id=name) for name in ("a", "b"))
    digests = {release_digest(shipped(), request(consents=pair)) for pair in ((one, other), (other, one))}
    assert len(digests) == 1


def test_the_clock_and_the_officers_own_tightening_do_not_void_it():
    asked = request("partner-bogota")
    later = replace(approved(asked, "officer-2"), now=NOW + timedelta(hours=3), retention_days=9)
    decision = decide(shipped(), later)
    assert (decision.outcome, decision.handling.retention_days) == (Outcome.RELEASE, 9)


def test_two_of_two():
    asked = request("partner-sydney", EXPLOIT)
    held = decide(shipped(), asked)
    assert (held.outcome, held.approvals_needed.count, held.approvals_needed.content_class) == (
        Outcome.AWAIT_APPROVAL,
        2,
        frozenset({ContentClass.EXPLOIT_OR_MALWARE}),
    )
    assert decide(shipped(), approved(asked, "officer-2")).outcome is Outcome.AWAIT_APPROVAL
    assert decide(shipped(), approved(asked, "officer-2", "officer-2")).outcome is Outcome.AWAIT_APPROVAL
    assert decide(shipped(), approved(asked, "officer-1", "officer-2")).outcome is Outcome.AWAIT_APPROVAL
    assert decide(shipped(), approved(asked, "officer-2", "officer-3")).outcome is Outcome.RELEASE


def test_one_of_the_two_must_be_of_the_post():
    both = approved(request("partner-sydney", EXPLOIT), "officer-2", "officer-3", posts=(Post.WASHINGTON,))
    assert decide(shipped(), both).outcome is Outcome.AWAIT_APPROVAL
    first, second = both.approvals
    mixed = replace(both, approvals=(first, replace(second, posts=frozenset({Post.SYDNEY}))))
    assert decide(shipped(), mixed).outcome is Outcome.RELEASE


@pytest.mark.parametrize("facts", [{"may_approve": False}, {"expires_at": NOW}, {"digest": "00" * 32}])
def test_both_of_the_two_must_hold(facts):
    both = approved(request("partner-sydney", EXPLOIT), "officer-2", "officer-3")
    first, second = both.approvals
    assert (
        decide(shipped(), replace(both, approvals=(first, replace(second, **facts)))).outcome is Outcome.AWAIT_APPROVAL
    )


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [(0, Outcome.AWAIT_APPROVAL), (1, Outcome.RELEASE), (24, Outcome.RELEASE), (25, Outcome.AWAIT_APPROVAL)],
)
def test_a_threat_to_life_goes_at_once_if_its_review_is_booked(hours, outcome):
    warning = {"purpose": Purpose.THREAT_WARNING, "urgency": Urgency.THREAT_TO_LIFE}
    decision = decided("partner-sydney", NAMES, review_within_hours=hours, **warning)
    assert decision.outcome is outcome
    assert decision.handling.review_within_hours == hours


def test_a_threat_to_life_is_no_excuse_for_another_purpose():
    decision = decided("partner-sydney", NAMES, urgency=Urgency.THREAT_TO_LIFE, review_within_hours=12)
    assert decision.outcome is Outcome.AWAIT_APPROVAL


def test_who_does_not_wait_gets_what_may_go_now():
    decision = decided("partner-bogota", part("public", markings=("TLP:GREEN",)), part("note"), wait_for_approval=False)
    assert outcomes(decision) == {"public": "disclose", "note": "withhold"}
    assert decision.part("note").rules == ("BOGOTA-APPROVAL",)
    assert (decision.outcome, decision.approvals_needed) == (Outcome.PARTIAL, None)


# ---- the originator's consent ----


def test_a_consent_that_fits_releases():
    asked = request("partner-frankfurt", part("lead", origin="partner-sydney"))
    decision = decide(shipped(), replace(asked, consents=(consent("partner-sydney", asked),)))
    assert (decision.outcome, decision.handling.onward) == (Outcome.RELEASE, Onward.ORIGINATOR_CONSENT)


@pytest.mark.parametrize(
    "facts",
    [
        {"originator": "partner-bogota"},
        {"recipient": "partner-bogota"},
        {"purpose": Purpose.ASSET_RECOVERY},
        {"content": "00" * 32},
        {"expires_at": NOW},
    ],
    ids=["by-another", "to-another", "for-another-purpose", "of-other-content", "lapsed"],
)
def test_a_consent_that_does_not_fit_releases_nothing(facts):
    asked = request("partner-frankfurt", part("lead", origin="partner-sydney"))
    bad = replace(consent("partner-sydney", asked), **facts)
    assert decide(shipped(), replace(asked, consents=(bad,))).outcome is Outcome.DENY
    both = replace(asked, consents=(bad, consent("partner-sydney", asked)))
    assert decide(shipped(), both).outcome is Outcome.RELEASE


def test_an_approval_is_no_consent():
    asked = request("partner-frankfurt", part("lead", origin="partner-sydney"))
    assert decide(shipped(), approved(asked, "officer-2", "officer-3")).outcome is Outcome.DENY


def test_the_originator_gets_its_own_back():
    assert decided("partner-sydney", part("lead", origin="partner-sydney")).outcome is Outcome.RELEASE


# ---- handling ----


def test_the_strictest_handling_wins():
    decision = decided(
        "partner-frankfurt",
        part("old", delete_by=NOW + timedelta(days=30, hours=5)),
        part("tip", handling_codes=frozenset({HandlingCode.H1})),
        caveats=frozenset({Caveat.NO_ONWARD_SHARING}),
    )
    assert decision.handling == Handling(
        retention_days=30,
        caveats=frozenset({Caveat.NO_ONWARD_SHARING, Caveat.NOT_EVIDENCE, Caveat.LEAD_PURPOSES_ONLY}),
        onward=Onward.ORIGINATOR_CONSENT,
    )


def test_what_stays_does_not_shorten_what_goes():
    decision = decided("partner-frankfurt", part(), part("ended", delete_by=NOW + timedelta(hours=23)))
    assert (outcomes(decision)["ended"], decision.handling.retention_days) == ("withhold", 1095)


def test_orcon_of_our_own_is_passed_on_with_our_consent_only():
    tool = {"kind": Kind.TOOL, "purpose": Purpose.CAPACITY_BUILDING}
    assert decided("partner-frankfurt", part(), **tool).handling.onward is Onward.PARTIES
    assert (
        decided("partner-frankfurt", part(markings=("TLP:AMBER", "ORCON")), **tool).handling.onward
        is Onward.ORIGINATOR_CONSENT
    )
    assert (
        decided("partner-frankfurt", part(handling_codes=frozenset({HandlingCode.H2})), **tool).handling.onward
        is Onward.ORIGINATOR_CONSENT
    )


def test_a_handling_that_the_rules_do_not_accept_releases_nothing():
    """The officer asks for no retention at all: the engine refuses what the proposal would attach."""
    decision = decided("partner-frankfurt", retention_days=0)
    assert (decision.outcome, decision.part("note").rules) == (Outcome.DENY, ("BASE-RETENTION",))


# ---- what must not be known ----


def test_a_hidden_unit_looks_like_absence():
    sar = part("sar", ContentClass.SAR_DERIVED, fields=(FieldFacts("filing"),))
    with_sar, without = decided("partner-sydney", part(), sar), decided("partner-sydney", part())
    assert with_sar.part("sar").hidden
    assert with_sar.part("sar").fields[0].hidden
    seen = without_hidden(with_sar)
    assert (seen.outcome, seen.parts, seen.approvals_needed) == (
        without.outcome,
        without.parts,
        without.approvals_needed,
    )
    assert (seen.record, seen.release_digest) == (b"", "")


def test_a_hidden_field_looks_like_absence():
    fields = (FieldFacts("flow"), FieldFacts("sar", content_class=frozenset({ContentClass.SAR_DERIVED})))
    seen = without_hidden(decided("partner-sydney", part("flows", fields=fields)))
    assert seen.outcome is Outcome.RELEASE
    assert [field.path for field in seen.part("flows").fields] == ["flow"]


def test_a_part_with_nothing_but_hidden_fields_looks_like_absence():
    fields = (FieldFacts("sar", content_class=frozenset({ContentClass.SAR_DERIVED})),)
    decision = decided("partner-sydney", part(), part("filing", fields=fields))
    assert decision.part("filing").reasons == ("No field of it may go",)
    assert without_hidden(decision).parts == decided("partner-sydney", part()).parts


def test_what_is_only_hidden_is_denied_as_if_nothing_were_there():
    seen = without_hidden(decided("partner-sydney", part("sar", ContentClass.SAR_DERIVED)))
    assert (seen.outcome, seen.parts, seen.handling) == (Outcome.DENY, (), None)


# ---- the record ----


def test_the_same_question_has_the_same_bytes_for_an_answer():
    again = load_policy_set(shipped_files(), own="irs-ci")
    asked = request("partner-frankfurt", part("a", ContentClass.FINANCIAL, ContentClass.TECHNICAL), part("b"))
    first, second = decide(shipped(), asked), decide(again, asked)
    assert first.record == second.record
    record = json.loads(first.record)
    assert record["decision"]["policy_set_hash"] == shipped().hash
    assert record["request"]["parts"][0]["content_class"] == ["financial", "technical"]


def test_unit_outcomes_are_closed():
    assert {str(outcome) for outcome in UnitOutcome} == {"disclose", "mask", "withhold", "hold"}


def test_a_decision_reads_as_text():
    fields = (
        FieldFacts("summary"),
        FieldFacts("informant", content_class=frozenset({ContentClass.SOURCE_IDENTIFYING})),
    )
    assert decided("partner-bogota", part("report", fields=fields)).render().splitlines() == [
        "hold",
        "  hold      report: What is above TLP:GREEN needs the approval of the attaché in Bogotá [BOGOTA-APPROVAL]",
        "    hold      summary: What is above TLP:GREEN needs the approval of the attaché in Bogotá [BOGOTA-APPROVAL]",
        "    withhold  informant: What identifies a source never leaves [BASE-SOURCE]",
        "  delete within 365 days; caveats: lead-purposes-only, no-onward-sharing; onward: none",
        "  waits for 1 approval(s) at the post bogota",
    ]
