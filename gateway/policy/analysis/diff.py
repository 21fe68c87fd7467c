"""The difference between two policy sets: requests that one permits and the other does not.

The analysis covers all rules and facts of a partner; where z3 gives up, the change is `undecided`. The engine confirms
each example request under both sets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import z3  # type: ignore[import-untyped]

from attache.errors import IntegrityLost
from gateway.policy.analysis.example import ExampleRequest, example_of
from gateway.policy.analysis.formulas import Formulas, solve
from gateway.policy.analysis.symbols import Symbols
from gateway.policy.policy_set import PolicySet
from gateway.policy.proposal import Form


@dataclass(frozen=True)
class Change:
    """One partner and form with a changed answer. `widens`: the new set permits a release that the old one denied.

    `example` is None where a partner was added or removed, or where the solver gave up (`undecided`).
    """

    partner: str
    what: str
    widens: bool
    example: ExampleRequest | None = None
    undecided: bool = False


@dataclass(frozen=True)
class PolicyDiff:
    changes: tuple[Change, ...]
    reading_changed: bool

    @property
    def widens(self) -> bool:
        """Whether the new set permits anything that the old one denied. An undecided change counts as one."""
        return any(change.widens or change.undecided for change in self.changes) or self.reading_changed

    def render(self) -> str:
        """The changes as text, each with its example request."""
        lines = []
        for change in self.changes:
            word = "UNDECIDED" if change.undecided else "WIDENS" if change.widens else "narrows"
            lines.append(f"{change.partner}: {word}: {change.what}")
            lines += [f"    {line}" for line in (change.example.render().splitlines() if change.example else ())]
        if self.reading_changed:
            lines.append("readers: reading.cedar changed: read it")
        return "\n".join(lines or ["no request changes its answer"])


def diff(old: PolicySet, new: PolicySet) -> PolicyDiff:
    """Every partner and form for which some request has another answer under the new set.

    Raises IntegrityLost("integrity-lost") if the engine contradicts the analysis; then do not rely on either.
    """
    changes: list[Change] = []
    for partner in sorted({*old.shards, *new.shards}):
        if partner not in old.shards:
            changes.append(Change(partner, "a new partner", widens=True))
        elif partner not in new.shards:
            changes.append(Change(partner, "no longer a partner", widens=False))
        elif old.shards[partner].hash != new.shards[partner].hash:
            changes += _changes(old, new, partner)
    return PolicyDiff(tuple(changes), reading_changed=old.reading.hash != new.reading.hash)


def _changes(old: PolicySet, new: PolicySet, partner: str) -> Iterator[Change]:
    before, after = old.shards[partner], new.shards[partner]
    for form in Form:
        symbols = Symbols(new.own, [before.facts, after.facts])
        was, is_now = (Formulas(shard, symbols, form).allowed for shard in (before, after))
        for widens, difference in ((True, z3.And(is_now, z3.Not(was))), (False, z3.And(was, z3.Not(is_now)))):
            model, undecided = solve(symbols, difference)
            if undecided:
                yield Change(partner, form, widens, undecided=True)
            elif model is not None:
                example = example_of(model, symbols, form)
                _confirm(example, allowed_by=new if widens else old, refused_by=old if widens else new)
                yield Change(partner, form, widens, example)


def _confirm(example: ExampleRequest, *, allowed_by: PolicySet, refused_by: PolicySet) -> None:
    def is_allowed(policy_set: PolicySet) -> bool:
        facts = policy_set.shards[example.request.recipient].facts
        is_known = example.request.recipient_desk in facts.desks and example.request.legal_basis in facts.agreements
        return is_known and example.is_allowed(policy_set)

    if not is_allowed(allowed_by) or is_allowed(refused_by):
        raise IntegrityLost("integrity-lost", "the engine contradicts the analysis", step="diff")
