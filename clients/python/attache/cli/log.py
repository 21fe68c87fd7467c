"""The exchange log."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from attache.cli.files import print_report, read_vkeys_file
from attache.cli.options import AsJson, Limit, Vkeys
from attache.cli.output import note, print_json, print_table, print_text, working
from attache.cli.session import session_of
from attache.client.offline import verify as verify_file
from attache.wire.log import EntryView

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
    after: Annotated[str, typer.Option("--after", help="Only entries after this index.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List entries.

    Example: attache log entries --after 41 --limit 10
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.log.entries(after=after), limit))
    _print_entries(found, as_json=as_json)


@app.command()
def prove(
    ctx: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="The entry's index.")],
    as_json: AsJson = False,
) -> None:
    """Print the proof that an entry is in the log; `attache verify` verifies it.

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
        Path | None, typer.Argument(help="An exported log. Default: the gateway's own log.", file_okay=False)
    ] = None,
    vkeys: Vkeys = None,
    as_json: AsJson = False,
) -> None:
    """Verify a whole log: an exported one offline, or the gateway's. Exit code 6 if a check fails.

    Example: attache log verify var/demo/log/irs-ci --vkeys irs-ci.vkeys
    """
    keys = read_vkeys_file(vkeys)
    if folder is not None:
        print_report(verify_file(folder, vkeys=keys), as_json=as_json)
        return
    with session_of(ctx).client() as client, working("fetching and verifying the log"):
        report = client.log.verify(keys)
    print_report(report, as_json=as_json)


def _filters(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value}


Event = Annotated[str | None, typer.Option("--event", help="Only entries of this code.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Only what this person, system or partner did.")]
Package = Annotated[str | None, typer.Option("--package", help="Only entries about this package.")]
Partner = Annotated[str | None, typer.Option("--partner", help="Only entries about this partner.")]
Result = Annotated[str | None, typer.Option("--outcome", help="Only decisions with this outcome.")]
RequestId = Annotated[str | None, typer.Option("--request", help="Only entries caused by this request.")]
Since = Annotated[str | None, typer.Option("--since", help="From this instant on, as 2026-11-22T09:00:00Z.")]
Until = Annotated[str | None, typer.Option("--until", help="Before this instant.")]


@app.command()
def search(
    ctx: typer.Context,
    event: Event = None,
    actor: Actor = None,
    package: Package = None,
    partner: Partner = None,
    outcome: Result = None,
    request: RequestId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the entries that meet all conditions. The gateway logs the search.

    Example: attache log search --event package.released --since 2026-11-22T00:00:00Z
    """
    filters = _filters(
        event=event,
        actor=actor,
        package_id=package,
        partner=partner,
        outcome=outcome,
        request_id=request,
        since=since,
        until=until,
    )
    with session_of(ctx).client() as client:
        found = list(islice(client.log.search(**filters), limit))
    _print_entries(found, as_json=as_json)


@app.command()
def follow(
    ctx: typer.Context,
    after: Annotated[int | None, typer.Option("--after", help="Begin after this index instead of now.")] = None,
    event: Event = None,
    partner: Partner = None,
    package: Package = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="End after this many entries.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print entries as they are logged, until interrupted. The gateway logs this.

    Example: attache log follow --event package.delivered
    """
    filters = _filters(event=event, partner=partner, package_id=package)
    with session_of(ctx).client() as client:
        for entry in islice(client.log.follow(after=after, **filters), limit):
            _print_entries([entry], as_json=as_json)


@app.command()
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The new file: .csv for CSV, JSON lines otherwise.")],
    event: Event = None,
    actor: Actor = None,
    package: Package = None,
    partner: Partner = None,
    outcome: Result = None,
    request: RequestId = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Save exactly the entries that meet all conditions, and a signed manifest beside the file. The gateway logs the export.

    Example: attache log export november.csv --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z
    """
    filters = _filters(
        event=event,
        actor=actor,
        package_id=package,
        partner=partner,
        outcome=outcome,
        request_id=request,
        since=since,
        until=until,
    )
    with session_of(ctx).client() as client:
        saved = client.log.export(file, file_format="csv" if file.suffix == ".csv" else "jsonl", **filters)
    note(f"saved {saved} and {saved.name}.manifest")


def _print_entries(found: Sequence[EntryView], *, as_json: bool) -> None:
    if as_json:
        print_json({"entries": [entry.model_dump(mode="json") for entry in found]})
        return
    rows = [(e.index, e.at.isoformat(), e.event, e.actor, [f"{k}={v}" for k, v in e.objects.items()]) for e in found]
    print_table(("index", "at", "event", "actor", "objects"), rows)
