"""Explanations are the decision, clause by clause; what-ifs release when they are carried out, and never bend a truth."""

from dataclasses import replace

import pytest
from policy_requests import POLICIES, approved, part, request, shipped

from attache.errors import NotFound, NotPermitted
from attache.vocabulary import ContentClass, CrimeType, Purpose, Urgency
from gateway.policy import FieldFacts, UnitOutcome, decide, explain, what_if
from gateway.policy.cases import read_case_folder, request_of
from gateway.policy.engine import Answer
from gateway.policy.explain import _findings, unit_of
from gateway.policy.levers import Situation, draft_with
from gateway.policy.probes import verify_agreement
from gateway.policy.proposal import propose

NAMES = part("names", ContentClass.PERSONAL_DATA)
SAR = part("sar", ContentClass.SAR_DERIVED)


def every_unit():
    for case in read_case_folder(POLICIES / "cases"):
        if not case.expect.error:
            for recipient in case.recipients:
                asked = request_of(case, shipped(), recipient)
                for unit in propose(shipped(), asked)[0].units:
                    yield asked, unit


def test_the_explanation_of_every_case_agrees_with_its_decision():
    count = 0
    for asked, unit in every_unit():
        explanation = explain(shipped(), asked, unit.name)
        assert explanation.allowed is bool(explanation.permitting and not explanation.blocking)
        assert bool(explanation.blocking or explanation.permitting or explanation.nearest)
        count += 1
    assert count >= 40


def test_each_condition_is_said_in_words_as_so_or_not_so():
    text = explain(shipped(), request("partner-bogota"), "note").render()
    assert text.splitlines() == [
        "note (disclose): stays",
        "  BOGOTA-APPROVAL - What is above TLP:GREEN needs the approval of the attaché in Bogotá (BOGOTA-LEA annex B (fictional))",
        "    not so: the item is TLP:CLEAR or TLP:GREEN",
        "    not so: an approver of the partner's post, who is not the requester, approved exactly this release, and the approval has not lapsed",
        "This shows what the rules accept. Whether a legal basis truly applies is for an officer and counsel to say.",
    ]


def test_where_nothing_blocks_the_nearest_permits_are_shown():
    explanation = explain(
        shipped(),
        request(
            "partner-sydney", legal_basis="SYDNEY-DTC", purpose=Purpose.CRIMINAL_INVESTIGATION, recipient_desk="police"
        ),
        "note",
    )
    assert explanation.allowed
    silent = explain(shipped(), request("partner-frankfurt", legal_basis="FRANKFURT-MLAT", kind="tool"), "note")
    assert (silent.allowed, silent.blocking) == (False, ())
    assert silent.nearest[0].rule == "FRANKFURT-CAPACITY"
    assert [c.is_so for c in silent.nearest[0].conditions] == [True, False, True]


def test_a_masked_form_is_explained_too():
    fields = (FieldFacts("suspect", content_class=frozenset({ContentClass.PERSONAL_DATA})),)
    asked = request("partner-frankfurt", part("report", fields=fields))
    assert not explain(shipped(), asked, "report#suspect").allowed
    assert explain(shipped(), asked, "report#suspect", masked=True).allowed


def test_a_hidden_unit_says_that_it_is_hidden():
    assert explain(shipped(), request("partner-sydney", SAR), "sar").is_hidden
    assert not explain(shipped(), request("partner-bogota"), "note").is_hidden


@pytest.mark.parametrize("ask", [explain, what_if])
def test_an_unknown_unit_is_not_found(ask):
    with pytest.raises(NotFound):
        ask(shipped(), request("partner-bogota"), "nothing")


@pytest.mark.parametrize("answer", [Answer(True, ("BOGOTA-CASES",)), Answer(False, ("BASE-6103",)), Answer(False, ())])
def test_an_explanation_that_disagrees_fails_closed(answer):
    asked = request("partner-bogota")
    proposal, _ = propose(shipped(), asked)
    findings = _findings(proposal, unit_of(proposal, "note"), "disclose")
    verify_agreement(findings, allowed=False, rules=("BOGOTA-APPROVAL",))
    with pytest.raises(NotPermitted, match="does not agree"):
        verify_agreement(findings, answer.allowed, answer.rules)


# ---- what if ----


def ways(asked, unit):
    return [{lever.kind: lever.value for lever in way.levers} for way in what_if(shipped(), asked, unit).ways]


def test_what_goes_needs_nothing():
    answer = what_if(shipped(), request("partner-frankfurt"), "note")
    assert (answer.allowed, answer.ways) == (True, ())
    assert answer.render() == "note may go as it is"


def test_the_attache_may_approve_it():
    assert ways(request("partner-bogota"), "note") == [{"approval": "1"}, {"marking": "GREEN"}]


def test_return_information_for_a_tax_purpose_goes_to_the_competent_authority():
    asked = request(
        "partner-sydney",
        part("owner", ContentClass.RETURN_INFORMATION),
        purpose=Purpose.TAX_ENFORCEMENT,
        legal_basis="SYDNEY-LEA",
    )
    assert ways(asked, "owner")[0] == {"basis": "SYDNEY-DTC", "desk": "tax-authority", "channel": "competent-authority"}


def test_it_never_bends_a_truth():
    """Return information for an investigation by Bogotá's police has no way; changing the purpose would be one."""
    asked = request("partner-bogota", part("owner", ContentClass.RETURN_INFORMATION))
    answer = what_if(shipped(), asked, "owner")
    assert (answer.ways, answer.allowed) == ((), False)
    assert "nothing that an officer can choose or obtain" in answer.render()


def test_the_natural_way_is_not_hidden_by_a_shorter_one():
    asked = request("partner-sydney", part("plan", markings=("TLP:RED",)))
    found = ways(asked, "plan")
    assert {"approval": "1", "desk": "inspector-hart", "named": "partner-sydney"} in found
    assert found[0] != {"marking": "AMBER"}


def test_the_other_levers():
    asked = request("partner-singapore", crime_types=frozenset({CrimeType.NARCOTICS}))
    assert ways(asked, "note") == [{"assurance": "no-death-penalty"}]
    third = request("partner-frankfurt", part("lead", origin="partner-sydney"))
    assert ways(third, "lead") == [{"consent": "partner-sydney"}]
    others = request("partner-frankfurt", part("suspect", markings=("TLP:AMBER", "REL TO: partner-sydney")))
    assert ways(others, "suspect") == [{"releasable": "partner-frankfurt"}]
    fields = (FieldFacts("suspect", content_class=frozenset({ContentClass.PERSONAL_DATA})),)
    assert {"mask": "mask"} in ways(request("partner-frankfurt", part("report", fields=fields)), "report#suspect")
    threat = request("partner-sydney", NAMES, purpose=Purpose.THREAT_WARNING, urgency=Urgency.THREAT_TO_LIFE)
    assert {"review": "24"} in ways(threat, "names")
    assert ways(request("partner-sydney", SAR), "sar")[0] == {"desk": "fiu", "channel": "egmont", "approval": "2"}


def test_every_way_releases_when_it_is_carried_out():
    """End to end, through `decide`, with real approvals of the release as it then is."""
    carried_out = 0
    seen = set()
    for asked, unit in every_unit():
        if carried_out >= 12 or (asked.package_id.split("-")[0], unit.name) in seen:
            continue
        seen.add((asked.package_id.split("-")[0], unit.name))
        alone = replace(asked, parts=tuple(p for p in asked.parts if p.name == unit.part), approvals=())
        answer = what_if(shipped(), alone, unit.name)
        for way in answer.ways:
            proposal, _ = propose(shipped(), alone)
            draft = draft_with(
                Situation(
                    alone, proposal.shard.facts, unit, proposal.items[unit_of(proposal, unit.name).item_id], "irs-ci"
                ),
                way.levers,
            )
            officers = ("approver-a", "approver-b")[: draft.approvals]
            decision = decide(shipped(), replace(approved(draft.request, *officers), wait_for_approval=False))
            outcome = (
                next(p.outcome for p in decision.parts)
                if unit.path is None
                else {f.path: f.outcome for p in decision.parts for f in p.fields}[unit.path]
            )
            part_stays = decision.parts[0].outcome is UnitOutcome.WITHHOLD and unit.path is not None
            assert outcome in {UnitOutcome.DISCLOSE, UnitOutcome.MASK} or part_stays, (asked, str(way))
            carried_out += not part_stays
    assert carried_out >= 10
