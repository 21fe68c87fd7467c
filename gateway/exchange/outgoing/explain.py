"""Explain: why each part stays, in words, and what an officer could obtain or choose to let it go. Nothing is stored.

What the caller may not know is never explained: it is left out before the first question is asked, so that the
answer is the one for a package that never had it.
"""

import asyncio
from dataclasses import dataclass, replace

from attache.errors import MalformedInput, NotFound
from attache.package.ids import PackageId
from attache.package.values import ParticipantId
from attache.wire.decisions import ConditionView, ExplanationView, LeverView, RuleView, UnitExplanationView
from attache.wire.packages import Question
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.provenance import provenance_of
from gateway.exchange.outgoing.fields import fields_foreseen
from gateway.exchange.outgoing.proposal import UNKNOWN_DIGEST, addressee_of, release_requests
from gateway.exchange.outgoing.release import decide_release
from gateway.exchange.outgoing.submit import dry_run_logged, require_possible
from gateway.identity.caller import Caller
from gateway.policy import Decision, Explanation, ReleaseRequest, UnitOutcome, WhatIf, explain, what_if, without_hidden
from gateway.policy.explain import CAUTION, RuleExplained

MAX_EXPLAINED = 16


@dataclass(frozen=True)
class UnitExplained:
    """One part, or one field of it."""

    part: str
    field: str | None
    outcome: UnitOutcome
    explanation: Explanation
    what_if: WhatIf


@dataclass(frozen=True)
class Explained:
    """The answer for one recipient; `more` is how many further units stay and were not explained."""

    recipient: ParticipantId
    desk: str | None
    decision: Decision
    units: tuple[UnitExplained, ...]
    more: int


async def explain_release(agency: Agency, caller: Caller, question: Question) -> Explained:
    """Explain what would stay. Raises as a dry run does, and NotFound for a part or field that there is not.

    At most MAX_EXPLAINED units are explained at once; ask for others by name.
    """
    require_possible(agency, question)
    if question.recipient not in {addressee.participant for addressee in question.recipients}:
        raise MalformedInput(detail="recipient: not one of the package's recipients")
    if question.field is not None and question.part is None:
        raise MalformedInput(detail="field: name its part as well")
    now = agency.clock()
    digests = [part.sha256 or UNKNOWN_DIGEST for part in question.parts]
    requests = release_requests(
        question,
        digests,
        await asyncio.to_thread(fields_foreseen, agency, question),
        provenance=await agency.store.read(lambda reader: provenance_of(agency, reader, digests)),
        package_id=PackageId(""),
        own=agency.participant,
        post=agency.post,
        requester=agency.officer(caller),
        now=now,
    )
    request = requests[question.recipient]
    async with dry_run_logged(agency, caller, question, [question.recipient]) as outcomes:
        explained = await asyncio.to_thread(_explained, agency, question, request)
        outcomes[question.recipient] = explained.decision.outcome.value
    return explained


def explanation_view(explained: Explained) -> ExplanationView:
    """An explanation as callers see it."""
    return ExplanationView.of(
        explained,
        outcome=explained.decision.outcome,
        units=[_unit_view(unit) for unit in explained.units],
        more_units=explained.more,
        caution=CAUTION,
    )


def _explained(agency: Agency, question: Question, request: ReleaseRequest) -> Explained:
    whole = decide_release(agency, request)
    visible = without_hidden(whole)
    units = [
        (part.name, field, outcome)
        for part in visible.parts
        for field, outcome in ((None, part.outcome), *((unit.path, unit.outcome) for unit in part.fields))
    ]
    if question.part is None:
        wanted = [unit for unit in units if unit[2] is not UnitOutcome.DISCLOSE]
    else:
        wanted = [unit for unit in units if unit[:2] == (question.part, question.field)]
        if not wanted:
            raise NotFound(detail="the package has no such part or field")
    shown = _without_hidden_units(request, whole)
    desk = addressee_of(question, question.recipient).desk
    explained = tuple(_unit(agency, shown, *unit) for unit in wanted[:MAX_EXPLAINED])
    return Explained(question.recipient, desk, visible, explained, len(wanted) - len(explained))


def _unit(agency: Agency, request: ReleaseRequest, part: str, field: str | None, outcome: UnitOutcome) -> UnitExplained:
    name = part if field is None else f"{part}#{field}"
    policy = agency.in_force.policy
    return UnitExplained(part, field, outcome, explain(policy, request, name), what_if(policy, request, name))


def _without_hidden_units(request: ReleaseRequest, decision: Decision) -> ReleaseRequest:
    """The same request, had it never had the units that must look absent."""
    hidden = {(part.name, unit.path) for part in decision.parts for unit in part.fields if unit.hidden}
    parts = tuple(
        replace(part, fields=tuple(unit for unit in part.fields if (part.name, unit.path) not in hidden))
        for part in request.parts
        if not decision.part(part.name).hidden
    )
    return replace(request, parts=parts)


def _unit_view(unit: UnitExplained) -> UnitExplanationView:
    explanation = unit.explanation
    return UnitExplanationView.of(
        unit,
        blocking=[_rule_view(rule) for rule in explanation.blocking],
        permitting=[_rule_view(rule) for rule in explanation.permitting],
        nearest=[_rule_view(rule) for rule in explanation.nearest],
        ways=[[LeverView.of(lever) for lever in way.levers] for way in unit.what_if.ways],
        more_ways=unit.what_if.more,
    )


def _rule_view(rule: RuleExplained) -> RuleView:
    conditions = [ConditionView.of(condition) for condition in rule.conditions]
    return RuleView.of(rule, permits=rule.is_permit, conditions=conditions)
