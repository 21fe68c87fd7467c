r"""Printing: data on standard output, everything else on standard error.

Text from outside is never interpreted: control characters, bidirectional overrides and escape sequences are shown as
`\u001b`, and square brackets are no markup.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attache.errors import PROBLEMS, AttacheError


def plain(value: object) -> str:
    """A value on one line, without characters that control a terminal."""
    if value is None:
        return "-"
    if isinstance(value, tuple | list):
        return ", ".join(plain(item) for item in value) or "-"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in str(value))


def print_json(value: Any) -> None:
    """One JSON document on standard output, in ASCII, so that nothing in it controls the terminal."""
    typer.echo(json.dumps(_as_json(value), indent=1))


def print_text(text: str) -> None:
    """Print lines of text from outside."""
    for line in text.splitlines():
        typer.echo(plain(line))


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """A heading, and a line for each fact."""
    typer.echo(plain(title))
    for name, value in facts:
        typer.echo(f"  {name + ':':<18} {plain(value)}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under headings; if the output is no terminal, only the rows, tab-separated."""
    terminal = Console(markup=False, highlight=False, emoji=False)
    if not terminal.is_terminal:
        for row in rows:
            typer.echo("\t".join(plain(value) for value in row))
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row))
    terminal.print(table)


def note(text: str) -> None:
    """Print a message for the person at the terminal."""
    typer.echo(plain(text), err=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show that a slow operation runs; prints nothing if standard error is no terminal."""
    terminal = Console(stderr=True, markup=False, highlight=False, emoji=False)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(Text(plain(text))):
        yield


def print_error(error: AttacheError, *, as_json: bool) -> None:
    """An error on standard error: a problem (RFC 9457), or two lines."""
    if as_json:
        typer.echo(json.dumps(problem_of(error), default=str), err=True)
        return
    typer.echo(f"attache: {plain(error)}", err=True)
    typer.echo(f"  {PROBLEMS[error.code].remedy}", err=True)
    if "request_id" in error.extra:
        typer.echo(f"  request {plain(error.extra['request_id'])}", err=True)


def problem_of(error: AttacheError) -> dict[str, Any]:
    """The RFC 9457 object of an error, without the HTTP status that it may never have had."""
    members = {"type": f"/problems/{error.code}", "title": error.title, "code": error.code, "detail": error.detail}
    return {**error.extra, **members, **({"step": str(error.step)} if error.step else {})}


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [_as_json(item) for item in value]
    return value
