"""Asks the engine about each clause of each rule separately, to find out which conditions are true.

So there is no second implementation of the rules that could disagree with the engine.
"""

from dataclasses import dataclass
from functools import lru_cache

import cedarpy

from attache.errors import NotPermitted
from gateway.policy.engine import Question, ask, compile_policies
from gateway.policy.policy_set import Shard
from gateway.policy.rules import Rule


@dataclass(frozen=True)
class Condition:
    """One clause, and whether it is true. `is_met`: whether it lets its rule apply."""

    words: str
    cedar: str
    is_way_out: bool
    is_so: bool

    @property
    def is_met(self) -> bool:
        return self.is_so != self.is_way_out


@dataclass(frozen=True)
class Finding:
    """One rule, and which of its conditions are true. `applies`: whether all are met."""

    rule: Rule
    conditions: tuple[Condition, ...]

    @property
    def applies(self) -> bool:
        return all(condition.is_met for condition in self.conditions)


def examine(shard: Shard, facts: cedarpy.Entities, question: Question) -> tuple[Finding, ...]:
    """Every rule whose scope covers the question, in the order of the files."""
    (answer,) = ask(_probes_of(shard), shard.schema, facts, [question])
    true_clauses = set(answer.rules)
    return tuple(
        Finding(
            rule,
            tuple(
                Condition(clause.words, clause.cedar, clause.is_unless, f"{rule.id}#{number}" in true_clauses)
                for number, clause in enumerate(rule.clauses, 1)
            ),
        )
        for rule in shard.rules.values()
        if f"{rule.id}#scope" in true_clauses
    )


def verify_agreement(findings: tuple[Finding, ...], allowed: bool, rules: tuple[str, ...]) -> None:
    """Raise NotPermitted("policy-engine-failed") unless the findings agree with the decision."""
    forbids = {finding.rule.id for finding in findings if finding.applies and not finding.rule.is_permit}
    permits = {finding.rule.id for finding in findings if finding.applies and finding.rule.is_permit}
    if allowed is not (bool(permits) and not forbids) or set(rules) != (forbids or permits):
        raise NotPermitted("policy-engine-failed", "the explanation does not agree with the decision")


@lru_cache(maxsize=64)
def _probes_of(shard: Shard) -> cedarpy.PolicySet:
    return compile_policies({name: form for rule in shard.rules.values() for name, form in rule.probes()})
