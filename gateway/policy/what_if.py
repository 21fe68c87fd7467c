"""What would permit the release of a unit: hypothetical questions to the same engine, the smallest sets of levers
first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gateway.policy.entities import Scenario, tightest
from gateway.policy.explain import CAUTION, unit_of
from gateway.policy.levers import Lever, Situation, choices, draft_with, obtainable
from gateway.policy.policy_set import PolicySet
from gateway.policy.proposal import Proposal, propose
from gateway.policy.request import ReleaseRequest

MAX_WAYS = 3
MAX_QUESTIONS = 1000
MAX_TRIES = 6


@dataclass(frozen=True)
class Way:
    """A minimal set of levers that releases the unit: without any one of them, the unit is withheld."""

    levers: tuple[Lever, ...]

    @property
    def cost(self) -> int:
        return sum(lever.cost for lever in self.levers)

    def __str__(self) -> str:
        return " and ".join(lever.words for lever in self.levers)


@dataclass(frozen=True)
class WhatIf:
    """The ways found, cheapest first, and the number of `more` ways. If `ways` is empty and `allowed` is false, there
    is none.
    """

    unit: str
    allowed: bool
    ways: tuple[Way, ...]
    more: int
    questions: int
    caution: str = CAUTION

    def render(self) -> str:
        """The ways as text."""
        if self.allowed:
            return f"{self.unit} may go as it is"
        lines = [f"would release it: {way}" for way in self.ways] or [
            "nothing that an officer can choose or obtain releases it"
        ]
        more = [f"and {self.more} further ways"] if self.more else []
        return "\n".join([self.unit, *(f"  {line}" for line in (*lines, *more)), self.caution])


def what_if(policy_set: PolicySet, request: ReleaseRequest, unit: str) -> WhatIf:
    """The smallest sets of levers that would release one unit.

    Raises as `explain` does.
    """
    proposal, _ = propose(policy_set, request)
    found = unit_of(proposal, unit)
    situation = Situation(request, proposal.shard.facts, found, proposal.items[found.item_id], policy_set.own)
    search = _Search(policy_set, situation)
    if search.releases(()):
        return WhatIf(unit, allowed=True, ways=(), more=0, questions=search.questions)
    every = obtainable(situation)
    sets = {way for choice in choices(situation) for way in search.smallest_of(choice, every)}
    ways = sorted(_smallest(sets), key=lambda way: (way.cost, len(way.levers), str(way)))
    return WhatIf(unit, False, tuple(ways[:MAX_WAYS]), max(0, len(ways) - MAX_WAYS), search.questions)


@dataclass
class _Search:
    policy_set: PolicySet
    situation: Situation
    known: dict[frozenset[Lever], bool] = field(default_factory=dict)

    @property
    def questions(self) -> int:
        return len(self.known)

    def releases(self, levers: tuple[Lever, ...]) -> bool:
        """Whether the unit is released with these levers; false once the limit of questions is reached."""
        applied = frozenset(levers)
        if applied not in self.known:
            if self.questions >= MAX_QUESTIONS:
                return False
            self.known[applied] = self._ask(levers)
        return self.known[applied]

    def smallest_of(self, choice: tuple[Lever, ...], every: tuple[Lever, ...]) -> Iterator[Way]:
        """Ways with this choice: a minimal one, then for each kind of lever that it needs, one without levers of this
        kind.
        """
        waiting: list[frozenset[Lever]] = [frozenset()]
        for _ in range(MAX_TRIES):
            if not waiting:
                return
            without = waiting.pop(0)
            kept = tuple(lever for lever in (*choice, *every) if lever not in without)
            if self.releases(kept):
                way = self._smallest(kept)
                yield way
                if set(choice) <= set(way.levers):
                    needed = {lever.kind for lever in way.levers if lever in every and lever.kind != "assurance"}
                    waiting += [without | {lever for lever in every if lever.kind == kind} for kind in sorted(needed)]

    def _smallest(self, kept: tuple[Lever, ...]) -> Way:
        """A minimal way: remove each lever that is not needed, the most expensive first."""
        for lever in sorted(kept, key=lambda lever: (lever.cost, lever.kind, lever.value), reverse=True):
            without = tuple(other for other in kept if other != lever)
            if self.releases(without):
                kept = without
        return Way(kept)

    def _ask(self, levers: tuple[Lever, ...]) -> bool:
        draft = draft_with(self.situation, levers)
        whole, _ = propose(self.policy_set, draft.request)
        item_id = unit_of(whole, self.situation.unit.name).item_id
        proposal = replace(whole, items={item_id: whole.items[item_id]})
        item_form = (item_id, draft.form)
        answers = proposal.ask(_scenario(proposal, draft.approvals), tightest(draft.request), [item_form])
        return answers[item_form].allowed


def _scenario(proposal: Proposal, approvals: int) -> Scenario:
    return (proposal.given, proposal.approved_once, proposal.approved_twice)[approvals]


def _smallest(ways: Iterable[Way]) -> list[Way]:
    found = set(ways)
    return [way for way in found if not any(_needs_less(other, way) for other in found)]


def _needs_less(one: Way, other: Way) -> bool:
    covered = all(any(lever.includes(needed) for lever in other.levers) for needed in one.levers)
    return covered and set(one.levers) != set(other.levers)
