"""The exchange log."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from attache.cli.files import print_report, read_vkeys_file
from attache.cli.options import AsJson, Limit, Vkeys
from attache.cli.output import print_json, print_table, print_text, working
from attache.cli.session import session_of
from attache.client.offline import verify as verify_file

app = typer.Typer(help="The gateway's exchange log.", no_args_is_help=True)


@app.command()
def checkpoint(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Print the newest signed checkpoint.

    Example: attache log checkpoint
    """
    with session_of(ctx).client() as client:
        text = client.log.checkpoint()
    if as_json:
        print_json({"checkpoint": text})
    else:
        print_text(text)


@app.command()
def entries(
    ctx: typer.Context,
    after: Annotated[str, typer.Option("--after", help="Only entries behind this index.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List entries.

    Example: attache log entries --after 41 --limit 10
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.log.entries(after=after), limit))
    if as_json:
        print_json({"entries": [entry.model_dump(mode="json") for entry in found]})
        return
    rows = [(e.index, e.at.isoformat(), e.event, e.actor, [f"{k}={v}" for k, v in e.objects.items()]) for e in found]
    print_table(("index", "at", "event", "actor", "objects"), rows)


@app.command()
def prove(
    ctx: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="The entry's index.")],
    as_json: AsJson = False,
) -> None:
    """Print the proof that an entry is in the log; `attache verify` checks it.

    Example: attache log prove 41 > 41.tlog-proof
    """
    with session_of(ctx).client() as client:
        text = client.log.prove(index)
    if as_json:
        print_json({"index": index, "proof": text})
    else:
        print_text(text)


@app.command()
def verify(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="An exported log; the gateway's own where none is named.", file_okay=False)
    ] = None,
    vkeys: Vkeys = None,
    as_json: AsJson = False,
) -> None:
    """Verify a whole log: an exported one offline, or the gateway's. Exit 6 where anything is wrong.

    Example: attache log verify var/demo/log/irs-ci --vkeys irs-ci.vkeys
    """
    keys = read_vkeys_file(vkeys)
    if folder is not None:
        print_report(verify_file(folder, vkeys=keys), as_json=as_json)
        return
    with session_of(ctx).client() as client, working("fetching and verifying the log"):
        report = client.log.verify(keys)
    print_report(report, as_json=as_json)
