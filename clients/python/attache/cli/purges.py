"""Purges before the retention ends, and legal holds; each needs two security officers."""

from itertools import islice
from typing import Annotated

import typer

from attache.cli.options import AsJson, Limit, Reason
from attache.cli.output import print_facts, print_json, print_table
from attache.cli.session import session_of
from attache.errors import MalformedInput
from attache.wire.purges import HoldView, PurgeView

purge = typer.Typer(
    help="Destroy the content of packages before their retention ends: one officer orders, another confirms.",
    no_args_is_help=True,
)
hold = typer.Typer(help="Legal holds, which keep packages from being purged.", no_args_is_help=True)

Packages = Annotated[list[str], typer.Argument(help="ORIGINATOR/PACKAGE_ID of each package.")]
PurgeId = Annotated[str, typer.Argument(help="The order's id.")]
HoldId = Annotated[str, typer.Argument(help="The hold's id.")]
LegalBasis = Annotated[str, typer.Option("--legal-basis", help="The legal basis; it is recorded.")]
Note = Annotated[str, typer.Option("--note", help="The reason; it is recorded, and kept longer than the packages.")]


@purge.command()
def order(ctx: typer.Context, packages: Packages, legal_basis: LegalBasis, note: Note, as_json: AsJson = False) -> None:
    """Order a purge. Nothing is destroyed until another security officer confirms it.

    Example: attache purge order irs-ci/01935000-0000-7000-8000-000000000001 --legal-basis "Court order 12/26" --note "Expunged"
    """
    references = [_package_reference(text) for text in packages]
    with session_of(ctx).client() as client:
        _print_purge(client.purges.order(references, legal_basis=legal_basis, note=note), as_json=as_json)


@purge.command()
def approve(ctx: typer.Context, purge_id: PurgeId, note: Note, as_json: AsJson = False) -> None:
    """Confirm another officer's order: the content is destroyed and cannot be restored.

    Example: attache purge approve 01935000-0000-7000-8000-000000000001 --note "Compared with the court's list"
    """
    with session_of(ctx).client() as client:
        _print_purge(client.purges.approve(purge_id, note), as_json=as_json)


@purge.command()
def reject(ctx: typer.Context, purge_id: PurgeId, reason: Reason, as_json: AsJson = False) -> None:
    """Reject another officer's order.

    Example: attache purge reject 01935000-0000-7000-8000-000000000001 --reason "Not the packages that the court names"
    """
    with session_of(ctx).client() as client:
        _print_purge(client.purges.reject(purge_id, reason), as_json=as_json)


@purge.command("list")
def list_purges(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List orders, newest first.

    Example: attache purge list
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.purges.list(), limit))
    if as_json:
        print_json({"purges": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(each.purge_id, each.state, str(len(each.packages)), each.legal_basis) for each in found]
    print_table(("purge", "state", "packages", "legal basis"), rows)


@hold.command()
def place(ctx: typer.Context, packages: Packages, legal_basis: LegalBasis, note: Note, as_json: AsJson = False) -> None:
    """Place packages on hold: neither the end of their retention nor an order purges them.

    Example: attache hold place irs-ci/01935000-0000-7000-8000-000000000001 --legal-basis "Case 26-114" --note "Litigation"
    """
    references = [_package_reference(text) for text in packages]
    with session_of(ctx).client() as client:
        _print_hold(client.holds.place(references, legal_basis=legal_basis, note=note), as_json=as_json)


@hold.command()
def lift(ctx: typer.Context, hold_id: HoldId, note: Note, as_json: AsJson = False) -> None:
    """Lift a hold that another officer placed.

    Example: attache hold lift 01935000-0000-7000-8000-000000000001 --note "Case closed"
    """
    with session_of(ctx).client() as client:
        _print_hold(client.holds.lift(hold_id, note), as_json=as_json)


@hold.command("list")
def list_holds(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List legal holds, newest first, also those that were lifted.

    Example: attache hold list
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.holds.list(), limit))
    if as_json:
        print_json({"holds": [each.model_dump(mode="json") for each in found]})
        return
    rows = [
        (each.hold_id, "lifted" if each.lifted_at else "in force", str(len(each.packages)), each.legal_basis)
        for each in found
    ]
    print_table(("hold", "state", "packages", "legal basis"), rows)


def _package_reference(text: str) -> tuple[str, str]:
    originator, _, package_id = text.partition("/")
    if not originator or not package_id:
        raise MalformedInput("malformed-request", f"{text}: expected ORIGINATOR/PACKAGE_ID")
    return originator, package_id


def _print_purge(order: PurgeView, *, as_json: bool) -> None:
    if as_json:
        print_json(order)
        return
    print_facts(
        f"{order.purge_id} {order.state}",
        [
            ("legal basis", order.legal_basis),
            ("note", order.note),
            ("expires", order.expires_at),
            ("decision", order.decision),
            *(("package", f"{each.originator}/{each.package_id}") for each in order.packages),
        ],
    )


def _print_hold(held: HoldView, *, as_json: bool) -> None:
    if as_json:
        print_json(held)
        return
    print_facts(
        f"{held.hold_id} {'lifted' if held.lifted_at else 'in force'}",
        [
            ("legal basis", held.legal_basis),
            ("note", held.note),
            ("lifted", held.lifting),
            *(("package", f"{each.originator}/{each.package_id}") for each in held.packages),
        ],
    )
