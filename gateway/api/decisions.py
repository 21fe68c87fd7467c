"""Dry runs, which show what policy would decide; and recorded decisions, which are computed again."""

from functools import partial

from attache.wire.decisions import DryRunView, ExplanationView, ReplayView
from attache.wire.packages import Question, Submission
from gateway.admission import LargeUnparsedJson, ThisAgency, api_router
from gateway.api.callers import Auditor, DecisionId, DryRunner
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.exchange.kernel.submission import parse_as, parse_submission
from gateway.exchange.outgoing.decided import decision_view
from gateway.exchange.outgoing.explain import explain_release, explanation_view
from gateway.exchange.outgoing.submit import dry_run
from gateway.exchange.oversight.inspection import note_inspection
from gateway.exchange.oversight.replay import decision_replayed, replay_view
from gateway.policy import without_hidden

router = api_router("decisions", "/decisions")


@router.post("")
async def decide(agency: ThisAgency, caller: DryRunner, body: LargeUnparsedJson[Submission]) -> DryRunView:
    """What policy would decide for each recipient. Nothing is stored or released. A denial is 200 with its reasons."""
    async with submission_refusal_logged(agency, caller, Attempt.DECIDE):
        submission = await body.parse(parse_submission)
        decisions = await dry_run(agency, caller, submission)
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


@router.post("/explanation")
async def explain(agency: ThisAgency, caller: DryRunner, body: LargeUnparsedJson[Question]) -> ExplanationView:
    """Why parts would be withheld: each legal condition and whether it is met, and what an officer could obtain or
    choose. A dry run.
    """
    async with submission_refusal_logged(agency, caller, Attempt.EXPLAIN):
        explanation = await explain_release(agency, caller, await body.parse(partial(parse_as, model=Question)))
    return explanation_view(explanation)


@router.get("/{decision_id}/replay")
async def replay(agency: ThisAgency, caller: Auditor, decision_id: DecisionId) -> ReplayView:
    """Compute a recorded decision again from the policy files of that time, compare it byte for byte, and find it in
    the exchange log.
    """
    replayed = await decision_replayed(agency, decision_id)
    await note_inspection(agency, caller, "replay", package_id=replayed.stored.package_id)
    return replay_view(replayed)
