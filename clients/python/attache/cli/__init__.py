"""The command `attache`."""


def main() -> None:
    """The console script."""
    from attache.cli.app import main as run_command  # noqa: PLC0415 -- so that importing this package stays fast

    run_command()
