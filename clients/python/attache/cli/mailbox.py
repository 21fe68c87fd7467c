"""The mailbox of a participant without a gateway, at a partner's gateway."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from attache.cli.options import AsJson, Gateway, Into, PackageId, Reason, in_utc
from attache.cli.output import note, print_facts, print_json, print_table, working
from attache.cli.session import session_of
from attache.client.mailbox import Collected
from attache.client.mailbox_consents import ConsentAnswer
from attache.vocabulary import Purpose

app = typer.Typer(help="Your mailbox at a partner's gateway; needs the folder of your keys.", no_args_is_help=True)


@app.command("list")
def list_waiting(ctx: typer.Context, gateway: Gateway, into: Into, as_json: AsJson = False) -> None:
    """List the packages that wait, oldest first.

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
        list[str] | None, typer.Argument(help="The packages to collect. Default: every package that waits.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch packages, verify them, save their parts, and sign two receipts for each: delivered and opened.

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


@app.command()
def consents(ctx: typer.Context, gateway: Gateway, into: Into, as_json: AsJson = False) -> None:
    """Collect the answers to your requests: consents and refusals are verified and saved in the folder.

    Example: attache --home keys/bogota mailbox consents --gateway irs-ci --into in
    """
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        found = mailbox.consents()
    if as_json:
        print_json({"consents": [_answer(each) for each in found]})
        return
    rows = [
        (e["request_id"], e["state"], e.get("recipient") or e.get("reason"), e.get("expires_at"))
        for e in map(_answer, found)
    ]
    print_table(("request", "answer", "recipient or reason", "until"), rows)


@app.command()
def ask(
    ctx: typer.Context,
    package_id: PackageId,
    part: Annotated[str, typer.Argument(help="The part's name.")],
    gateway: Gateway,
    into: Into,
    to: Annotated[str, typer.Option("--to", help="The participant that you want to pass the part on to.")],
    purpose: Annotated[Purpose, typer.Option("--purpose", help="What the recipient may use it for.")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="The agreement with the partner.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Ask the partner for consent to pass on a part of a collected package. The request is sealed locally and delivered.

    Example: attache --home keys/bogota mailbox ask 01935000-0000-7000-8000-000000000001 lead.txt --gateway irs-ci --into in --to europol --purpose criminal-investigation --legal-basis BOGOTA-LEA --reason "Same wallets"
    """
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        terms = {"recipient": to, "purpose": purpose.value, "legal_basis": legal_basis, "reason": reason}
        request_id = mailbox.ask_consent(package_id, part, **terms)
    if as_json:
        print_json({"request_id": request_id})
    else:
        print_facts(f"{request_id} asked", [("package", package_id), ("part", part), ("recipient", to)])


@app.command()
def give(
    ctx: typer.Context,
    request_id: PackageId,
    gateway: Gateway,
    into: Into,
    content: Annotated[
        Path, typer.Option("--content", help="Your own copy of the file that you sent.", exists=True, dir_okay=False)
    ],
    until: Annotated[datetime, typer.Option("--until", help="When the consent ends (UTC); at most 366 days ahead.")],
    as_json: AsJson = False,
) -> None:
    """Consent to a collected request. The consent is signed locally with your keys, and posted.

    Example: attache --home keys/bogota mailbox give 01935000-0000-7000-8000-000000000001 --gateway irs-ci --into in --content lead.txt --until 2027-06-30
    """
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        consent = mailbox.grant_consent(request_id, content, in_utc(until))
    if as_json:
        print_json(consent)
    else:
        facts = [("holder", consent.holder), ("recipient", consent.recipient), ("until", consent.expires_at)]
        print_facts(f"{consent.consent_id} given", facts)


@app.command()
def refuse(
    ctx: typer.Context, request_id: PackageId, gateway: Gateway, into: Into, reason: Reason, as_json: AsJson = False
) -> None:
    """Refuse a collected request. The partner gets the reason in a refusal that you sign.

    Example: attache --home keys/bogota mailbox refuse 01935000-0000-7000-8000-000000000001 --gateway irs-ci --into in --reason "It names a source"
    """
    with session_of(ctx).mailbox(gateway, into) as mailbox:
        refusal = mailbox.refuse_consent(request_id, reason)
    if as_json:
        print_json(refusal)
    else:
        print_facts(f"{refusal.request_id} refused", [("holder", refusal.holder), ("reason", refusal.reason)])


def _answer(answer: ConsentAnswer) -> dict[str, object]:
    statement = answer.consent or answer.refusal
    assert statement is not None
    state = "given" if answer.consent else "refused"
    return {"state": state, "file": str(answer.path), **statement.model_dump(mode="json")}


def _facts(collected: Collected) -> dict[str, object]:
    return {
        "package_id": collected.package_id,
        "originator": collected.originator,
        "folder": str(collected.folder),
        "manifest": dict(collected.manifest),
        "receipts": sorted(collected.receipts),
    }
