"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
PackageId = Annotated[str, typer.Argument(help="The package's id.")]
Originator = Annotated[str, typer.Argument(help="The participant id of the originator.")]
Into = Annotated[Path, typer.Option("--into", help="The folder for the parts.", file_okay=False)]
Gateway = Annotated[str, typer.Option("--gateway", help="The partner whose gateway keeps the mailbox.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason; it is recorded.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="The largest number of rows.")]
Vkeys = Annotated[
    Path | None,
    typer.Option("--vkeys", help="File with the log's verifier keys, one per line, which you received in another way."),
]


def in_utc(at: datetime) -> datetime:
    """An instant from the command line; without a time zone, it is in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
