"""The command tree, and the exit of an invocation."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from attache.cli import (
    approvals,
    consents,
    evidence,
    files,
    inbox,
    log,
    mailbox,
    officers,
    packages,
    participants,
    policy,
    purges,
    reviews,
)
from attache.cli.exits import EXITS, exit_code_of
from attache.cli.output import note, print_error
from attache.cli.session import Session
from attache.errors import AttacheError

_HELP = "Sealed, decided and logged exchange between agencies."
_EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXITS.items()) + "."

app = typer.Typer(
    name="attache",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Option(envvar="ATTACHE_URL", help="The gateway, as https://host:port.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="ATTACHE_TOKEN_FILE",
            help="File with the access token. The variable ATTACHE_TOKEN may hold the token itself.",
        ),
    ] = None,
    ca: Annotated[Path | None, typer.Option(envvar="ATTACHE_CA", help="The authorities to trust, as PEM.")] = None,
    cert: Annotated[Path | None, typer.Option(envvar="ATTACHE_CERT", help="Your TLS certificate, as PEM.")] = None,
    key: Annotated[Path | None, typer.Option(envvar="ATTACHE_KEY", help="Its private key, as PEM.")] = None,
    home: Annotated[
        Path | None, typer.Option(envvar="ATTACHE_HOME", help="The folder of your keys and descriptor.")
    ] = None,
    descriptors: Annotated[
        Path | None,
        typer.Option(envvar="ATTACHE_DESCRIPTORS", help="The folder of pinned descriptors. Default: HOME/descriptors."),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            envvar="ATTACHE_PASSPHRASE_FILE",
            help="File with the passphrase of your keys. Default: HOME/keys/passphrase.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something goes wrong.")] = False,  # noqa: ARG001 -- `run` reads it from the arguments, also if they do not parse
) -> None:
    given = ctx.find_object(Session)
    options = given.client_options if given else {}
    ctx.obj = Session(url, token_file, ca, cert, key, home, descriptors, passphrase_file, options)


_PACKAGE = (
    'wallets.json --to partner-frankfurt=FRANKFURT-LEA --title "Wallets" --kind intelligence --purpose prosecution'
)
app.command(
    "submit",
    help=f"Submit a package. Exit code 3 if policy denies it to every recipient.\n\nExample: attache submit {_PACKAGE}",
)(packages.package_command(packages.submit))
app.command(
    "decide", help=f"Show what policy would decide; nothing is submitted.\n\nExample: attache decide {_PACKAGE}"
)(packages.package_command(packages.decide))
app.command(
    "explain",
    help="Show why parts would be withheld, and what would release them; nothing is submitted."
    f"\n\nExample: attache explain {_PACKAGE}",
)(packages.package_command(packages.explain))
app.command("list")(packages.list_packages)
app.command("show")(packages.show)
app.command("wait")(packages.wait)
app.command("receipts")(packages.receipts)
app.add_typer(inbox.app, name="inbox")
app.add_typer(approvals.app, name="approvals")
app.add_typer(reviews.app, name="reviews")
app.add_typer(consents.app, name="consents")
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(participants.app, name="participants")
app.add_typer(officers.app, name="officers")
app.add_typer(policy.app, name="policy")
app.add_typer(purges.purge, name="purge")
app.add_typer(purges.hold, name="hold")
app.add_typer(log.app, name="log")
app.add_typer(evidence.app, name="evidence")
app.command("open")(files.open_file)
app.command("verify")(files.verify)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """One invocation; returns its exit code. A traceback is shown only with --debug."""
    try:
        app(list(arguments), prog_name="attache", obj=session)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (AttacheError, OSError) as error:
        if "--debug" in arguments:
            raise
        return _failed(error, as_json="--json" in arguments)
    return 0


def _failed(error: AttacheError | OSError, *, as_json: bool) -> int:
    if isinstance(error, OSError):
        note(f"attache: {error.filename or 'file'}: {error.strerror or type(error).__name__}")
        return 1
    print_error(error, as_json=as_json)
    return exit_code_of(error)
