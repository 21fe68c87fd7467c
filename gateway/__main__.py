"""The command attache-gateway: run and administer one gateway.

Data goes to standard output, messages to standard error.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from attache import clock
from attache.errors import AttacheError, IntegrityLost, Misconfigured
from attache.evidence.directory import verify_log_directory
from attache.package.ids import ParticipantId
from attache.participant import fingerprint_words
from attache.strict_json import parse_object
from gateway.app import load_ring, log_keys, open_own_store, own_descriptor, run_gateway, write_contracts
from gateway.exchange.kernel.records import ParticipantRecord
from gateway.exchange.kernel.work import SYSTEM, Work, commit
from gateway.exchange.oversight.backup import take_backup
from gateway.exchange.oversight.participants import admit_descriptor, directory_of, load_directory
from gateway.exchange.oversight.policies import CASES, LoadedSet, begin_policies
from gateway.options import EXIT_FAILURE, EXIT_INTEGRITY, Config
from gateway.partners import Directory
from gateway.policy import load_policy_set, read_policy_folder
from gateway.policy.cases import read_case_folder, run_cases
from gateway.policy_commands import decision_commands, policy_commands
from gateway.request_log import configure_logging
from gateway.settings import Settings, load_settings
from gateway.store.sql_store import open_reading
from gateway.tls import stopped_by_signals

app = typer.Typer(
    name="attache-gateway",
    help="Run and administer one gateway of the exchange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
log_commands = typer.Typer(help="The exchange log.", no_args_is_help=True)
participant_commands = typer.Typer(help="Participants of the exchange.", no_args_is_help=True)
app.add_typer(log_commands, name="log")
app.add_typer(participant_commands, name="participant")
app.add_typer(policy_commands, name="policy")
app.add_typer(decision_commands, name="decision")


def main() -> None:
    """Run a command. A problem is one line on standard error.

    The exit code is then 1, or 6 where our own records are inconsistent.
    """
    try:
        app()
    except AttacheError as error:
        _exit_with(error)
    except BaseExceptionGroup as group:  # concurrent tasks fail as a group; its first problem is the one to report
        first: BaseException | None = group.subgroup(AttacheError)
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if first is None:
            raise
        _exit_with(first)


def _exit_with(error: BaseException) -> NoReturn:
    print(f"attache-gateway: {error}", file=sys.stderr)
    sys.exit(EXIT_INTEGRITY if isinstance(error, IntegrityLost) else EXIT_FAILURE)


@app.command()
def init(config: Config = None) -> None:
    """Create the database and the exchange log, and admit all participants with descriptor and fingerprint on file.

    The folder of descriptors holds <participant>.jws files and fingerprints.json, which people have compared.
    """
    settings = load_settings(config)
    directory = asyncio.run(_init(settings))
    for partner in directory.partners.values():
        print(f"{partner.participant}: admitted, serial {partner.descriptor.serial}", file=sys.stderr)


@app.command()
def serve(config: Config = None) -> None:
    """Run the gateway until SIGTERM or SIGINT.

    When both listeners accept connections, it prints their URLs as one JSON line.
    """
    settings = load_settings(config)
    configure_logging(settings.log_level)
    asyncio.run(_serve(settings))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; new or empty, on another disk.")],
    config: Config = None,
) -> None:
    """Copy the database of a stopped gateway, with its checkpoint.

    Copy the blobs, keys and settings after it, as files.
    """
    settings = load_settings(config)
    if folder.exists() and any(folder.iterdir()):
        raise Misconfigured(detail=f"{folder} is not empty")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = asyncio.run(_backup(settings, folder))
    print(f"{size} entries and all records written to {folder}", file=sys.stderr)


@log_commands.command("export")
def log_export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; new or empty.")], config: Config = None
) -> None:
    """Write the log as a static C2SP directory. The file `vkeys` in it holds the verifier keys, one on each line."""
    settings = load_settings(config)
    ring = load_ring(settings)
    if folder.exists() and any(folder.iterdir()):
        raise Misconfigured(detail=f"{folder} is not empty")
    keys = log_keys(settings, ring)
    with open_reading(settings.database_url, keys, key_store_path=settings.key_shelf_file) as (_, log):
        # exchange-log N7
        for path, content in log.export():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    (folder / "vkeys").write_text("".join(f"{key}\n" for key in own_descriptor(settings, ring).log_keys))
    print(f"{log.size} entries written to {folder}", file=sys.stderr)


@log_commands.command("verify")
def log_verify(
    folder: Annotated[
        Path | None, typer.Argument(help="An exported log; without it, the gateway's own database is verified.")
    ] = None,
    config: Config = None,
) -> None:
    """Re-hash a whole log and check its signatures. Without a folder, also compare all our records with it.

    Findings go to standard output; the exit code is 6 where there are any.
    """
    if folder is None:
        settings = load_settings(config)
        keys = log_keys(settings, load_ring(settings))
        with open_reading(settings.database_url, keys, key_store_path=settings.key_shelf_file) as (_, log):
            audit = log.verify()
        for row in audit.findings:
            print(row)
        if audit.findings:
            raise typer.Exit(EXIT_INTEGRITY)
        print(f"log: ok, {audit.size} entries of {audit.origin}, and every record matches the log", file=sys.stderr)
        return
    report = verify_log_directory(_reader_of(folder), _lines(folder / "vkeys"), paths=_paths(folder))
    for finding in report.findings:
        print(finding)
    if not report.is_sound:
        raise typer.Exit(EXIT_INTEGRITY)
    print(f"log: ok, {report.entries} entries", file=sys.stderr)


@participant_commands.command("show")
def participant_show(
    participant: Annotated[str, typer.Argument(help="A participant's id; our own by default.")] = "",
    config: Config = None,
) -> None:
    """Show an admitted participant: its descriptor, and the fingerprint to compare, in hex and in words."""
    settings = load_settings(config)
    with open_reading(settings.database_url, log_keys(settings, load_ring(settings))) as (reader, _):
        partner = directory_of(reader.find(ParticipantRecord.every())).partner(
            ParticipantId(participant or settings.participant)
        )
    shown: dict[str, Any] = {
        "participant": partner.participant,
        "status": partner.status.value,
        "fingerprint": partner.descriptor.sha256,
        "fingerprint_words": fingerprint_words(partner.descriptor.sha256),
        "descriptor": partner.descriptor.stated.model_dump(mode="json"),
    }
    print(json.dumps(shown, indent=2, ensure_ascii=False))


@app.command()
def openapi(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Write the OpenAPI contracts of both APIs."""
    for path in write_contracts(folder):
        print(path)


async def _init(settings: Settings) -> Directory:
    policy = load_policy_set(read_policy_folder(settings.policies_dir), own=settings.participant)
    cases = run_cases(policy, read_case_folder(settings.policies_dir / CASES))
    if cases.failures:
        raise Misconfigured(detail=cases.render())
    pinned = _fingerprints(settings.descriptors_dir / "fingerprints.json")
    raw = {name: (settings.descriptors_dir / f"{name}.jws").read_bytes() for name in pinned}

    def unit(work: Work) -> None:
        for name in sorted(raw):
            admit_descriptor(work, ParticipantId(name), raw[name], pinned[name], own=settings.participant)
        begin_policies(work, LoadedSet(policy, cases.count))

    async with open_own_store(settings, load_ring(settings), clock.now) as store:
        await commit(store, clock.now, SYSTEM, unit)
        return await load_directory(store)


async def _backup(settings: Settings, folder: Path) -> int:
    async with open_own_store(settings, load_ring(settings), clock.now) as store:
        return await take_backup(store, folder, clock.now)


async def _serve(settings: Settings) -> None:
    hosts = {"agency": settings.agency_host, "exchange": settings.exchange_host}

    def ready(ports: Mapping[str, int]) -> None:
        urls = {name: f"https://{hosts[name]}:{port}" for name, port in ports.items()}
        print(json.dumps({"ready": settings.participant, **urls}), flush=True)

    with stopped_by_signals() as stop:
        await run_gateway(settings, stop, ready)


def _fingerprints(path: Path) -> dict[str, str]:
    try:
        fingerprints = parse_object(path.read_bytes())
    except OSError as error:
        raise Misconfigured(detail=f"{path}: {error.strerror}") from None
    if not all(isinstance(value, str) for value in fingerprints.values()):
        raise Misconfigured(detail=f"{path}: a fingerprint is not text")
    return fingerprints


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(detail=f"{path} cannot be read: {type(error).__name__}") from None


def _reader_of(folder: Path) -> Any:
    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    return read


def _paths(folder: Path) -> Iterable[str]:
    """The files of the log itself, without `vkeys`."""
    files = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return (path for path in files if path != "vkeys")


if __name__ == "__main__":
    main()
