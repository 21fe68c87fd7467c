"""Evidence about a package, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson, PackageId
from attache.cli.output import note, print_json
from attache.cli.session import session_of

SUFFIX = ".attache-evidence"

app = typer.Typer(help="Evidence about packages.", no_args_is_help=True)


@app.callback()
def _evidence() -> None:
    """Without a callback, typer would drop the group because it has only one command."""


@app.command()
def export(
    ctx: typer.Context,
    package_id: PackageId,
    to: Annotated[str | None, typer.Option("--to", help="The recipient; needed if the package has several.")] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="The new file. Default: PACKAGE_ID.attache-evidence.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save everything that can be proven about a package; `attache verify` verifies the file offline. The gateway logs the export.

    Example: attache evidence export 01935000-0000-7000-8000-000000000001 --to partner-frankfurt
    """
    target = into or Path(f"{package_id}{SUFFIX}")
    with session_of(ctx).client() as client:
        saved = client.packages.save_evidence(package_id, target, recipient=to)
    if as_json:
        print_json({"file": str(saved)})
    else:
        note(f"saved {saved}")
