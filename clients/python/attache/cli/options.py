"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
PackageId = Annotated[str, typer.Argument(help="The package's id.")]
Originator = Annotated[str, typer.Argument(help="Who sent it, as participant id.")]
Into = Annotated[Path, typer.Option("--into", help="The folder that the parts are put in.", file_okay=False)]
Gateway = Annotated[str, typer.Option("--gateway", help="The partner whose gateway keeps the mailbox.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
Vkeys = Annotated[
    Path | None, typer.Option("--vkeys", help="The log's verifier keys, one a line, as you got them by hand.")
]


def in_utc(at: datetime) -> datetime:
    """An instant as it was typed, which is UTC where nothing else was said."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
