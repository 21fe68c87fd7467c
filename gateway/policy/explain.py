"""Why a unit is released or withheld: the relevant rules, and for each of their conditions, in words, whether it is
true.
"""

from dataclasses import dataclass

from attache.errors import NotFound
from gateway.policy.engine import known_facts
from gateway.policy.entities import terms_entity, tightest
from gateway.policy.items import Unit
from gateway.policy.policy_set import PolicySet
from gateway.policy.probes import Condition, Finding, examine, verify_agreement
from gateway.policy.proposal import Form, Proposal, propose
from gateway.policy.request import ReleaseRequest

CAUTION = "This shows what the rules accept. Whether a legal basis truly applies is for an officer and counsel to say."
MAX_NEAREST = 3


@dataclass(frozen=True)
class RuleExplained:
    """One rule, with its conditions. A permit that `applies` has an effect only where no forbid applies."""

    rule: str
    is_permit: bool
    applies: bool
    why: str
    cite: str
    is_hidden: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Explanation:
    """The explanation for one unit, in one form, with the strictest handling and the existing approvals.

    `blocking` are the forbids that apply; `permitting` the permits that apply; `nearest` the permits with the fewest
    conditions that are not met.
    """

    unit: str
    form: str
    allowed: bool
    blocking: tuple[RuleExplained, ...]
    permitting: tuple[RuleExplained, ...]
    nearest: tuple[RuleExplained, ...]
    caution: str = CAUTION

    @property
    def is_hidden(self) -> bool:
        """Whether readers without the right to see hidden units must be told that there is no such unit."""
        return any(rule.is_hidden for rule in self.blocking)

    def render(self) -> str:
        """The explanation as text."""
        lines = [f"{self.unit} ({self.form}): {'may go' if self.allowed else 'stays'}"]
        for rule in self.blocking or self.permitting or self.nearest:
            lines.append(f"  {rule.rule} - {rule.why} ({rule.cite})")
            lines += [f"    {'so    ' if c.is_so else 'not so'}: {c.words}" for c in rule.conditions]
        return "\n".join([*lines, self.caution])


def explain(policy_set: PolicySet, request: ReleaseRequest, unit: str, *, masked: bool = False) -> Explanation:
    """Why one unit (`part` or `part#path`) may go, or may not.

    Raises NotFound("not-found") for a unit that the request does not have, errors of `decide`, and
    NotPermitted("policy-engine-failed") where the explanation does not agree with the decision.
    """
    proposal, _ = propose(policy_set, request)
    form = Form.MASKED if masked else Form.CLEAR
    found = unit_of(proposal, unit)
    handling = tightest(request)
    answer = proposal.ask(proposal.given, handling, [(found.item_id, form)])[found.item_id, form]
    findings = _findings(proposal, found, form)
    verify_agreement(findings, answer.allowed, answer.rules)
    return Explanation(
        unit=unit,
        form=form,
        allowed=answer.allowed,
        blocking=tuple(_explained(f) for f in findings if f.applies and not f.rule.is_permit),
        permitting=tuple(_explained(f) for f in findings if f.applies and f.rule.is_permit),
        nearest=tuple(_explained(f) for f in sorted(findings, key=_distance) if _may_permit(f))[:MAX_NEAREST],
    )


def unit_of(proposal: Proposal, name: str) -> Unit:
    """The unit of that name; raises NotFound("not-found")."""
    for unit in proposal.units:
        if unit.name == name:
            return unit
    raise NotFound("not-found", "the package has no such part or field")


def _findings(proposal: Proposal, unit: Unit, form: Form) -> tuple[Finding, ...]:
    terms = terms_entity(tightest(proposal.request), proposal.given)
    facts = known_facts([terms], proposal.shard.schema, beside=proposal.known)
    return examine(proposal.shard, facts, proposal.question(proposal.given, unit.item_id, form))


def _may_permit(finding: Finding) -> bool:
    return finding.rule.is_permit and not finding.applies


def _distance(finding: Finding) -> tuple[int, str]:
    return sum(not condition.is_met for condition in finding.conditions), finding.rule.id


def _explained(finding: Finding) -> RuleExplained:
    rule = finding.rule
    return RuleExplained(
        rule=rule.id,
        is_permit=rule.is_permit,
        applies=finding.applies,
        why=rule.why,
        cite=rule.cite,
        is_hidden=rule.is_hidden,
        conditions=finding.conditions,
    )
