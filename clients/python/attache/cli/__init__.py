"""The command `attache`."""


def main() -> None:
    """The console script; imports the commands only now."""
    from attache.cli.app import main as run_command  # noqa: PLC0415 -- importing this package costs nothing

    run_command()
