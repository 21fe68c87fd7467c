"""Consents to pass on content of another originator: asking, giving, refusing."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from attache.cli.options import AsJson, Limit, Originator, PackageId, Reason, in_utc
from attache.cli.output import print_facts, print_json, print_table
from attache.cli.session import session_of
from attache.vocabulary import CrimeType, Purpose
from attache.wire.consents import ConsentRequestView, ConsentView

app = typer.Typer(help="Consents to pass on content of another originator.", no_args_is_help=True)

Holder = Annotated[str, typer.Argument(help="The participant id of the holder who asked.")]
RequestId = Annotated[str, typer.Argument(help="The id of the request's package.")]
Until = Annotated[datetime, typer.Option("--until", help="When the consent ends (UTC); at most 366 days ahead.")]


@app.command("list")
def list_consents(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List consents given and received, oldest first.

    Example: attache consents list
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.consents.list(), limit))
    if as_json:
        print_json({"consents": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(c.consent_id, c.originator, c.holder, c.recipient, c.expires_at) for c in found]
    print_table(("consent", "originator", "holder", "recipient", "until"), rows)


@app.command()
def show(
    ctx: typer.Context,
    consent_id: Annotated[str, typer.Argument(help="The consent's id.")],
    as_json: AsJson = False,
) -> None:
    """Show a consent; --json includes its signed statement.

    Example: attache consents show 01935000-0000-7000-8000-000000000001
    """
    with session_of(ctx).client() as client:
        _print_consent(client.consents.get(consent_id), as_json=as_json)


@app.command()
def requests(ctx: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List requests for consent that your agency sent or received, oldest first.

    Example: attache consents requests
    """
    with session_of(ctx).client() as client:
        found = list(islice(client.consents.requests(), limit))
    if as_json:
        print_json({"requests": [each.model_dump(mode="json") for each in found]})
        return
    rows = [(r.request_id, r.holder, r.originator, r.recipient, r.part, r.state) for r in found]
    print_table(("request", "holder", "originator", "recipient", "part", "state"), rows)


@app.command()
def ask(
    ctx: typer.Context,
    originator: Originator,
    package_id: PackageId,
    part: Annotated[str, typer.Argument(help="The part's name.")],
    to: Annotated[str, typer.Option("--to", help="The participant that you want to pass the part on to.")],
    purpose: Annotated[Purpose, typer.Option("--purpose", help="What the recipient may use it for.")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="The agreement with the originator.")],
    reason: Reason,
    crime_types: Annotated[list[CrimeType] | None, typer.Option("--crime-type")] = None,
    markings: Annotated[
        list[str] | None, typer.Option("--marking", help="A marking of the request itself. Default: TLP:GREEN.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="A repetition with the same key makes no second request.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask an originator for consent to pass on a part that it sent you. The request is sent as a package.

    Example: attache consents ask partner-frankfurt 01935000-0000-7000-8000-000000000001 lead.txt --to partner-bogota --purpose criminal-investigation --legal-basis FRANKFURT-LEA --reason "Same wallets"
    """
    with session_of(ctx).client() as client:
        found = client.consents.ask(
            originator,
            package_id,
            part,
            recipient=to,
            purpose=purpose.value,
            legal_basis=legal_basis,
            reason=reason,
            crime_types=[each.value for each in crime_types or ()],
            markings=markings or (),
            idempotency_key=idempotency_key,
        )
    _print_request(found, as_json=as_json)


@app.command()
def give(
    ctx: typer.Context,
    holder: Holder,
    request_id: RequestId,
    until: Until,
    reason: Reason,
    part: Annotated[str | None, typer.Option("--part", help="Only if the request states it in free text.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only if the request states it in free text.")] = None,
    purpose: Annotated[
        Purpose | None, typer.Option("--purpose", help="Only if the request states it in free text.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Consent to a holder's request. The gateway signs the consent and sends it to the holder.

    Example: attache consents give irs-ci 01935000-0000-7000-8000-000000000001 --until 2027-06-30 --reason "Agreed with the case agent"
    """
    with session_of(ctx).client() as client:
        expires_at = in_utc(until)
        consent = client.consents.give(holder, request_id, expires_at, reason, part=part, recipient=to, purpose=purpose)
    _print_consent(consent, as_json=as_json)


@app.command()
def refuse(ctx: typer.Context, holder: Holder, request_id: RequestId, reason: Reason, as_json: AsJson = False) -> None:
    """Refuse a request. The holder gets the reason in a refusal that your agency signs.

    Example: attache consents refuse irs-ci 01935000-0000-7000-8000-000000000001 --reason "It names a source"
    """
    with session_of(ctx).client() as client:
        _print_request(client.consents.refuse(holder, request_id, reason), as_json=as_json)


def _print_consent(found: ConsentView, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts = [(name, getattr(found, name)) for name in ("originator", "holder", "recipient", "at")]
    print_facts(found.consent_id, [*facts, ("until", found.expires_at)])


def _print_request(found: ConsentRequestView, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    names = ("holder", "originator", "package_id", "part", "recipient", "purpose", "reason", "consent_id")
    print_facts(f"{found.request_id} {found.state}", [(name, getattr(found, name)) for name in names])
