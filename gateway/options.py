"""Options that several commands of attache-gateway take."""

from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILURE, EXIT_INTEGRITY = 1, 6

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file with settings; ATTACHE_GATEWAY_ variables override it.")
]
