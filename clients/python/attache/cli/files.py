"""Files, offline: opening and verifying them."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from attache.cli.exits import VERIFICATION_FAILED
from attache.cli.options import AsJson, Vkeys
from attache.cli.output import note, plain, print_facts, print_json
from attache.cli.session import session_of
from attache.client.offline import Report, read_vkeys
from attache.client.offline import verify as verify_path
from attache.client.opening import open_package

MAX_VKEYS_BYTES = 1 << 20


def open_file(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A sealed package.", exists=True, dir_okay=False)],
    into: Annotated[Path, typer.Option("--into", help="The new folder for the parts.")],
    as_json: AsJson = False,
) -> None:
    """Open a sealed package file with your keys, offline. No receipt is made.

    Example: attache --home keys/bogota open package.attache --into case-17
    """
    opened = open_package(path, into, session_of(ctx).own_home())
    manifest = opened.manifest.model_dump(mode="json", exclude={"parts": {"__all__": {"key"}}})
    if as_json:
        print_json({"folder": str(opened.folder), "manifest_sha256": opened.manifest_sha256, "manifest": manifest})
        return
    names = ("title", "kind", "purpose", "legal_basis", "markings", "caveats", "onward", "retain_until")
    print_facts(f"{manifest['package_id']} from {manifest['originator']}", [(name, manifest[name]) for name in names])
    note(f"saved in {opened.folder}")


def verify(
    ctx: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A sealed package, receipt, evidence bundle, log proof, exported log or export of its entries.",
            exists=True,
        ),
    ] = None,
    vkeys: Vkeys = None,
    html: Annotated[
        bool, typer.Option("--html", help="Print a page that verifies evidence in a browser, without network.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a file or directory, offline; its content decides how. Exit code 6 if a check fails.

    Example: attache --descriptors descriptors verify receipt.json
    """
    if html:
        typer.echo(verifier_page(), nl=False)
        return
    if path is None:
        raise typer.BadParameter("name a file or directory, or use --html")
    session = session_of(ctx)
    home = session.own_home() if session.home is not None else None
    report = verify_path(path, home=home, descriptors=session.known_descriptors(), vkeys=read_vkeys_file(vkeys))
    print_report(report, as_json=as_json)


def verifier_page() -> str:
    """The page that verifies evidence in a browser."""
    return resources.files("attache.evidence").joinpath("verifier.html").read_text("utf-8")


def print_report(report: Report, *, as_json: bool) -> None:
    """Print the whole report on standard output; exit code 6 if it has findings."""
    if as_json:
        print_json(report.to_json())
    else:
        print_facts(
            f"{report.kind} {report.path}: {'sound' if report.is_sound else 'NOT SOUND'}",
            [
                *(("checked", text) for text in report.checked),
                *(("not checked", text) for text in report.not_checked),
                *((name, value) for name, value in report.facts.items() if not isinstance(value, dict | list)),
                *((check.outcome.value, f"{check.step}: {check.where}: {check.detail}") for check in report.checks),
                *(("finding", plain(finding)) for finding in report.findings),
            ],
        )
    if report.findings:
        raise typer.Exit(VERIFICATION_FAILED)


def read_vkeys_file(path: Path | None) -> Sequence[str] | None:
    """The keys of a vkeys file; None without a file."""
    if path is None:
        return None
    with path.open("rb") as file:
        return read_vkeys(file.read(MAX_VKEYS_BYTES).decode(errors="replace"))
