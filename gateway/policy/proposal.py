"""A proposed release, in the form in which the engine is asked about it."""

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
    """A form of disclosure; it is the action in questions to the engine."""

    CLEAR = "disclose"
    MASKED = "disclose-masked"


ItemForm = tuple[str, Form]
"""The id of an item, and a form."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A release with all facts about it. An approval of it is bound to `digest`."""

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
        """The existing approvals: of all given ones, the two of different officers that meet most conditions."""
        return Scenario("given", _best_fitting(self))

    @cached_property
    def approved_twice(self) -> Scenario:
        """A hypothetical scenario: two officers other than the requester have approved exactly this release."""
        post = frozenset({self.shard.facts.post})
        officers = ("(approver 1)", "(approver 2)")
        return Scenario("twice", tuple(ApprovalFacts(name, post, True, self.digest, _FAR) for name in officers))

    @property
    def approved_once(self) -> Scenario:
        """A hypothetical scenario: one such officer has approved it."""
        return Scenario("once", self.approved_twice.approvals[:1])

    @cached_property
    def known(self) -> cedarpy.Entities:
        """All facts but the terms, in the engine's form; prepared once for all rounds."""
        approvals = (*self.given.approvals, *self.approved_twice.approvals)
        release = release_entities(self.shard.facts, self.shard.own, self.request, self.digest, approvals)
        items = [item_entity(item_id, item) for item_id, item in self.items.items()]
        return known_facts([*release, *items], self.shard.schema, beside=self.shard.known)

    def question(self, scenario: Scenario, item_id: str, form: Form) -> Question:
        """The question whether the recipient may get this item in this form."""
        desk = reference("Desk", desk_of(self.shard.facts, self.request))
        return Question(desk, form, reference("Item", item_id), scenario.context)

    def ask(self, scenario: Scenario, handling: Handling, item_forms: Iterable[ItemForm]) -> dict[ItemForm, Answer]:
        """The engine's answer for each item and form, in one batch."""
        distinct = list(dict.fromkeys(item_forms))
        known = known_facts([terms_entity(handling, scenario)], self.shard.schema, beside=self.known)
        answers = ask(
            self.shard.policies, self.shard.schema, known, [self.question(scenario, *one) for one in distinct]
        )
        return dict(zip(distinct, answers, strict=True))


def propose(policy_set: PolicySet, request: ReleaseRequest) -> tuple[Proposal, dict[str, Any]]:
    """The proposal, and its facts as JSON; raises as `decide` does where a fact is missing or unknown."""
    verify_request(request)
    shard = policy_set.shard(request.recipient)
    agreement_of(shard.facts, request)
    facts = plain(request)
    digest = digest_of(shard.hash, desk_of(shard.facts, request), facts)
    return Proposal(shard, request, digest, *units_of(request, policy_set.own)), facts


def release_digest(policy_set: PolicySet, request: ReleaseRequest) -> str:
    """The digest that an approval of this release is bound to, as hex; equal to `Decision.release_digest`."""
    return propose(policy_set, request)[0].digest


def _best_fitting(proposal: Proposal) -> tuple[ApprovalFacts, ...]:
    """The two approvals to show to the engine. The engine decides whether they are sufficient."""
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
