"""Reviews of releases that left without approval because of a threat to life."""

from enum import StrEnum
from typing import Annotated

import typer

from attache.cli.options import AsJson, Limit, PackageId, Reason
from attache.cli.output import note, print_json, print_table
from attache.cli.session import session_of

app = typer.Typer(help="Reviews of releases that left without approval.", no_args_is_help=True)


class ReviewFinding(StrEnum):
    """What the second officer found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


@app.command("list")
def list_reviews(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List open reviews, the one that is due first at the beginning.

    Example: attache reviews list
    """
    with session_of(ctx).client() as client:
        found = client.reviews.list(limit=limit)
    if as_json:
        print_json({"reviews": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(r.package_id, r.recipient, r.post, r.state, r.due_at) for r in found]
    print_table(("package", "recipient", "post", "state", "due"), rows)


@app.command()
def do(
    ctx: typer.Context,
    package_id: PackageId,
    recipient: Annotated[str, typer.Argument(help="The recipient of the release.")],
    finding: Annotated[ReviewFinding, typer.Option("--finding", help="What you found.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Record the review of one release. You cannot review your own submission.

    Example: attache reviews do 01935000-0000-7000-8000-000000000001 partner-bogota --finding justified --reason "A threat to life"
    """
    with session_of(ctx).client() as client:
        found = client.reviews.do(package_id, recipient, finding.value, reason)
    if as_json:
        print_json(found)
    else:
        note(f"{found.package_id} to {found.recipient} is {found.state}")
