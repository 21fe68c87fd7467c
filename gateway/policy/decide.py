"""The release decision: two rounds of questions to the engine, and its Allow is the only way out.

Round 1 asks with the tightest handling, and as if every approval were given: which rules could let which unit go? Those
rules say what handling they oblige us to. Round 2 is the decision proper: the engine is asked again with exactly that
handling and exactly the approvals that there are. What it allows, goes. What it allows only with more approvals (round 3,
asked only then) is held. Everything else stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from attache.vocabulary import Caveat, HandlingCode, Onward
from gateway.policy.decision import (
    ApprovalsNeeded,
    Decision,
    FieldDecision,
    Handling,
    Outcome,
    PartDecision,
    UnitOutcome,
    overall,
)
from gateway.policy.engine import ENGINE, Answer
from gateway.policy.entities import World, tightest
from gateway.policy.items import Item, Unit
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.proposal import Asked, Form, Proposal, propose
from gateway.policy.record import record_of
from gateway.policy.request import ReleaseRequest

MAX_RETENTION_DAYS = 1825
NO_PERMIT = "No rule permits it"
PART_STAYS = "Its part is withheld"
NOTHING_LEFT = "No field of it may go"

_GOING = {Form.CLEAR: UnitOutcome.DISCLOSE, Form.MASKED: UnitOutcome.MASK}


@dataclass(frozen=True)
class _Verdict:
    """`rules` determined it."""

    outcome: UnitOutcome
    rules: tuple[str, ...]


def decide(policy_set: PolicySet, request: ReleaseRequest) -> Decision:
    """Policy's answer to one proposed release. Pure: the same arguments give the same bytes of record.

    Raises MalformedInput("missing-legal-basis", "unknown-agreement", "malformed-request"),
    NotFound("unknown-partner", "unknown-desk") and NotPermitted("policy-engine-failed"); nothing may leave then.
    """
    proposal, facts = propose(policy_set, request)
    hoped = proposal.approved_twice if request.wait_for_approval else proposal.given
    best = _best_forms(proposal, proposal.ask(hoped, tightest(request), _every_form(proposal.units)))
    handling = _handling(proposal, best)
    verdicts, count = _verdicts(proposal, best, handling, hoped)
    parts = tuple(_part(proposal, part.name, verdicts) for part in request.parts)
    outcome = overall(parts)
    decision = Decision(
        outcome=outcome,
        parts=parts,
        handling=None if outcome is Outcome.DENY else handling,
        approvals_needed=_needed(proposal, parts, count) if outcome is Outcome.HOLD else None,
        release_digest=proposal.digest,
        policy_set_hash=policy_set.hash,
        shard_hash=proposal.shard.hash,
        engine=ENGINE,
    )
    return replace(decision, record=record_of(policy_set.own, facts, decision))


def _every_form(units: Iterable[Unit]) -> Iterable[Asked]:
    for unit in units:
        yield unit.item, Form.CLEAR
        if unit.path is not None:
            yield unit.item, Form.MASKED


def _best_forms(proposal: Proposal, answers: Mapping[Asked, Answer]) -> dict[Unit, tuple[Form, Answer]]:
    """For each unit the best form that could go, and else the refusal of the clear one."""
    best = {}
    for unit in proposal.units:
        forms = (Form.CLEAR,) if unit.path is None else (Form.CLEAR, Form.MASKED)
        form = next((form for form in forms if answers[unit.item, form].allowed), Form.CLEAR)
        best[unit] = (form, answers[unit.item, form])
    return best


def _handling(proposal: Proposal, best: Mapping[Unit, tuple[Form, Answer]]) -> Handling:
    """The strictest that the rules, the agreement, the markings and the officer ask for, whatever goes."""
    request, agreement = proposal.request, proposal.agreement
    going = [(unit.item, answer) for unit, (_, answer) in best.items() if answer.allowed]
    permits = [proposal.shard.rules[name] for name in sorted({name for _, answer in going for name in answer.rules})]
    days = [int(rule.annotations["retention_days"]) for rule in permits]
    days += [item.retention_days_left for item, _ in going]
    days += [request.retention_days] if request.retention_days is not None else []
    caveats = {Caveat(name) for rule in permits for name in rule.annotations["caveats"].split(",") if name}
    caveats |= {caveat for item, _ in going for caveat in item.caveats}
    onward = [Onward(rule.annotations["onward"]) for rule in permits] + [agreement.onward]
    if any(HandlingCode.H1 in item.handling_codes for item, _ in going):
        caveats.add(Caveat.NOT_EVIDENCE)
    if any(_is_originator_controlled(item, proposal.shard.own) for item, _ in going):
        onward.append(Onward.ORIGINATOR_CONSENT)
    return Handling(
        retention_days=min([*days, agreement.max_retention_days, MAX_RETENTION_DAYS]),
        caveats=frozenset(caveats | request.caveats),
        onward=min(onward, key=list(Onward).index),
        review_within_hours=request.review_within_hours,
    )


def _is_originator_controlled(item: Item, own: str) -> bool:
    return item.markings.orcon or HandlingCode.H2 in item.handling_codes or item.origin != own


def _verdicts(
    proposal: Proposal, best: Mapping[Unit, tuple[Form, Answer]], handling: Handling, hoped: World
) -> tuple[dict[Unit, _Verdict], int]:
    """Each unit's verdict, and how many approvals what is held needs."""
    likely = {(unit.item, form) for unit, (form, answer) in best.items() if answer.allowed}
    wanted = [asked for asked in _every_form(proposal.units) if asked in likely]
    now = proposal.ask(proposal.given, handling, wanted) if wanted else {}
    refused = [asked for asked, answer in now.items() if not answer.allowed]
    approved = proposal.ask(hoped, handling, refused) if refused and hoped is not proposal.given else {}
    held = {asked for asked, answer in approved.items() if answer.allowed}
    once = proposal.ask(proposal.approved_once, handling, held) if held else {}
    verdicts = {}
    for unit, (form, first) in best.items():
        answer = now.get((unit.item, form), first)
        if not first.allowed:
            verdicts[unit] = _Verdict(UnitOutcome.WITHHOLD, first.rules)
        elif answer.allowed:
            verdicts[unit] = _Verdict(_GOING[form], answer.rules)
        else:
            outcome = UnitOutcome.HOLD if (unit.item, form) in held else UnitOutcome.WITHHOLD
            verdicts[unit] = _Verdict(outcome, answer.rules)
    return verdicts, 1 if all(answer.allowed for answer in once.values()) else 2


_GOING = {Form.CLEAR: UnitOutcome.DISCLOSE, Form.MASKED: UnitOutcome.MASK}


def _part(proposal: Proposal, name: str, verdicts: Mapping[Unit, _Verdict]) -> PartDecision:
    """A part and its fields: nothing goes without its part, and a part with fields goes with one of them at least."""
    own, *others = [unit for unit in proposal.units if unit.part == name]
    verdict, rules = verdicts[own], proposal.shard.rules
    fields = tuple(_field(proposal, unit, verdicts[unit], verdict) for unit in others)
    outcome, reasons = verdict.outcome, _reasons(proposal.shard, verdict)
    if fields and outcome is not UnitOutcome.WITHHOLD and all(f.outcome is UnitOutcome.WITHHOLD for f in fields):
        outcome, verdict, reasons = UnitOutcome.WITHHOLD, _Verdict(UnitOutcome.WITHHOLD, ()), (NOTHING_LEFT,)
    hidden = outcome is UnitOutcome.WITHHOLD and any(rules[rule].is_hidden for rule in verdict.rules)
    return PartDecision(name, outcome, verdict.rules, reasons, hidden, fields)


def _field(proposal: Proposal, unit: Unit, verdict: _Verdict, part: _Verdict) -> FieldDecision:
    assert unit.path is not None
    hidden = verdict.outcome is UnitOutcome.WITHHOLD and any(
        proposal.shard.rules[rule].is_hidden for rule in verdict.rules
    )
    if part.outcome is UnitOutcome.WITHHOLD and verdict.outcome is not UnitOutcome.WITHHOLD:
        return FieldDecision(unit.path, UnitOutcome.WITHHOLD, (), (PART_STAYS,))
    if part.outcome is UnitOutcome.HOLD and verdict.outcome is not UnitOutcome.WITHHOLD:
        return FieldDecision(unit.path, UnitOutcome.HOLD, verdict.rules, _reasons(proposal.shard, verdict))
    return FieldDecision(unit.path, verdict.outcome, verdict.rules, _reasons(proposal.shard, verdict), hidden)


def _reasons(shard: Shard, verdict: _Verdict) -> tuple[str, ...]:
    return tuple(shard.rules[rule].why for rule in verdict.rules) or (NO_PERMIT,)


def _needed(proposal: Proposal, parts: tuple[PartDecision, ...], count: int) -> ApprovalsNeeded:
    held = {part.name for part in parts if part.outcome is UnitOutcome.HOLD}
    held |= {f"{part.name}#{f.path}" for part in parts for f in part.fields if f.outcome is UnitOutcome.HOLD}
    waiting = [unit for unit in proposal.units if unit.name in held]
    return ApprovalsNeeded(
        post=proposal.shard.facts.post,
        count=count,
        content_class=frozenset().union(*(unit.item.classes for unit in waiting)),
        units=tuple(unit.name for unit in waiting),
    )
