"""Cedar's own pitfalls: each shown as it is in plain Cedar, and shown caught here."""

import json
from dataclasses import replace
from importlib.metadata import version

import cedarpy
import pytest
from policy_requests import part, request, shipped, shipped_files, with_edit

from attache.errors import Misconfigured, NotPermitted
from attache.vocabulary import Caveat, ContentClass, Onward
from gateway.policy import Handling, decide, load_policy_set
from gateway.policy.engine import known_facts
from gateway.policy.entities import terms_entity
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.proposal import Form, propose
from gateway.policy.rules import parse_rules

ERRING = {
    "integer overflow": "context.release.now.toTime().toMilliseconds() * 9223372036854775807 == 1",
    "an entity that is not there": 'Attache::Partner::"partner-oslo".status == Attache::PartnerStatus::"active"',
    "an absent attribute": 'resource.consent.content == "x"',
}


def set_with(rule: str) -> PolicySet:
    """The shipped set with one more base rule in Frankfurt's shard, past the load gate."""
    shard = shipped().shards["partner-frankfurt"]
    (extra,) = parse_rules(rule, "extra.cedar")
    grown = Shard(shard.own, shard.facts, {**shard.rules, extra.id: extra}, shard.hash, shard.schema)
    return replace(shipped(), shards={"partner-frankfurt": grown})


def asked_of(policy_set: PolicySet):
    """What the engine is asked about a plain request: policies, schema, facts, question."""
    proposal, _ = propose(policy_set, request("partner-frankfurt"))
    handling = Handling(1, frozenset(Caveat), Onward.NONE)
    facts = known_facts([terms_entity(handling, proposal.given)], proposal.shard.schema, beside=proposal.known)
    question = {
        "principal": {"type": "Attache::Desk", "id": "partner-frankfurt/police"},
        "action": {"type": "Attache::Action", "id": "disclose"},
        "resource": {"type": "Attache::Item", "id": "i0"},
        "context": proposal.given.context,
    }
    return question, proposal.shard.policies, facts, proposal.shard.schema


@pytest.mark.parametrize("condition", ERRING.values(), ids=ERRING)
def test_a_forbid_that_errs_is_skipped_by_cedar_and_stops_the_release_here(condition):
    broken = set_with(f'@id("BASE-ERRS") forbid (principal, action, resource) when {{ {condition} }};')
    plain = cedarpy.is_authorized(*asked_of(broken))
    assert plain.allowed
    assert plain.diagnostics.errors
    with pytest.raises(NotPermitted) as caught:
        decide(broken, request("partner-frankfurt"))
    assert (caught.value.code, caught.value.detail) == ("policy-engine-failed", "rules failed: BASE-ERRS")


def test_a_forbid_on_an_action_group_falls_silent_without_the_schema_so_no_rule_uses_one():
    schema = 'entity A; entity B; action "share"; action "send" in ["share"] appliesTo {principal: [A], resource: [B], context: {}};'
    rules = 'permit (principal, action == Action::"send", resource); forbid (principal, action in Action::"share", resource);'
    asked = {"principal": 'A::"a"', "action": 'Action::"send"', "resource": 'B::"b"', "context": {}}
    assert not cedarpy.is_authorized(asked, rules, [], schema).allowed
    assert cedarpy.is_authorized(asked, rules, []).allowed
    assert " in [" not in shipped_files()["schema.cedarschema"].split("action ")[1].split("appliesTo")[0]


@pytest.mark.parametrize("item", [ContentClass.SOURCE_IDENTIFYING, ContentClass.GRAND_JURY, ContentClass.FINANCIAL])
def test_the_answer_is_the_same_with_and_without_the_schema(item):
    proposal, _ = propose(shipped(), request("partner-frankfurt", part("x", item)))
    handling = Handling(1, frozenset(Caveat), Onward.NONE)
    facts = known_facts([terms_entity(handling, proposal.given)], proposal.shard.schema, beside=proposal.known)
    question, policies, _, schema = asked_of(shipped())
    with_schema = cedarpy.is_authorized(question, policies, facts, schema)
    bare = {
        **question,
        "context": json.dumps({name: {"__entity": value} for name, value in json.loads(question["context"]).items()}),
    }
    without = cedarpy.is_authorized(bare, policies, facts)
    assert with_schema.decision is without.decision
    assert with_schema.diagnostics.reasons == without.diagnostics.reasons


def test_facts_are_checked_when_they_become_known():
    """A handle built without the schema is never checked again: here there is no such way."""
    schema = shipped().shards["europol"].schema
    with pytest.raises(NotPermitted, match="do not fit the schema"):
        known_facts(
            [
                {
                    "uid": {"type": "Attache::Officer", "id": "o"},
                    "attrs": {"mayApprove": "yes", "posts": []},
                    "parents": [],
                }
            ],
            schema,
        )
    with pytest.raises(NotPermitted, match="do not fit the schema"):
        known_facts([{"uid": {"type": "Attache::Officer", "id": "o"}, "attrs": {"posts": []}, "parents": []}], schema)


def test_a_fact_said_twice_is_refused():
    shard = shipped().shards["europol"]
    twice = {"uid": {"type": "Attache::Partner", "id": "europol"}, "attrs": {}, "parents": []}
    with pytest.raises(NotPermitted):
        known_facts([twice], shard.schema, beside=shard.known)


def test_rules_answer_by_their_own_ids():
    assert decide(shipped(), request("partner-frankfurt")).part("note").rules == ("FRANKFURT-CASES",)
    reordered = "\n".join(reversed(shipped_files()["partners/partner-frankfurt.cedar"].split("\n\n")))
    moved = load_policy_set({**shipped_files(), "partners/partner-frankfurt.cedar": reordered}, own="irs-ci")
    assert decide(moved, request("partner-frankfurt")).part("note").rules == ("FRANKFURT-CASES",)


def test_a_rule_that_applies_to_nothing_does_not_load():
    """The engine's next version only warns of it; this test stays when the pin moves."""
    assert version("cedarpy") == "4.12.2"
    base = shipped_files()["base.cedar"]
    silent = '@id("BASE-SILENT") @why("w") @cite("c") @c1("one")\nforbid (principal, action, resource) when { action == Attache::Action::"discloze" };'
    with pytest.raises(Misconfigured, match="BASE-SILENT"):
        load_policy_set({**shipped_files(), "base.cedar": base + silent}, own="irs-ci")


def test_handling_is_checked_by_the_engine_and_not_only_attached():
    proposal, _ = propose(shipped(), request("partner-frankfurt"))
    (unit,) = proposal.units
    tight = Handling(1095, frozenset({Caveat.LEAD_PURPOSES_ONLY}), Onward.ORIGINATOR_CONSENT)
    loose = [
        Handling(1096, tight.caveats, tight.onward),
        Handling(1095, frozenset(), tight.onward),
        Handling(1095, tight.caveats, Onward.PARTIES),
    ]
    wanted = [(unit.item_id, Form.CLEAR)]
    assert proposal.ask(proposal.given, tight, wanted)[wanted[0]].allowed
    assert not any(proposal.ask(proposal.given, handling, wanted)[wanted[0]].allowed for handling in loose)


def test_comments_count():
    edited = load_policy_set(with_edit("base.cedar", "// What holds", "// What does hold"), own="irs-ci")
    assert edited.hash != shipped().hash
