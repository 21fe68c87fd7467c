"""Releases that wait for a second officer."""

from typing import Annotated

import typer

from attache.cli.options import AsJson, Limit, Reason
from attache.cli.output import print_facts, print_json, print_table
from attache.cli.session import session_of
from attache.client.models import ApprovalView

app = typer.Typer(help="Releases that wait for you as second officer.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(help="The approval's id.")]


@app.command("list")
def list_approvals(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List what waits, oldest first.

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
    """Show exactly what would leave.

    Example: attache approvals show 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        _print(client.approvals.get(approval_id), as_json=as_json)


@app.command()
def approve(ctx: typer.Context, approval_id: ApprovalId, reason: Reason, as_json: AsJson = False) -> None:
    """Let it leave, exactly as it was shown.

    Example: attache approvals approve 01935000-0000-7000-8000-000000000001 --reason "Checked with the case agent"
    """
    with session_of(ctx).client() as client:
        _print(client.approvals.approve(approval_id, reason), as_json=as_json)


@app.command()
def reject(ctx: typer.Context, approval_id: ApprovalId, reason: Reason, as_json: AsJson = False) -> None:
    """Keep it back.

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
            *(("part", f"{part.name}, {part.bytes} bytes, {', '.join(part.markings)}") for part in approval.parts),
        ],
    )
