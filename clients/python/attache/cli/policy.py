"""Policy sets of the running gateway: one security officer proposes a set, another activates it."""

from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson, Reason
from attache.cli.output import note, print_facts, print_json, print_table, print_text, working
from attache.cli.session import session_of
from attache.wire.policies import PolicyDiffView, PolicySetView

WIDENS = 1

app = typer.Typer(help="Policy sets of the running gateway.", no_args_is_help=True)

Sha = Annotated[str, typer.Argument(help="The set's hash, as `policy list` shows it.")]
Folder = Annotated[Path, typer.Argument(help="The policy folder, with its cases.", exists=True, file_okay=False)]


@app.command("list")
def list_policies(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List every set that was proposed, newest first; one is active.

    Example: attache policy list
    """
    with session_of(ctx).client() as client:
        found = client.policies.list()
    if as_json:
        print_json({"policies": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(p.policy_sha256, p.state, p.cases, p.proposed_at, p.activated_at) for p in found]
    print_table(("policy", "state", "cases", "proposed", "activated"), rows)


@app.command()
def show(
    ctx: typer.Context,
    policy_sha256: Sha,
    file: Annotated[str | None, typer.Option("--file", help="Print this file of the set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a set and its files, or the text of one of them.

    Example: attache policy show 4f5a... --file base.cedar
    """
    with session_of(ctx).client() as client:
        found = client.policies.get(policy_sha256)
    if as_json:
        print_json(found)
    elif file is not None:
        if file not in found.files:
            raise typer.BadParameter(f"the set has no file {file}", param_hint="--file")
        print_text(found.files[file])
    else:
        _print(found)
        for name in sorted(found.files):
            typer.echo(f"  {name}")


@app.command()
def propose(ctx: typer.Context, folder: Folder, reason: Reason, as_json: AsJson = False) -> None:
    """Propose the set in a folder. It must load and its cases must pass; another officer activates it.

    Example: attache policy propose policies --reason "Bogotá's new desk"
    """
    with session_of(ctx).client() as client:
        _print_changed(client.policies.propose(folder, reason), as_json=as_json)


@app.command()
def activate(ctx: typer.Context, policy_sha256: Sha, reason: Reason, as_json: AsJson = False) -> None:
    """Activate a set that another officer proposed; it applies from the next decision on.

    Example: attache policy activate 4f5a... --reason "Read with counsel"
    """
    with session_of(ctx).client() as client:
        _print_changed(client.policies.activate(policy_sha256, reason), as_json=as_json)


@app.command()
def diff(
    ctx: typer.Context,
    policy_sha256: Sha,
    against: Annotated[
        str | None, typer.Option("--against", help="The set to compare with. Default: the active set.")
    ] = None,
    refuse_widening: Annotated[
        bool, typer.Option("--refuse-widening", help="Exit code 1 if the set permits anything that the other does not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a set would permit or deny that the other set does not, with an example of a request for each change.

    Example: attache policy diff 4f5a...
    """
    with session_of(ctx).client() as client, working("comparing"):
        found = client.policies.diff(policy_sha256, against=against)
    if as_json:
        print_json(found)
    else:
        _print_diff(found)
    if refuse_widening and found.widens:
        raise typer.Exit(WIDENS)


@app.command()
def replay(
    ctx: typer.Context,
    decision_id: Annotated[str, typer.Argument(help="The decision's id.")],
    as_json: AsJson = False,
) -> None:
    """Evaluate a recorded decision again and compare it byte for byte. Exit code 6 if it differs.

    Example: attache policy replay 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        found = client.policies.replay(decision_id)
    if as_json:
        print_json(found)
        return
    print_facts(
        f"{found.decision_id} {found.outcome}, as decided",
        [
            ("package", found.package_id),
            ("recipient", found.recipient),
            ("decided", found.decided_at),
            ("policy", found.policy_set_hash),
            ("record SHA-256", found.record_sha256),
            ("log entry", found.log_index),
        ],
    )


def _print(found: PolicySetView) -> None:
    facts = [("cases", found.cases), ("proposed by", found.proposed_by), ("proposed", found.proposed_at)]
    facts += [("activated by", found.activated_by or None), ("activated", found.activated_at)]
    print_facts(f"{found.policy_sha256} {found.state}", facts)


def _print_changed(found: PolicySetView, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    _print(found)
    if found.state == "proposed":
        note(f"another security officer activates it: attache policy activate {found.policy_sha256}")


def _print_diff(found: PolicyDiffView) -> None:
    for change in found.changes:
        word = "UNDECIDED" if change.undecided else "WIDENS" if change.widens else "narrows"
        print_text(f"{change.partner}: {word}: {change.what}")
        print_text("\n".join(f"    {line}" for line in change.words.splitlines()))
    if found.reading_changed:
        typer.echo("readers: reading.cedar changed: read it")
    if not found.changes and not found.reading_changed:
        typer.echo("no request changes its answer")
