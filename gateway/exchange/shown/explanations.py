"""An explanation as callers are shown it."""

from attache.wire.decisions import ConditionView, ExplanationView, LeverView, RuleView, UnitExplanationView
from gateway.exchange.outgoing.explain import Explained, UnitExplained
from gateway.policy.explain import CAUTION, RuleExplained


def explanation_view(explained: Explained) -> ExplanationView:
    """An explanation as callers are shown it."""
    return ExplanationView(
        recipient=explained.recipient,
        desk=explained.desk,
        outcome=explained.decision.outcome,
        units=[_unit_explanation(unit) for unit in explained.units],
        more_units=explained.more,
        caution=CAUTION,
    )


def _unit_explanation(unit: UnitExplained) -> UnitExplanationView:
    explanation = unit.explanation
    return UnitExplanationView(
        part=unit.part,
        field=unit.field,
        outcome=unit.outcome,
        blocking=[_rule_view(rule) for rule in explanation.blocking],
        permitting=[_rule_view(rule) for rule in explanation.permitting],
        nearest=[_rule_view(rule) for rule in explanation.nearest],
        ways=[
            [LeverView(kind=lever.kind, value=lever.value, words=lever.words) for lever in way.levers]
            for way in unit.what_if.ways
        ],
        more_ways=unit.what_if.more,
    )


def _rule_view(rule: RuleExplained) -> RuleView:
    return RuleView(
        rule=rule.rule,
        permits=rule.is_permit,
        applies=rule.applies,
        why=rule.why,
        cite=rule.cite,
        conditions=[ConditionView(words=condition.words, is_so=condition.is_so) for condition in rule.conditions],
    )
