"""The standing of officers: withdrawing and reinstating the right to approve."""

from typing import Annotated

import typer

from attache.cli.options import AsJson, Reason
from attache.cli.output import note, print_json, print_table
from attache.cli.session import session_of
from attache.vocabulary import Post
from attache.wire.officers import OfficerView

app = typer.Typer(help="The right of officers to approve.", no_args_is_help=True)

Officer = Annotated[str, typer.Argument(help="The `sub` of the officer's access tokens.")]


@app.command("list")
def list_officers(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List officers whose right to approve was changed, by pseudonymous id.

    Example: attache officers list
    """
    with session_of(ctx).client() as client:
        found = client.officers.list()
    if as_json:
        print_json({"officers": [each.model_dump(mode="json") for each in found]})
        return
    print_table(("officer", "withdrawn for", "changed"), [(o.officer, o.withdrawn_posts, o.changed_at) for o in found])


@app.command()
def withdraw(
    ctx: typer.Context,
    officer: Officer,
    reason: Reason,
    posts: Annotated[
        list[Post] | None, typer.Option("--post", help="Only for this post; repeat the option for more posts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw the right to approve from an officer, for some posts or for all, even with a valid access token.

    Example: attache officers withdraw r.mendez --post bogota --reason "Rotated home"
    """
    with session_of(ctx).client() as client:
        found = client.officers.withdraw(officer, reason, posts=[post.value for post in posts or ()])
    _print(found, as_json=as_json)


@app.command()
def reinstate(ctx: typer.Context, officer: Officer, reason: Reason, as_json: AsJson = False) -> None:
    """Give an officer back the right to approve.

    Example: attache officers reinstate r.mendez --reason "Back at the post"
    """
    with session_of(ctx).client() as client:
        found = client.officers.reinstate(officer, reason)
    _print(found, as_json=as_json)


def _print(found: OfficerView, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        withdrawn = "every post" if "*" in found.withdrawn_posts else ", ".join(found.withdrawn_posts)
        note(f"{found.officer}: {f'withdrawn for {withdrawn}' if withdrawn else 'nothing withdrawn'}")
