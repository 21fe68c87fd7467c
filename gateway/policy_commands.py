"""The commands `attache-gateway policy` and `attache-gateway decision`.

They check, test and activate policy sets, and replay recorded decisions.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from attache import clock
from attache.errors import AttacheError, Misconfigured
from gateway.app import load_ring, log_keys, open_own_store
from gateway.exchange.kernel.records import PolicySetRecord
from gateway.exchange.kernel.state import PolicySetState
from gateway.exchange.kernel.work import Work, commit
from gateway.exchange.oversight.policies import CASES, LoadedSet, activate, load_proposal, propose, refusal
from gateway.exchange.oversight.replay import replay_decision
from gateway.options import EXIT_FAILURE, Config
from gateway.policy import PolicySet, load_policy_set, read_policy_folder
from gateway.policy.cases import read_case_folder, run_cases
from gateway.settings import Settings, load_settings
from gateway.store.sql_store import open_reading

RUNNING = (
    "the gateway is running: propose with `attache policy propose FOLDER`, and have another officer activate it with "
    "`attache policy activate SHA256`"
)

policy_commands = typer.Typer(help="Policy sets, each in a folder.", no_args_is_help=True)
decision_commands = typer.Typer(help="Recorded decisions.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="A policy folder.", exists=True, file_okay=False)]
Own = Annotated[
    str, typer.Option("--own", help="The participant whose gateway decides; the configured one by default.")
]


@policy_commands.command()
def check(folder: Folder, own: Own = "", config: Config = None) -> None:
    """Load a policy set and lint it. Each fault is one line on standard output, with file, line and rule."""
    try:
        policy = _load(folder, own, config)
    except Misconfigured as error:
        if error.code != "policy-not-loaded":
            raise
        typer.echo(error.detail)
        raise typer.Exit(EXIT_FAILURE) from None
    typer.echo(f"{policy.hash}: {len(policy.shards)} partners, {len(policy.files)} files", err=True)


@policy_commands.command()
def test(folder: Folder, own: Own = "", config: Config = None) -> None:
    """Decide every case in FOLDER/cases and compare it with the expected decision.

    The exit code is 1 where one differs.
    """
    result = run_cases(_load(folder, own, config), read_case_folder(folder / CASES))
    typer.echo(result.render())
    if result.failures:
        raise typer.Exit(EXIT_FAILURE)


@policy_commands.command()
def diff(
    old: Folder,
    new: Folder,
    own: Own = "",
    refuse_widening: Annotated[
        bool, typer.Option("--refuse-widening", help="Exit with 1 where NEW permits anything that OLD does not.")
    ] = False,
    config: Config = None,
) -> None:
    """List what NEW permits and OLD does not, and the reverse, each with an example request."""
    try:
        from gateway.policy.analysis.diff import diff as difference  # noqa: PLC0415 -- only this command needs the solver
    except ImportError:
        raise Misconfigured(detail="the solver is not installed: pip install z3-solver") from None
    changes = difference(_load(old, own, config), _load(new, own, config))
    typer.echo(changes.render())
    if refuse_widening and changes.widens:
        raise typer.Exit(EXIT_FAILURE)


@policy_commands.command("activate")
def activate_folder(
    folder: Folder,
    officer: Annotated[str, typer.Option("--officer", help="Your id, as in the `sub` of your access token.")],
    reason: Annotated[str, typer.Option("--reason", help="The reason; it is kept in the exchange log.")] = "",
    config: Config = None,
) -> None:
    """Propose a policy set, or activate one that another officer has proposed. The gateway must be stopped.

    While the gateway runs, use `attache policy propose` and `attache policy activate`; they need no restart.
    """
    try:
        record = asyncio.run(_activate(load_settings(config), folder, officer, reason))
    except Misconfigured as error:
        if error.code != "gateway-running":
            raise
        raise Misconfigured("gateway-running", RUNNING) from None
    typer.echo(json.dumps({"policy_sha256": record.policy_sha256, "state": record.state, "cases": record.cases}))


@decision_commands.command("replay")
def replay(decision_id: Annotated[str, typer.Argument(help="A decision's id.")], config: Config = None) -> None:
    """Make a recorded decision again and print its record.

    The exit code is 6 where the new record differs in any byte.
    """
    settings = load_settings(config)
    keys = log_keys(settings, load_ring(settings))
    with open_reading(settings.database_url, keys, key_store_path=settings.key_shelf_file) as (reader, log):
        replayed = replay_decision(reader, log, log.vault, settings.participant, decision_id)
    typer.echo(replayed.decision.record.decode())
    typer.echo(
        f"{replayed.decision.outcome}, as decided: record {replayed.record_sha256} is in entry {replayed.log_index} "
        f"of the log; policy set {replayed.decision.policy_set_hash}",
        err=True,
    )


async def _activate(settings: Settings, folder: Path, officer: str, reason: str) -> PolicySetRecord:
    ring = load_ring(settings)
    keys = log_keys(settings, ring)
    pseudonym = keys.pseudonyms.of("actor", officer)
    files = _folder_files(folder)
    async with open_own_store(settings, ring, clock.now) as store:
        try:
            loaded = load_proposal(files, settings.participant)
        except AttacheError as error:
            refused = refusal(settings.participant, files, error)
            await commit(store, clock.now, officer, lambda work: work.log(refused))
            raise
        return await commit(
            store, clock.now, officer, lambda work: _propose_or_activate(work, loaded, pseudonym, reason)
        )


def _propose_or_activate(work: Work, loaded: LoadedSet, officer: str, reason: str) -> PolicySetRecord:
    before = work.get(PolicySetRecord.key(loaded.policy.hash))
    if before is None or before.state is not PolicySetState.PROPOSED:
        return propose(work, loaded, officer, reason)
    return activate(work, loaded.policy.hash, officer, reason)


def _folder_files(folder: Path) -> Mapping[str, str]:
    cases = {f"{CASES}{path.name}": path.read_text("utf-8") for path in sorted((folder / CASES).glob("*.yaml"))}
    return {**read_policy_folder(folder), **cases}


def _load(folder: Path, own: str, config: Any) -> PolicySet:
    return load_policy_set(read_policy_folder(folder), own or load_settings(config).participant)
