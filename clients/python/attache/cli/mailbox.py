"""Our mailbox at a partner's gateway, for who runs no gateway."""

from typing import Annotated

import typer

from attache.cli.options import AsJson, Gateway, Into
from attache.cli.output import note, print_facts, print_json, print_table, working
from attache.cli.session import session_of
from attache.client.mailbox import Collected

app = typer.Typer(help="Your mailbox at a partner's gateway; needs the folder of your keys.", no_args_is_help=True)


@app.command("list")
def list_waiting(ctx: typer.Context, gateway: Gateway, into: Into, as_json: AsJson = False) -> None:
    """List what waits, oldest first.

    Example: attache --home keys/bogota mailbox list --gateway irs-ci --into in
    """
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        found = list(mailbox.list())
    if as_json:
        print_json({"packages": [waiting.model_dump(mode="json") for waiting in found]})
        return
    rows = [(w.package_id, w.total_bytes, w.sealed_at.isoformat()) for w in found]
    print_table(("package", "bytes", "sealed"), rows)


@app.command()
def collect(
    ctx: typer.Context,
    gateway: Gateway,
    into: Into,
    package_ids: Annotated[
        list[str] | None, typer.Argument(help="Which; everything that waits where none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch packages, verify them, put their parts into folders, and sign for them: delivered, and opened.

    Example: attache --home keys/bogota mailbox collect --gateway irs-ci --into in
    """
    collected = []
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        for package_id in package_ids or [waiting.package_id for waiting in mailbox.list()]:
            with working(f"collecting {package_id}"):
                collected.append(mailbox.collect(package_id))
            note(f"collected {package_id}")
    if as_json:
        print_json({"packages": [_facts(each) for each in collected]})
        return
    for each in collected:
        manifest = each.manifest
        names = ("title", "kind", "purpose", "markings", "caveats", "onward", "retain_until")
        facts = [("folder", each.folder), *((name, manifest.get(name)) for name in names)]
        print_facts(f"{each.package_id} from {each.originator}", facts)


def _facts(collected: Collected) -> dict[str, object]:
    return {
        "package_id": collected.package_id,
        "originator": collected.originator,
        "folder": str(collected.folder),
        "manifest": dict(collected.manifest),
        "receipts": sorted(collected.receipts),
    }
