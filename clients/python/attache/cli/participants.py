"""Who is admitted to the exchange."""

from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson
from attache.cli.output import note, print_json, print_table
from attache.cli.session import session_of

app = typer.Typer(help="Who is admitted to the exchange.", no_args_is_help=True)

Participant = Annotated[str, typer.Argument(help="The participant's id.")]


@app.command("list")
def list_participants(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List participants by the descriptor now in force.

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
    _say(participant, "suspended", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, participant: Participant, as_json: AsJson = False) -> None:
    """Take up exchange with a participant again.

    Example: attache participants resume partner-sydney
    """
    with session_of(ctx).client() as client:
        client.participants.resume(participant)
    _say(participant, "active", as_json=as_json)


@app.command()
def rotate(
    ctx: typer.Context,
    participant: Participant,
    descriptor: Annotated[Path, typer.Argument(help="The successor of its descriptor, as it was handed over.")],
    as_json: AsJson = False,
) -> None:
    """Accept the signed successor of a participant's descriptor: its new keys and endpoints.

    Example: attache participants rotate partner-sydney partner-sydney.jws
    """
    raw = descriptor.read_bytes()
    with session_of(ctx).client() as client:
        now = client.participants.rotate(participant, raw)
    if as_json:
        print_json(now.model_dump(mode="json"))
    else:
        note(f"{participant} is at serial {now.serial}")


def _say(participant: str, status: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"participant": participant, "status": status})
    else:
        note(f"{participant} is {status}")
