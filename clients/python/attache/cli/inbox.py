"""Packages that arrived at this agency."""

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from attache.cli.options import AsJson, Into, Limit, Originator, PackageId
from attache.cli.output import note, print_facts, print_json, print_table, working
from attache.cli.session import session_of
from attache.wire.arrivals import ArrivalView

app = typer.Typer(help="Packages that arrived at this agency.", no_args_is_help=True)


class Use(StrEnum):
    """What the parts are saved for; the originator's markings decide whether that is permitted."""

    READ = "read"
    LEAD = "use-as-lead"
    EVIDENCE = "use-as-evidence"
    ACT = "act-on"
    EXPORT = "export"


UseOption = Annotated[
    Use, typer.Option("--use", help="What you will do with the parts; `read`: only you will read them.")
]


@app.command("list")
def list_arrivals(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List packages that arrived, newest first.

    Example: attache inbox list
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.inbox.list(), limit))
    if as_json:
        print_json({"packages": [arrival.model_dump(mode="json") for arrival in found]})
        return
    rows = [(a.originator, a.package_id, a.state, a.kind, a.title) for a in found]
    print_table(("originator", "package", "state", "kind", "title"), rows)


@app.command()
def show(ctx: typer.Context, originator: Originator, package_id: PackageId, as_json: AsJson = False) -> None:
    """Show the facts of a package, without opening it.

    Example: attache inbox show partner-frankfurt 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        _print(client.inbox.get(originator, package_id), as_json=as_json)


@app.command("open")
def open_arrival(
    ctx: typer.Context,
    originator: Originator,
    package_id: PackageId,
    into: Into,
    use: UseOption = Use.EXPORT,
    as_json: AsJson = False,
) -> None:
    """Open a package and save its parts. The originator gets a signed receipt.

    Example: attache inbox open partner-frankfurt 01935000-0000-7000-8000-000000000001 --into case-17
    """
    with session_of(ctx).client() as client, working("opening"):
        arrival = client.inbox.open(originator, package_id)
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        saved = client.inbox.save(arrival, into, use=use)
    if as_json:
        print_json({**arrival.model_dump(mode="json"), "saved": [str(path) for path in saved]})
        return
    _print(arrival, as_json=False)
    for path in saved:
        note(f"saved {path}")


def _print(arrival: ArrivalView, *, as_json: bool) -> None:
    if as_json:
        print_json(arrival)
        return
    print_facts(
        f"{arrival.package_id} from {arrival.originator}, {arrival.state}",
        [
            ("title", arrival.title),
            ("kind", arrival.kind),
            ("purpose", arrival.purpose),
            ("markings", arrival.markings),
            ("handling codes", arrival.handling_codes),
            ("caveats", arrival.caveats),
            ("onward", arrival.onward),
            ("retain until", arrival.retain_until),
            *(("part", f"{part.name}, {part.bytes} bytes, {part.media_type}") for part in arrival.parts),
        ],
    )
