"""The rounds of questions to the engine that make a decision: what could go, with what handling, and what does go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attache.vocabulary import Caveat, HandlingCode, Onward
from gateway.policy.decision import Handling, UnitOutcome
from gateway.policy.engine import Answer
from gateway.policy.entities import Scenario, tightest
from gateway.policy.items import Item, Unit
from gateway.policy.proposal import Asked, Form, Proposal

MAX_RETENTION_DAYS = 1825

_GOING = {Form.CLEAR: UnitOutcome.DISCLOSE, Form.MASKED: UnitOutcome.MASK}

Shape = tuple[str, bool]
"""An item, by its id, as a field or not: only a field can go masked."""


@dataclass(frozen=True)
class Verdict:
    """`rules` determined it."""

    outcome: UnitOutcome
    rules: tuple[str, ...]


@dataclass(frozen=True)
class _Best:
    """The best form that could go, and the engine's answer; where none could, its refusal of the clear one."""

    form: Form
    answer: Answer


@dataclass(frozen=True)
class Rounds:
    """What came of them: each shape's verdict, the handling, and how many approvals what is held needs."""

    verdicts: Mapping[Shape, Verdict]
    handling: Handling
    approvals: int


def shape_of(unit: Unit) -> Shape:
    """All that the rules can see of a unit."""
    return unit.item_id, unit.is_field


def ask_rounds(proposal: Proposal) -> Rounds:
    """Ask what could go, then with exactly the handling that this obliges to, what does go."""
    hoped = proposal.approved_twice if proposal.request.wait_for_approval else proposal.given
    shapes = list(dict.fromkeys(shape_of(unit) for unit in proposal.units))
    forms = [(item_id, form) for item_id, is_field in shapes for form in _forms(is_field)]
    answers = proposal.ask(hoped, tightest(proposal.request), forms)
    best = {shape: _best(shape, answers) for shape in shapes}
    handling = _handling(proposal, best)
    likely = [(shape[0], found.form) for shape, found in best.items() if found.answer.allowed]
    now = proposal.ask(proposal.given, handling, likely) if likely else {}
    held, approvals = _held(proposal, handling, hoped, [asked for asked, answer in now.items() if not answer.allowed])
    verdicts = {shape: _verdict(shape[0], found, now, held) for shape, found in best.items()}
    return Rounds(verdicts, handling, approvals)


def _forms(is_field: bool) -> tuple[Form, ...]:
    return (Form.CLEAR, Form.MASKED) if is_field else (Form.CLEAR,)


def _best(shape: Shape, answers: Mapping[Asked, Answer]) -> _Best:
    item_id, is_field = shape
    form = next((form for form in _forms(is_field) if answers[item_id, form].allowed), Form.CLEAR)
    return _Best(form, answers[item_id, form])


def _handling(proposal: Proposal, best: Mapping[Shape, _Best]) -> Handling:
    """The strictest that the rules, the agreement, the markings and the officer ask for, of all that could go."""
    request, agreement = proposal.request, proposal.agreement
    going = [proposal.items[item_id] for (item_id, _), found in best.items() if found.answer.allowed]
    names = {name for found in best.values() if found.answer.allowed for name in found.answer.rules}
    permits = [proposal.shard.rules[name] for name in sorted(names)]
    days = [int(rule.annotations["retention_days"]) for rule in permits]
    days += [item.retention_days_left for item in going]
    days += [request.retention_days] if request.retention_days is not None else []
    caveats = {Caveat(name) for rule in permits for name in rule.annotations["caveats"].split(",") if name}
    caveats |= {caveat for item in going for caveat in item.caveats}
    onward = [Onward(rule.annotations["onward"]) for rule in permits] + [agreement.onward]
    if any(HandlingCode.H1 in item.handling_codes for item in going):
        caveats.add(Caveat.NOT_EVIDENCE)
    if any(item.evaluation.is_doubtful for item in going):
        caveats.add(Caveat.LEAD_PURPOSES_ONLY)
    if any(_is_originator_controlled(item, proposal.shard.own) for item in going):
        onward.append(Onward.ORIGINATOR_CONSENT)
    return Handling(
        retention_days=min([*days, agreement.max_retention_days, MAX_RETENTION_DAYS]),
        caveats=frozenset(caveats | request.caveats),
        onward=min(onward, key=list(Onward).index),
        review_within_hours=request.review_within_hours,
    )


def _is_originator_controlled(item: Item, own: str) -> bool:
    return item.markings.orcon or HandlingCode.H2 in item.handling_codes or item.origin != own


def _held(
    proposal: Proposal, handling: Handling, hoped: Scenario, refused: Iterable[Asked]
) -> tuple[frozenset[Asked], int]:
    """What more approvals would release, and how many it takes."""
    asked = list(refused)
    if not asked or hoped is proposal.given:
        return frozenset(), 0
    held = [one for one, answer in proposal.ask(hoped, handling, asked).items() if answer.allowed]
    once = proposal.ask(proposal.approved_once, handling, held) if held else {}
    return frozenset(held), 1 if all(answer.allowed for answer in once.values()) else 2


def _verdict(item_id: str, best: _Best, now: Mapping[Asked, Answer], held: frozenset[Asked]) -> Verdict:
    # protocol A2
    if not best.answer.allowed:
        return Verdict(UnitOutcome.WITHHOLD, best.answer.rules)
    answer = now[item_id, best.form]
    if answer.allowed:
        return Verdict(_GOING[best.form], answer.rules)
    outcome = UnitOutcome.HOLD if (item_id, best.form) in held else UnitOutcome.WITHHOLD
    return Verdict(outcome, answer.rules)
