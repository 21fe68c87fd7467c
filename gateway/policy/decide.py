"""The release decision: two rounds of questions to the engine. Nothing is released that the engine does not allow.

Round 1 asks with the strictest handling, and as if all approvals were given: which rules could permit the release of
which unit?
These rules determine the handling. Round 2 makes the decision: it asks again with exactly this handling and exactly
the approvals that exist. A unit that the engine allows is released. A unit that it allows only with more approvals is
held. Every other unit is withheld.
"""

from collections.abc import Iterator
from dataclasses import replace

from gateway.policy.decision import (
    ApprovalsNeeded,
    Decision,
    FieldDecision,
    Outcome,
    PartDecision,
    UnitOutcome,
    overall,
)
from gateway.policy.engine import ENGINE
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.proposal import Proposal, propose
from gateway.policy.record import record_of
from gateway.policy.request import ReleaseRequest
from gateway.policy.rounds import Rounds, Verdict, ask_rounds, shape_of

NO_PERMIT = "No rule permits it"
PART_STAYS = "Its part is withheld"
NOTHING_LEFT = "No field of it may go"


def decide(policy_set: PolicySet, request: ReleaseRequest) -> Decision:
    """The decision about one proposed release. Pure: the same arguments give the same record, byte for byte.

    Raises MalformedInput("missing-legal-basis", "unknown-agreement", "malformed-request"),
    NotFound("unknown-partner", "unknown-desk") and NotPermitted("policy-engine-failed"); then nothing may be released.
    """
    proposal, facts = propose(policy_set, request)
    rounds = ask_rounds(proposal)
    parts = tuple(_parts(proposal, rounds))
    outcome = overall(parts)
    decision = Decision(
        outcome=outcome,
        parts=parts,
        handling=None if outcome is Outcome.DENY else rounds.handling,
        approvals_needed=_needed(proposal, parts, rounds) if outcome is Outcome.AWAIT_APPROVAL else None,
        release_digest=proposal.digest,
        policy_set_hash=policy_set.hash,
        shard_hash=proposal.shard.hash,
        engine=ENGINE,
    )
    return replace(decision, record=record_of(policy_set.own, facts, decision))


def _parts(proposal: Proposal, rounds: Rounds) -> Iterator[PartDecision]:
    units = iter(proposal.units)
    for part in proposal.request.parts:
        verdict = rounds.verdicts[shape_of(next(units))]
        fields = [(own.path, rounds.verdicts[shape_of(next(units))]) for own in part.fields]
        yield _part(proposal.shard, part.name, verdict, fields)


def _part(shard: Shard, name: str, verdict: Verdict, units: list[tuple[str, Verdict]]) -> PartDecision:
    """The decision about a part and its fields. A withheld part withholds its fields; a part whose fields are all
    withheld is withheld.
    """
    fields = tuple(_field(shard, path, own, verdict) for path, own in units)
    if verdict.outcome is UnitOutcome.WITHHOLD or not fields:
        hidden = _is_hidden(shard, verdict)
        return PartDecision(name, verdict.outcome, verdict.rules, _reasons(shard, verdict), hidden, fields)
    if all(field.outcome is UnitOutcome.WITHHOLD for field in fields):
        hidden = all(field.hidden for field in fields)
        return PartDecision(name, UnitOutcome.WITHHOLD, (), (NOTHING_LEFT,), hidden, fields)
    return PartDecision(name, verdict.outcome, verdict.rules, _reasons(shard, verdict), hidden=False, fields=fields)


def _field(shard: Shard, path: str, verdict: Verdict, part: Verdict) -> FieldDecision:
    if verdict.outcome is UnitOutcome.WITHHOLD:
        hidden = _is_hidden(shard, verdict)
        return FieldDecision(path, verdict.outcome, verdict.rules, _reasons(shard, verdict), hidden)
    if part.outcome is UnitOutcome.WITHHOLD:
        return FieldDecision(path, UnitOutcome.WITHHOLD, (), (PART_STAYS,), _is_hidden(shard, part))
    outcome = UnitOutcome.AWAIT_APPROVAL if part.outcome is UnitOutcome.AWAIT_APPROVAL else verdict.outcome
    return FieldDecision(path, outcome, verdict.rules, _reasons(shard, verdict))


def _is_hidden(shard: Shard, verdict: Verdict) -> bool:
    return verdict.outcome is UnitOutcome.WITHHOLD and any(shard.rules[rule].is_hidden for rule in verdict.rules)


def _reasons(shard: Shard, verdict: Verdict) -> tuple[str, ...]:
    return tuple([shard.rules[rule].why for rule in verdict.rules]) or (NO_PERMIT,)


def _needed(proposal: Proposal, parts: tuple[PartDecision, ...], rounds: Rounds) -> ApprovalsNeeded:
    held = {part.name for part in parts if part.outcome is UnitOutcome.AWAIT_APPROVAL}
    held |= {f"{part.name}#{f.path}" for part in parts for f in part.fields if f.outcome is UnitOutcome.AWAIT_APPROVAL}
    waiting = [unit for unit in proposal.units if unit.name in held]
    return ApprovalsNeeded(
        post=proposal.shard.facts.post,
        count=rounds.approvals,
        content_class=frozenset().union(*(proposal.items[unit.item_id].classes for unit in waiting)),
        units=tuple(unit.name for unit in waiting),
    )
