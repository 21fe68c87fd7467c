"""The dry run: what would policy decide? And decisions on record, made again."""

from fastapi import APIRouter, Request

from attache.wire.decisions import DryRunView, ExplanationView, ReplayView
from attache.wire.packages import Question, Submission
from gateway.admission import read_body
from gateway.admission.bodies import JSON
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Auditor, DecisionId, DryRunner, Own
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.exchange.kernel.submission import parse_as, parse_submission
from gateway.exchange.outgoing.decided import decision_view
from gateway.exchange.outgoing.explain import explain_release, explanation_view
from gateway.exchange.outgoing.submit import dry_run
from gateway.exchange.oversight.inspection import note_inspection
from gateway.exchange.oversight.replay import decision_replayed, replay_view
from gateway.policy import without_hidden

router = APIRouter(prefix="/decisions", tags=["decisions"], responses=PROBLEM)


@router.post("", openapi_extra=json_body(Submission))
async def decide(request: Request, own: Own, caller: DryRunner) -> DryRunView:
    """What policy would decide, for each recipient. Nothing is stored or released; a deny is 200 with its reasons."""
    settings = request.app.state.settings
    raw = await read_body(request, JSON, limit_bytes=settings.max_body_bytes, seconds=settings.body_timeout_seconds)
    async with submission_refusal_logged(own, caller, Attempt.DECIDE):
        submission: Submission = parse_submission(raw)
        decisions = await dry_run(own, caller, submission)
    return DryRunView.of(
        recipients=[
            decision_view(
                without_hidden(decisions[addressee.participant]),
                recipient=addressee.participant,
                desk=addressee.desk,
                decision_id=None,
            )
            for addressee in submission.recipients
        ]
    )


@router.post("/explanation", openapi_extra=json_body(Question))
async def explain(request: Request, own: Own, caller: DryRunner) -> ExplanationView:
    """Why parts would stay, each legal condition so or not so, and what an officer could obtain or choose. A dry run."""
    settings = request.app.state.settings
    raw = await read_body(request, JSON, limit_bytes=settings.max_body_bytes, seconds=settings.body_timeout_seconds)
    async with submission_refusal_logged(own, caller, Attempt.EXPLAIN):
        explained = await explain_release(own, caller, parse_as(raw, Question))
    return explanation_view(explained)


@router.get("/{decision_id}/replay")
async def replay(own: Own, caller: Auditor, decision_id: DecisionId) -> ReplayView:
    """Make a decision on record again, byte for byte, from the policy files of then, and find it in the exchange log."""
    replayed = await decision_replayed(own, decision_id)
    await note_inspection(own, caller, "replay", package_id=replayed.stored.package_id)
    return replay_view(replayed)
