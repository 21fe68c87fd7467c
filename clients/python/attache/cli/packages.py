"""Submitting packages, and following what becomes of them."""

from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from attache.cli.fields import stated_fields
from attache.cli.model_options import with_options
from attache.cli.options import AsJson, Limit, PackageId
from attache.cli.output import print_facts, print_json, print_table, working
from attache.cli.session import Session, session_of
from attache.client.submission import Part, Recipient, Submission
from attache.errors import NotPermitted
from attache.vocabulary import ContentClass, Evaluation
from attache.wire import packages as wire
from attache.wire.decisions import DecisionView, ExplanationView, RuleView, UnitExplanationView
from attache.wire.packages import PackageView, ReleaseView


class Milestone(StrEnum):
    """How far a package has come with every recipient."""

    SETTLED = "settled"
    DELIVERED = "delivered"
    OPENED = "opened"


Files = Annotated[list[Path], typer.Argument(help="The parts.", exists=True, dir_okay=False)]
To = Annotated[list[str], typer.Option("--to", help="PARTICIPANT[/DESK]=LEGAL-BASIS; repeat for more recipients.")]
ClassOption = Annotated[
    list[ContentClass] | None, typer.Option("--class", help="What the parts hold; for all of them.")
]
EvaluationOption = Annotated[Evaluation, typer.Option("--evaluation", help="Source and information; for all parts.")]
KeyOption = Annotated[
    str | None, typer.Option("--idempotency-key", help="Repeat a submission under its key: it is never made twice.")
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        help="PART#PATH=WHAT, where WHAT is a marking, class:CLASS, code:H1 or from:PARTICIPANT; repeat to say more.",
    ),
]


FACTS = tuple(name for name in wire.Submission.model_fields if name not in {"recipients", "parts", "submit"})
"""The facts of a package: an option each."""
OTHERS_SHOWN = tuple(name for name in PackageView.model_fields if name in FACTS and name not in {"kind", "title"})
"""The facts that an answer holds besides those that every package has."""

Act = Callable[[Session, Submission, str | None, bool], None]


def package_command(act: Act) -> Callable[..., None]:
    """A command that takes a whole package on its command line, and does `act` with it."""

    @with_options(wire.Submission, FACTS, "facts")
    def command(
        ctx: typer.Context,
        files: Files,
        to: To,
        content_class: ClassOption = None,
        evaluation: EvaluationOption = Evaluation.UNEVALUATED,
        field: FieldOption = None,
        idempotency_key: KeyOption = None,
        as_json: AsJson = False,
        *,
        facts: dict[str, Any],
    ) -> None:
        within = stated_fields(field or (), [file.name for file in files])
        parts = tuple(
            Part.of_path(
                file,
                markings=facts.get("markings", ()),
                content_class=tuple(content_class or ()),
                evaluation=evaluation,
                fields=within[file.name],
            )
            for file in files
        )
        submission = Submission(recipients=tuple(_recipient(text) for text in to), parts=parts, **facts)
        act(session_of(ctx), submission, idempotency_key, as_json)

    return command


def submit(session: Session, submission: Submission, idempotency_key: str | None, as_json: bool) -> None:
    with session.client() as client, working("submitting"):
        package = client.packages.submit(submission, idempotency_key=idempotency_key)
    _print_package(package, as_json=as_json)
    if package.recipients and all(release.state == "denied" for release in package.recipients):
        raise NotPermitted("policy-denied", "to every recipient")


def decide(session: Session, submission: Submission, _idempotency_key: str | None, as_json: bool) -> None:
    with session.client() as client:
        decisions = client.decide(submission)
    if as_json:
        print_json({"recipients": [decision.model_dump(mode="json") for decision in decisions]})
    else:
        for decision in decisions:
            _print_decision(decision)
    if decisions and all(decision.outcome == "deny" for decision in decisions):
        raise NotPermitted("policy-denied", "it would be denied to every recipient")


def explain(session: Session, submission: Submission, _idempotency_key: str | None, as_json: bool) -> None:
    with session.client() as client:
        found = [client.explain(submission, to.to.partition("/")[0]) for to in submission.recipients]
    if as_json:
        print_json({"recipients": [explanation.model_dump(mode="json") for explanation in found]})
        return
    for explanation in found:
        _print_explanation(explanation)


@with_options(wire.PackageFilter, wire.PackageFilter.model_fields, "wanted")
def list_packages(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False, *, wanted: dict[str, Any]) -> None:
    """List packages, newest first.

    Example: attache list --limit 10
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.packages.list(wire.PackageFilter(**wanted)), limit))
    if as_json:
        print_json({"packages": [package.model_dump(mode="json") for package in found]})
        return
    others = [name for name in OTHERS_SHOWN if any(getattr(package, name) for package in found)]
    rows = [
        (p.package_id, p.state, p.kind, _releases(p), p.title, *(getattr(p, name) for name in others)) for p in found
    ]
    print_table(("package", "state", "kind", "recipients", "title", *map(_in_words, others)), rows)


def show(ctx: typer.Context, package_id: PackageId, as_json: AsJson = False) -> None:
    """Show a package: parts, recipients, decisions.

    Example: attache show 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        _print_package(client.packages.get(package_id), as_json=as_json)


def wait(
    ctx: typer.Context,
    package_id: PackageId,
    until: Annotated[Milestone, typer.Option("--until", help="How far it is to come.")] = Milestone.SETTLED,
    timeout: Annotated[int, typer.Option("--timeout", min=0, help="Seconds to wait.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Wait until every recipient is that far, or will never be. Exit 8 where time runs out.

    Example: attache wait 01935000-0000-7000-8000-000000000001 --until opened --timeout 600
    """
    with session_of(ctx).client() as client, working(f"waiting until {until}"):
        package = client.packages.wait(package_id, until, timeout_seconds=timeout)
    _print_package(package, as_json=as_json)


def receipts(ctx: typer.Context, package_id: PackageId, as_json: AsJson = False) -> None:
    """List a package's receipts; with --json the signed receipts themselves.

    Example: attache receipts 01935000-0000-7000-8000-000000000001 --json
    """
    with session_of(ctx).client() as client:
        found = client.packages.receipts(package_id)
    if as_json:
        print_json({"receipts": [receipt.model_dump(mode="json") for receipt in found]})
        return
    print_table(("receipt", "recipient", "at"), [(r.receipt, r.recipient, r.at.isoformat()) for r in found])


def _recipient(text: str) -> Recipient:
    to, separator, basis = text.partition("=")
    if not (to and separator and basis):
        raise typer.BadParameter("expected PARTICIPANT[/DESK]=LEGAL-BASIS", param_hint="--to")
    return Recipient(to, basis)


def _releases(package: PackageView) -> str:
    return ", ".join(f"{release.recipient} {release.state}" for release in package.recipients)


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _print_package(package: PackageView, *, as_json: bool) -> None:
    if as_json:
        print_json(package)
        return
    print_facts(
        f"{package.package_id} {package.state}",
        [
            ("title", package.title),
            ("kind", package.kind),
            *((_in_words(name), getattr(package, name)) for name in OTHERS_SHOWN if getattr(package, name)),
            ("created", package.created_at.isoformat()),
            *(("part", f"{part.name}, {part.bytes} bytes, {part.media_type}") for part in package.parts),
            *(("recipient", _release(release)) for release in package.recipients),
        ],
    )
    for release in package.recipients:
        if release.decision is not None:
            _print_decision(release.decision)


def _release(release: ReleaseView) -> str:
    notes = (release.problem, f"waits for approval {release.approval_id}" if release.approval_id else None)
    return ", ".join([f"{release.recipient} {release.state}", *(note for note in notes if note)])


def _print_decision(decision: DecisionView) -> None:
    print_facts(
        f"{decision.recipient}: {decision.outcome}",
        [
            fact
            for part in decision.parts
            for fact in (
                (part.outcome, f"{part.name} ({', '.join((*part.rules, *part.reasons)) or 'no rule'})"),
                *(
                    (unit.outcome, f"{part.name}#{unit.path} ({', '.join((*unit.rules, *unit.reasons)) or 'no rule'})")
                    for unit in part.fields
                ),
                *([("", f"and {part.more_fields} more fields of {part.name}")] if part.more_fields else []),
            )
        ],
    )


def _print_explanation(explanation: ExplanationView) -> None:
    print_facts(f"{explanation.recipient}: {explanation.outcome}", [])
    for unit in explanation.units:
        name = unit.part if unit.field is None else f"{unit.part}#{unit.field}"
        ways = [" and ".join(lever.words for lever in way) for way in unit.ways]
        found = [("would release it", way) for way in ways or ["nothing that an officer can obtain or choose"]]
        print_facts(f"{name}: {unit.outcome}", [*(fact for rule in _rules(unit) for fact in _rule(rule)), *found])
    if explanation.more_units:
        print_facts(f"{explanation.more_units} more stay", [])
    print_facts(explanation.caution, [])


def _rules(unit: UnitExplanationView) -> tuple[RuleView, ...]:
    return unit.blocking or unit.nearest or unit.permitting


def _rule(rule: RuleView) -> list[tuple[str, object]]:
    conditions = [("so" if condition.is_so else "not so", condition.words) for condition in rule.conditions]
    return [(rule.rule, f"{rule.why} ({rule.cite})"), *conditions]
