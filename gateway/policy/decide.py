"""The release decision: two rounds of questions to the engine, and its Allow is the only way out.

Round 1 asks with the tightest handling, and as if every approval were given: which rules could let which unit go? Those
rules say what handling they oblige us to. Round 2 is the decision proper: the engine is asked again with exactly that
handling and exactly the approvals that there are. What it allows, goes. What it allows only with more approvals (round 3,
asked only then) is held. Everything else stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from attache.vocabulary import Caveat, HandlingCode, Onward, Post
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
from gateway.policy.engine import ENGINE, Answer, Question, ask
from gateway.policy.entities import (
    World,
    agreement_of,
    desk_of,
    item_entity,
    officer_entities,
    partner_entities,
    release_entity,
    tightest,
)
from gateway.policy.items import Item, Unit, units_of
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.record import digest_of, plain, record_of
from gateway.policy.request import ApprovalFacts, ReleaseRequest, verify_request

MAX_RETENTION_DAYS = 1825
NO_PERMIT = "No rule permits it"
PART_STAYS = "Its part is withheld"
NOTHING_LEFT = "No field of it may go"
_FAR = datetime(9000, 1, 1, tzinfo=UTC)


class Form(StrEnum):
    """A form of disclosure: the engine's action."""

    CLEAR = "disclose"
    MASKED = "disclose-masked"


@dataclass(frozen=True)
class Verdict:
    outcome: UnitOutcome
    rules: tuple[str, ...]


_Asked = tuple[Item, Form]


@dataclass(frozen=True)
class Proposal:
    """One release, ready to be asked about."""

    shard: Shard
    request: ReleaseRequest
    digest: str
    units: tuple[Unit, ...]

    @property
    def desk(self) -> str:
        return desk_of(self.shard.facts, self.request)

    def ask(self, world: World, handling: Handling, wanted: Iterable[_Asked]) -> dict[_Asked, Answer]:
        """The engine's answer for each item and form, in one batch."""
        asked = list(dict.fromkeys(wanted))
        ids = {item: f"i{number}" for number, item in enumerate(dict.fromkeys(item for item, _ in asked))}
        entities = [
            *partner_entities(self.shard.facts, self.request),
            *officer_entities(self.request, [world]),
            release_entity(self.shard.facts, self.shard.own, self.request, self.digest, handling, world),
            *(item_entity(item_id, item) for item, item_id in ids.items()),
        ]
        questions = [Question(form, ids[item], world.context) for item, form in asked]
        answers = ask(self.shard.policies, self.shard.schema, entities, ("Desk", self.desk), questions)
        return dict(zip(asked, answers, strict=True))


def decide(policy_set: PolicySet, request: ReleaseRequest) -> Decision:
    """Policy's answer to one proposed release. Pure: the same arguments give the same bytes of record.

    Raises MalformedInput("missing-legal-basis", "unknown-agreement", "malformed-request"),
    NotFound("unknown-partner", "unknown-desk") and NotPermitted("policy-engine-failed"); nothing may leave then.
    """
    proposal, facts = propose(policy_set, request)
    given = World("given", chosen_approvals(proposal))
    hoped = approved_world(proposal, 2) if request.wait_for_approval else given
    best = _best_forms(proposal, proposal.ask(hoped, tightest(request), _every_form(proposal.units)))
    handling = _handling(proposal, best)
    verdicts, count = _verdicts(proposal, best, handling, given, hoped)
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


def release_digest(policy_set: PolicySet, request: ReleaseRequest) -> str:
    """What an approval of this release is bound to; the same as `Decision.release_digest`."""
    return propose(policy_set, request)[0].digest


def propose(policy_set: PolicySet, request: ReleaseRequest) -> tuple[Proposal, dict[str, object]]:
    """The proposal, and its facts as JSON; raises as `decide` does where a fact is missing or unknown."""
    verify_request(request)
    shard = policy_set.shard(request.recipient)
    agreement_of(shard.facts, request)
    facts = plain(request)
    digest = digest_of(shard.hash, desk_of(shard.facts, request), facts)
    return Proposal(shard, request, digest, tuple(units_of(request, policy_set.own))), facts


def approved_world(proposal: Proposal, count: int) -> World:
    """As if `count` officers, none of them the requester, had approved exactly this release."""
    approvals = tuple(
        ApprovalFacts(
            f"(approver {number})", frozenset(Post), may_approve=True, digest=proposal.digest, expires_at=_FAR
        )
        for number in range(1, count + 1)
    )
    return World(f"approved by {count}", approvals)


def chosen_approvals(proposal: Proposal) -> tuple[ApprovalFacts, ...]:
    """The two given approvals of two officers that fit best. The engine decides whether they fit."""
    request, post = proposal.request, proposal.shard.facts.post

    def fit(approval: ApprovalFacts) -> tuple[object, ...]:
        fits = (
            approval.digest == proposal.digest,
            approval.may_approve,
            approval.officer != request.requester,
            request.now < approval.expires_at,
            post in approval.posts,
        )
        return (sum(fits[:-1]), fits[-1], approval.expires_at, approval.officer)

    best_first = sorted(request.approvals, key=fit, reverse=True)
    by_officer = {approval.officer: approval for approval in reversed(best_first)}
    return tuple(approval for approval in best_first if by_officer[approval.officer] is approval)[:2]


def _every_form(units: Iterable[Unit]) -> Iterable[_Asked]:
    for unit in units:
        yield unit.item, Form.CLEAR
        if unit.path is not None:
            yield unit.item, Form.MASKED


def _best_forms(proposal: Proposal, answers: Mapping[_Asked, Answer]) -> dict[Unit, tuple[Form, Answer]]:
    """For each unit the best form that could go, and else the refusal of the clear one."""
    best = {}
    for unit in proposal.units:
        forms = (Form.CLEAR,) if unit.path is None else (Form.CLEAR, Form.MASKED)
        form = next((form for form in forms if answers[unit.item, form].allowed), Form.CLEAR)
        best[unit] = (form, answers[unit.item, form])
    return best


def _handling(proposal: Proposal, best: Mapping[Unit, tuple[Form, Answer]]) -> Handling:
    """The strictest that the rules, the agreement, the markings and the officer ask for, whatever goes."""
    request, agreement = proposal.request, agreement_of(proposal.shard.facts, proposal.request)
    going = [(unit.item, answer) for unit, (_, answer) in best.items() if answer.allowed]
    permits = [proposal.shard.rules[name] for name in sorted({name for _, answer in going for name in answer.rules})]
    days = [int(rule.annotations["retention_days"]) for rule in permits]
    days += [item.retention_days_left for item, _ in going]
    days += [request.retention_days] if request.retention_days is not None else []
    caveats = {Caveat(name) for rule in permits for name in rule.annotations["caveats"].split(",") if name}
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
    proposal: Proposal, best: Mapping[Unit, tuple[Form, Answer]], handling: Handling, given: World, hoped: World
) -> tuple[dict[Unit, Verdict], int]:
    """Each unit's verdict, and how many approvals what is held needs."""
    likely = {(unit.item, form) for unit, (form, answer) in best.items() if answer.allowed}
    wanted = [asked for asked in _every_form(proposal.units) if asked in likely]
    now = proposal.ask(given, handling, wanted) if wanted else {}
    refused = [asked for asked, answer in now.items() if not answer.allowed]
    approved = proposal.ask(hoped, handling, refused) if refused and hoped is not given else {}
    held = {asked for asked, answer in approved.items() if answer.allowed}
    once = proposal.ask(approved_world(proposal, 1), handling, held) if held else {}
    verdicts = {}
    for unit, (form, first) in best.items():
        answer = now.get((unit.item, form), first)
        if not first.allowed:
            verdicts[unit] = Verdict(UnitOutcome.WITHHOLD, first.rules)
        elif answer.allowed:
            verdicts[unit] = Verdict(_GOING[form], answer.rules)
        else:
            outcome = UnitOutcome.HOLD if (unit.item, form) in held else UnitOutcome.WITHHOLD
            verdicts[unit] = Verdict(outcome, answer.rules)
    return verdicts, 1 if all(answer.allowed for answer in once.values()) else 2


_GOING = {Form.CLEAR: UnitOutcome.DISCLOSE, Form.MASKED: UnitOutcome.MASK}


def _part(proposal: Proposal, name: str, verdicts: Mapping[Unit, Verdict]) -> PartDecision:
    """A part and its fields: nothing goes without its part, and a part with fields goes with one of them at least."""
    own, *others = [unit for unit in proposal.units if unit.part == name]
    verdict, rules = verdicts[own], proposal.shard.rules
    fields = tuple(_field(proposal, unit, verdicts[unit], verdict) for unit in others)
    outcome, reasons = verdict.outcome, _reasons(proposal.shard, verdict)
    if fields and outcome is not UnitOutcome.WITHHOLD and all(f.outcome is UnitOutcome.WITHHOLD for f in fields):
        outcome, verdict, reasons = UnitOutcome.WITHHOLD, Verdict(UnitOutcome.WITHHOLD, ()), (NOTHING_LEFT,)
    hidden = outcome is UnitOutcome.WITHHOLD and any(rules[rule].is_hidden for rule in verdict.rules)
    return PartDecision(name, outcome, verdict.rules, reasons, hidden, fields)


def _field(proposal: Proposal, unit: Unit, verdict: Verdict, part: Verdict) -> FieldDecision:
    assert unit.path is not None
    hidden = verdict.outcome is UnitOutcome.WITHHOLD and any(
        proposal.shard.rules[rule].is_hidden for rule in verdict.rules
    )
    if part.outcome is UnitOutcome.WITHHOLD and verdict.outcome is not UnitOutcome.WITHHOLD:
        return FieldDecision(unit.path, UnitOutcome.WITHHOLD, (), (PART_STAYS,))
    if part.outcome is UnitOutcome.HOLD and verdict.outcome is not UnitOutcome.WITHHOLD:
        return FieldDecision(unit.path, UnitOutcome.HOLD, verdict.rules, _reasons(proposal.shard, verdict))
    return FieldDecision(unit.path, verdict.outcome, verdict.rules, _reasons(proposal.shard, verdict), hidden)


def _reasons(shard: Shard, verdict: Verdict) -> tuple[str, ...]:
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
