"""Decisions of policy about a release. A denial states its reasons in words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from attache.vocabulary import Caveat, ContentClass, Onward, Post


class Outcome(StrEnum):
    """The outcome for the whole package, to one recipient."""

    RELEASE = "release"  # everything is released, unmasked
    PARTIAL = "partial"  # some units are released, some are withheld or masked
    AWAIT_APPROVAL = "hold"  # more would be released if it were approved; until then nothing is
    DENY = "deny"  # nothing is released, and no approval would change that


class UnitOutcome(StrEnum):
    """The outcome for one part or field."""

    DISCLOSE = "disclose"
    MASK = "mask"
    WITHHOLD = "withhold"
    AWAIT_APPROVAL = "hold"


@dataclass(frozen=True)
class FieldDecision:
    """The outcome of one field. `rules` are the ids of the rules that determined it: permits if it is released,
    forbids if not.
    """

    path: str
    outcome: UnitOutcome
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    hidden: bool = False


@dataclass(frozen=True)
class PartDecision:
    """The outcome of one part, and of its fields in the order of the request.

    `hidden`: only readers with the right to see hidden units may learn that the part exists.
    """

    name: str
    outcome: UnitOutcome
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    hidden: bool = False
    fields: tuple[FieldDecision, ...] = ()


@dataclass(frozen=True)
class Handling:
    """The handling that the recipient must follow. The engine has checked that it is strict enough."""

    retention_days: int
    caveats: frozenset[Caveat]
    onward: Onward
    review_within_hours: int = 0


@dataclass(frozen=True)
class ApprovalsNeeded:
    """The number of officers who must approve: different officers, the first one of `post`, and none of them the
    requester.

    `units` are the names of the waiting units (`part` or `part#path`), `content_class` the classes of their content.
    """

    post: Post
    count: int
    content_class: frozenset[ContentClass]
    units: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """The decision about one ReleaseRequest, with its evidence.

    `handling` is None where nothing is released. An approval of this release is bound to `release_digest`.
    `record` holds all facts and the decision as canonical bytes; replaying it gives the same bytes.
    """

    outcome: Outcome
    parts: tuple[PartDecision, ...]
    handling: Handling | None
    approvals_needed: ApprovalsNeeded | None
    release_digest: str
    policy_set_hash: str
    shard_hash: str
    engine: str
    record: bytes = b""

    def part(self, name: str) -> PartDecision:
        """The decision on the part of this name; raises KeyError if there is none."""
        return {part.name: part for part in self.parts}[name]

    def render(self) -> str:
        """The decision as text, including hidden units. See `without_hidden`."""
        return "\n".join(_lines(self))


def _lines(decision: Decision) -> Iterator[str]:
    yield str(decision.outcome)
    for part in decision.parts:
        yield f"  {part.outcome:<9} {part.name}: {'; '.join(part.reasons)} [{', '.join(part.rules)}]"
        for unit in part.fields:
            yield f"    {unit.outcome:<9} {unit.path}: {'; '.join(unit.reasons)} [{', '.join(unit.rules)}]"
    if decision.handling:
        handling = decision.handling
        caveats = ", ".join(sorted(handling.caveats)) or "none"
        yield f"  delete within {handling.retention_days} days; caveats: {caveats}; onward: {handling.onward}"
    if decision.approvals_needed:
        yield f"  waits for {decision.approvals_needed.count} approval(s) at the post {decision.approvals_needed.post}"


def without_hidden(decision: Decision) -> Decision:
    """The decision for readers who may not learn of hidden units: as if the package did not contain them.

    It has no `record` and no `release_digest`, because these depend on the hidden units.
    """
    parts = tuple(
        replace(part, fields=tuple(unit for unit in part.fields if not unit.hidden))
        for part in decision.parts
        if not part.hidden
    )
    outcome = decision.outcome if decision.outcome is Outcome.AWAIT_APPROVAL else overall(parts)
    return replace(decision, parts=parts, outcome=outcome, release_digest="", record=b"")


def overall(parts: tuple[PartDecision, ...]) -> Outcome:
    """The outcome of the package, from the outcomes of its parts."""
    outcomes = {part.outcome for part in parts} | {unit.outcome for part in parts for unit in part.fields}
    if UnitOutcome.AWAIT_APPROVAL in outcomes:
        return Outcome.AWAIT_APPROVAL
    if all(part.outcome is UnitOutcome.WITHHOLD for part in parts):
        return Outcome.DENY
    return Outcome.RELEASE if outcomes == {UnitOutcome.DISCLOSE} else Outcome.PARTIAL
