"""Releases that wait for the approval of a second officer."""

from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson, Limit, Reason
from attache.cli.output import note, print_facts, print_json, print_table
from attache.cli.session import session_of
from attache.wire.approvals import ApprovalView, LeavingPartView
from attache.wire.decisions import FieldDecisionView

app = typer.Typer(help="Releases that wait for your approval as second officer.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(help="The approval's id.")]


@app.command("list")
def list_approvals(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List the releases that wait, oldest first.

    Example: attache approvals list
    """
    with session_of(ctx).client() as client:
        found = client.approvals.list(limit=limit)
    if as_json:
        print_json({"approvals": [approval.model_dump(mode="json") for approval in found]})
        return
    rows = [(a.approval_id, a.recipient, a.post, a.state, a.title) for a in found]
    print_table(("approval", "recipient", "post", "state", "title"), rows)


@app.command()
def show(ctx: typer.Context, approval_id: ApprovalId, as_json: AsJson = False) -> None:
    """Show exactly the content that would leave.

    Example: attache approvals show 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        _print(client.approvals.get(approval_id), as_json=as_json)


@app.command()
def save(
    ctx: typer.Context,
    approval_id: ApprovalId,
    into: Annotated[Path, typer.Option("--into", help="The folder for the files.", file_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Save exactly the content that would leave, to read it. The gateway logs this.

    Example: attache approvals save 01935000-0000-7000-8000-000000000001 --into to-approve
    """
    with session_of(ctx).client() as client:
        approval = client.approvals.get(approval_id)
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        saved = client.approvals.save(approval, into)
    if as_json:
        print_json({**approval.model_dump(mode="json"), "saved": [str(path) for path in saved]})
        return
    _print(approval, as_json=False)
    for path in saved:
        note(f"saved {path}")


@app.command()
def approve(ctx: typer.Context, approval_id: ApprovalId, reason: Reason, as_json: AsJson = False) -> None:
    """Approve a release, exactly as it was shown.

    Example: attache approvals approve 01935000-0000-7000-8000-000000000001 --reason "Checked with the case agent"
    """
    with session_of(ctx).client() as client:
        _print(client.approvals.approve(approval_id, reason), as_json=as_json)


@app.command()
def reject(ctx: typer.Context, approval_id: ApprovalId, reason: Reason, as_json: AsJson = False) -> None:
    """Reject a release.

    Example: attache approvals reject 01935000-0000-7000-8000-000000000001 --reason "Names a source"
    """
    with session_of(ctx).client() as client:
        _print(client.approvals.reject(approval_id, reason), as_json=as_json)


def _print(approval: ApprovalView, *, as_json: bool) -> None:
    if as_json:
        print_json(approval)
        return
    print_facts(
        f"{approval.approval_id} {approval.state}",
        [
            ("package", approval.package_id),
            ("title", approval.title),
            ("recipient", approval.recipient),
            ("post", approval.post),
            ("purpose", approval.purpose),
            ("legal basis", approval.legal_basis),
            ("expires", approval.expires_at),
            *(fact for part in approval.parts for fact in _part(part)),
        ],
    )


def _part(part: LeavingPartView) -> list[tuple[str, object]]:
    size = "" if part.bytes is None else f"{part.bytes} bytes, "
    more = [("", f"and {part.more_fields} more fields")] if part.more_fields else []
    return [("part", f"{part.name}, {size}{', '.join(part.markings)}"), *map(_field, part.fields), *more]


def _field(unit: FieldDecisionView) -> tuple[str, object]:
    why = ", ".join((*unit.rules, *unit.reasons))
    return f"  {unit.outcome}", f"{unit.path or 'the rest'} ({why})" if why else unit.path or "the rest"
