"""The rounds of questions to the engine from which a decision is made: see gateway.policy.decide."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attache.vocabulary import Caveat, HandlingCode, Onward
from gateway.policy.decision import Handling, UnitOutcome
from gateway.policy.engine import Answer
from gateway.policy.entities import Scenario, tightest
from gateway.policy.items import Item, Unit
from gateway.policy.proposal import Form, ItemForm, Proposal

MAX_RETENTION_DAYS = 1825

_OUTCOME_BY_FORM = {Form.CLEAR: UnitOutcome.DISCLOSE, Form.MASKED: UnitOutcome.MASK}

Shape = tuple[str, bool]
"""The id of an item, and whether its unit is a field: only a field can be masked."""


@dataclass(frozen=True)
class Verdict:
    """The outcome for one shape; `rules` determined it."""

    outcome: UnitOutcome
    rules: tuple[str, ...]


@dataclass(frozen=True)
class _Best:
    """The first form that could be permitted, and the engine's answer; if none, its denial of the clear form."""

    form: Form
    answer: Answer


@dataclass(frozen=True)
class Rounds:
    """The result: the verdict for each shape, the handling, and the number of approvals that the held units need."""

    verdicts: Mapping[Shape, Verdict]
    handling: Handling
    approvals: int


def shape_of(unit: Unit) -> Shape:
    """The facts of a unit that the rules can see."""
    return unit.item_id, unit.is_field


def ask_rounds(proposal: Proposal) -> Rounds:
    """Ask which units could be released; then, with the handling that follows from the answers, which units are
    released.
    """
    best_case = proposal.approved_twice if proposal.request.wait_for_approval else proposal.given
    shapes = list(dict.fromkeys(shape_of(unit) for unit in proposal.units))
    forms = [(item_id, form) for item_id, is_field in shapes for form in _forms(is_field)]
    answers = proposal.ask(best_case, tightest(proposal.request), forms)
    best = {shape: _best(shape, answers) for shape in shapes}
    handling = _handling(proposal, best)
    likely = [(shape[0], found.form) for shape, found in best.items() if found.answer.allowed]
    now = proposal.ask(proposal.given, handling, likely) if likely else {}
    held, approvals = _held(
        proposal, handling, best_case, [item_form for item_form, answer in now.items() if not answer.allowed]
    )
    verdicts = {shape: _verdict(shape[0], found, now, held) for shape, found in best.items()}
    return Rounds(verdicts, handling, approvals)


def _forms(is_field: bool) -> tuple[Form, ...]:
    return (Form.CLEAR, Form.MASKED) if is_field else (Form.CLEAR,)


def _best(shape: Shape, answers: Mapping[ItemForm, Answer]) -> _Best:
    item_id, is_field = shape
    form = next((form for form in _forms(is_field) if answers[item_id, form].allowed), Form.CLEAR)
    return _Best(form, answers[item_id, form])


def _handling(proposal: Proposal, best: Mapping[Shape, _Best]) -> Handling:
    """The strictest handling that the rules, the agreement, the markings and the officer require, for all units that
    could be released.
    """
    request, agreement = proposal.request, proposal.agreement
    releasable = [proposal.items[item_id] for (item_id, _), found in best.items() if found.answer.allowed]
    names = {name for found in best.values() if found.answer.allowed for name in found.answer.rules}
    permits = [proposal.shard.rules[name] for name in sorted(names)]
    days = [int(rule.annotations["retention_days"]) for rule in permits]
    days += [item.retention_days_left for item in releasable]
    days += [request.retention_days] if request.retention_days is not None else []
    caveats = {Caveat(name) for rule in permits for name in rule.annotations["caveats"].split(",") if name}
    caveats |= {caveat for item in releasable for caveat in item.caveats}
    onward = [Onward(rule.annotations["onward"]) for rule in permits] + [agreement.onward]
    if any(HandlingCode.H1 in item.handling_codes for item in releasable):
        caveats.add(Caveat.NOT_EVIDENCE)
    if any(item.evaluation.is_doubtful for item in releasable):
        caveats.add(Caveat.LEAD_PURPOSES_ONLY)
    if any(_is_originator_controlled(item, proposal.shard.own) for item in releasable):
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
    proposal: Proposal, handling: Handling, best_case: Scenario, refused: Iterable[ItemForm]
) -> tuple[frozenset[ItemForm], int]:
    """The item forms that further approvals would release, and the number of approvals needed."""
    waiting = list(refused)
    if not waiting or best_case is proposal.given:
        return frozenset(), 0
    held = [one for one, answer in proposal.ask(best_case, handling, waiting).items() if answer.allowed]
    once = proposal.ask(proposal.approved_once, handling, held) if held else {}
    return frozenset(held), 1 if all(answer.allowed for answer in once.values()) else 2


def _verdict(item_id: str, best: _Best, now: Mapping[ItemForm, Answer], held: frozenset[ItemForm]) -> Verdict:
    # protocol A2
    if not best.answer.allowed:
        return Verdict(UnitOutcome.WITHHOLD, best.answer.rules)
    answer = now[item_id, best.form]
    if answer.allowed:
        return Verdict(_OUTCOME_BY_FORM[best.form], answer.rules)
    outcome = UnitOutcome.AWAIT_APPROVAL if (item_id, best.form) in held else UnitOutcome.WITHHOLD
    return Verdict(outcome, answer.rules)
