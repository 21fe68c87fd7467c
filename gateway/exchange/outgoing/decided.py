"""Policy's answers as callers see them."""

from attache.package.ids import ParticipantId
from attache.wire.decisions import DecisionView, FieldDecisionView, HandlingView, PartDecisionView
from gateway.policy import Decision, PartDecision, UnitOutcome

MAX_FIELDS_SHOWN = 200


def decision_view(
    decision: Decision, *, recipient: ParticipantId, desk: str | None, decision_id: str | None
) -> DecisionView:
    """A decision in full. Does not leave out what must look absent: that is the caller's part (`without_hidden`)."""
    handling = decision.handling
    return DecisionView.of(
        decision,
        decision_id=decision_id,
        recipient=recipient,
        desk=desk,
        parts=[part_decision_view(part) for part in decision.parts],
        handling=None if handling is None else HandlingView.of(handling, caveats=sorted(handling.caveats)),
    )


def part_decision_view(part: PartDecision) -> PartDecisionView:
    """The answer about one part and its fields, what does not leave in the clear first,
    at most MAX_FIELDS_SHOWN of them.
    """
    ordered = sorted(part.fields, key=lambda unit: unit.outcome is UnitOutcome.DISCLOSE)
    return PartDecisionView.of(
        part,
        fields=[FieldDecisionView.of(unit) for unit in ordered[:MAX_FIELDS_SHOWN]],
        more_fields=max(0, len(ordered) - MAX_FIELDS_SHOWN),
    )
