"""Participants of the exchange."""

from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson
from attache.cli.output import note, print_json, print_table
from attache.cli.session import session_of

app = typer.Typer(help="Participants that are admitted to the exchange.", no_args_is_help=True)

Participant = Annotated[str, typer.Argument(help="The participant's id.")]


@app.command("list")
def list_participants(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List participants, with the facts of their current descriptors.

    Example: attache participants list
    """
    with session_of(ctx).client() as client:
        found = client.participants.list()
    if as_json:
        print_json({"participants": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(p.participant, p.name, p.post, p.serial, p.status, p.suites) for p in found]
    print_table(("participant", "name", "post", "serial", "status", "suites"), rows)


@app.command()
def suspend(ctx: typer.Context, participant: Participant, as_json: AsJson = False) -> None:
    """Stop all exchange with a participant.

    Example: attache participants suspend partner-sydney
    """
    with session_of(ctx).client() as client:
        client.participants.suspend(participant)
    _print_status(participant, "suspended", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, participant: Participant, as_json: AsJson = False) -> None:
    """Resume exchange with a participant.

    Example: attache participants resume partner-sydney
    """
    with session_of(ctx).client() as client:
        client.participants.resume(participant)
    _print_status(participant, "active", as_json=as_json)


@app.command()
def rotate(
    ctx: typer.Context,
    participant: Participant,
    descriptor: Annotated[Path, typer.Argument(help="The file with the successor of its descriptor.")],
    as_json: AsJson = False,
) -> None:
    """Accept the signed successor of a participant's descriptor: its new keys and endpoints.

    Example: attache participants rotate partner-sydney partner-sydney.jws
    """
    raw = descriptor.read_bytes()
    with session_of(ctx).client() as client:
        rotated = client.participants.rotate(participant, raw)
    if as_json:
        print_json(rotated.model_dump(mode="json"))
    else:
        note(f"{participant} is at serial {rotated.serial}")


def _print_status(participant: str, status: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"participant": participant, "status": status})
    else:
        note(f"{participant} is {status}")
