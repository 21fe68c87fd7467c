"""One proposed release, ready to be asked about: its units, what an approval of it is bound to, who approved it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import cedarpy

from gateway.policy.decision import Handling
from gateway.policy.engine import Answer, Question, ask, known_facts, reference
from gateway.policy.entities import Scenario, agreement_of, desk_of, item_entity, release_entities, terms_entity
from gateway.policy.facts import Agreement
from gateway.policy.items import Item, Unit, units_of
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.record import digest_of, plain
from gateway.policy.request import ApprovalFacts, ReleaseRequest, verify_request

_FAR = datetime(9000, 1, 1, tzinfo=UTC)


class Form(StrEnum):
    """A form of disclosure: the engine's action."""

    CLEAR = "disclose"
    MASKED = "disclose-masked"


Asked = tuple[str, Form]
"""An item, by its id, in a form."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A release, with everything that is known about it. `digest` is what an approval of it is bound to."""

    shard: Shard
    request: ReleaseRequest
    digest: str
    units: tuple[Unit, ...]
    items: Mapping[str, Item]

    @property
    def agreement(self) -> Agreement:
        return agreement_of(self.shard.facts, self.request)

    @cached_property
    def given(self) -> Scenario:
        """The approvals that there are: of those given, the two by two officers that fit best."""
        return Scenario("given", _best_fitting(self))

    @cached_property
    def approved_twice(self) -> Scenario:
        """As if two officers, none of them the requester, had approved exactly this release."""
        post = frozenset({self.shard.facts.post})
        officers = ("(approver 1)", "(approver 2)")
        return Scenario("twice", tuple(ApprovalFacts(name, post, True, self.digest, _FAR) for name in officers))

    @property
    def approved_once(self) -> Scenario:
        """As if one had."""
        return Scenario("once", self.approved_twice.approvals[:1])

    @cached_property
    def known(self) -> cedarpy.Entities:
        """Every fact but the terms: known to the engine once, for every round."""
        approvals = (*self.given.approvals, *self.approved_twice.approvals)
        release = release_entities(self.shard.facts, self.shard.own, self.request, self.digest, approvals)
        items = [item_entity(item_id, item) for item_id, item in self.items.items()]
        return known_facts([*release, *items], self.shard.schema, beside=self.shard.known)

    def question(self, scenario: Scenario, item_id: str, form: Form) -> Question:
        """May the recipient get this item in this form?"""
        desk = reference("Desk", desk_of(self.shard.facts, self.request))
        return Question(desk, form, reference("Item", item_id), scenario.context)

    def ask(self, scenario: Scenario, handling: Handling, wanted: Iterable[Asked]) -> dict[Asked, Answer]:
        """The engine's answer for each item and form, in one batch."""
        asked = list(dict.fromkeys(wanted))
        known = known_facts([terms_entity(handling, scenario)], self.shard.schema, beside=self.known)
        answers = ask(self.shard.policies, self.shard.schema, known, [self.question(scenario, *one) for one in asked])
        return dict(zip(asked, answers, strict=True))


def propose(policy_set: PolicySet, request: ReleaseRequest) -> tuple[Proposal, dict[str, Any]]:
    """The proposal, and its facts as JSON; raises as `decide` does where a fact is missing or unknown."""
    verify_request(request)
    shard = policy_set.shard(request.recipient)
    agreement_of(shard.facts, request)
    facts = plain(request)
    digest = digest_of(shard.hash, desk_of(shard.facts, request), facts)
    return Proposal(shard, request, digest, *units_of(request, policy_set.own)), facts


def release_digest(policy_set: PolicySet, request: ReleaseRequest) -> str:
    """What an approval of this release is bound to; the same as `Decision.release_digest`. Hex."""
    return propose(policy_set, request)[0].digest


def _best_fitting(proposal: Proposal) -> tuple[ApprovalFacts, ...]:
    """Which two to show to the engine. It is the engine that decides whether they hold."""
    request, post = proposal.request, proposal.shard.facts.post

    def fit(approval: ApprovalFacts) -> tuple[object, ...]:
        fits = (
            approval.digest == proposal.digest,
            approval.may_approve,
            approval.officer != request.requester,
            request.now < approval.expires_at,
        )
        return (sum(fits), post in approval.posts, approval.expires_at, approval.officer)

    best_first = sorted(request.approvals, key=fit, reverse=True)
    best_of = {approval.officer: approval for approval in reversed(best_first)}
    return tuple(approval for approval in best_first if best_of[approval.officer] is approval)[:2]
