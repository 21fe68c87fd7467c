"""What policy answers. Silence is deny, and a deny gives its reasons in words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from attache.vocabulary import Caveat, ContentClass, Onward, Post


class Outcome(StrEnum):
    """For the whole package, to this recipient."""

    RELEASE = "release"  # everything goes, in the clear
    PARTIAL = "partial"  # something goes, something is withheld or masked
    AWAIT_APPROVAL = "hold"  # more would go if it were approved; nothing goes until then
    DENY = "deny"  # nothing goes, and no approval would help


class UnitOutcome(StrEnum):
    """For one part or field."""

    DISCLOSE = "disclose"
    MASK = "mask"
    WITHHOLD = "withhold"
    AWAIT_APPROVAL = "hold"


@dataclass(frozen=True)
class FieldDecision:
    """`rules` are the ids of the rules that determined it: permits for what goes, forbids for what stays."""

    path: str
    outcome: UnitOutcome
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    hidden: bool = False


@dataclass(frozen=True)
class PartDecision:
    """A part's outcome, and its fields' in the order of the request.

    `hidden`: whoever may not know must not learn that it exists.
    """

    name: str
    outcome: UnitOutcome
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    hidden: bool = False
    fields: tuple[FieldDecision, ...] = ()


@dataclass(frozen=True)
class Handling:
    """What goes along with what is released; the engine has checked that it is tight enough."""

    retention_days: int
    caveats: frozenset[Caveat]
    onward: Onward
    review_within_hours: int = 0


@dataclass(frozen=True)
class ApprovalsNeeded:
    """How many officers must approve: the first one of `post`, each one somebody else, none the requester.

    `units` are the names of what waits (`part` or `part#path`), `content_class` the classes found in them.
    """

    post: Post
    count: int
    content_class: frozenset[ContentClass]
    units: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """Policy's answer to one ReleaseRequest, with what proves it.

    `handling` is None when nothing goes. `release_digest` is what an approval of this release is bound to.
    `record` holds the canonical bytes of every fact used and of this answer, and replays to the same bytes.
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
        """The decision on the part of this name; raises KeyError for none such."""
        return {part.name: part for part in self.parts}[name]

    def render(self) -> str:
        """The decision as text: everything, also what is hidden. See `without_hidden`."""
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
    """The decision as one sees it who may not know that hidden units exist: as if they had never been in the package.

    Without `record` and `release_digest`, which commit to them.
    """
    parts = tuple(
        replace(part, fields=tuple(unit for unit in part.fields if not unit.hidden))
        for part in decision.parts
        if not part.hidden
    )
    outcome = decision.outcome if decision.outcome is Outcome.AWAIT_APPROVAL else overall(parts)
    return replace(decision, parts=parts, outcome=outcome, release_digest="", record=b"")


def overall(parts: tuple[PartDecision, ...]) -> Outcome:
    """The package's outcome from its parts'."""
    outcomes = {part.outcome for part in parts} | {unit.outcome for part in parts for unit in part.fields}
    if UnitOutcome.AWAIT_APPROVAL in outcomes:
        return Outcome.AWAIT_APPROVAL
    if all(part.outcome is UnitOutcome.WITHHOLD for part in parts):
        return Outcome.DENY
    return Outcome.RELEASE if outcomes == {UnitOutcome.DISCLOSE} else Outcome.PARTIAL
