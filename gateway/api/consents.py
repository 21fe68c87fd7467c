"""Consents to pass on a part: those that this agency grants, those that it receives, and requests and refusals."""

from functools import partial

from fastapi import status

from attache.wire.consents import (
    ConsentGrant,
    ConsentList,
    ConsentRejection,
    ConsentRequestList,
    ConsentRequestView,
    ConsentView,
    NewConsentRequest,
)
from gateway.admission import Json, PageSize, ThisAgency, UnparsedJson, api_router, requires
from gateway.admission.json_text import parse_model
from gateway.api.callers import Approver, ConsentId, Cursor, IdempotencyKey, Lister, PackageId, Submitter
from gateway.api.callers import ParticipantId as HolderId
from gateway.exchange.consents.ask import ask_consent, consent_request_view, known_request, list_requests, request_of
from gateway.exchange.consents.give import consent_of, consent_view, grant_consent, list_consents
from gateway.exchange.consents.refuse import refuse_consent
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.identity import Action

READERS = [requires(Action.READ_REVIEWS)]

router = api_router("consents", "/consents")


@router.post("/requests", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    agency: ThisAgency, caller: Submitter, idempotency_key: IdempotencyKey, body: UnparsedJson[NewConsentRequest]
) -> ConsentRequestView:
    """Ask an originator for consent to pass on a part that it released to this agency.

    The request is sent as a package, and policy decides on it.
    """
    async with submission_refusal_logged(agency, caller, Attempt.ASK_CONSENT):
        request = await body.parse(partial(parse_model, NewConsentRequest))
        record = await ask_consent(agency, caller, request, idempotency_key=idempotency_key, request_sha256=body.sha256)
    return consent_request_view(record)


@router.get("/requests")
async def list_asked(
    agency: ThisAgency, caller: Lister, after: Cursor = "", limit: PageSize = 50
) -> ConsentRequestList:
    """Requests for consent, sent and received, by id.

    A submitter sees its own requests; officers and auditors see all.
    """
    page = (await list_requests(agency, caller, after, limit)).map(consent_request_view)
    return ConsentRequestList.of(page, requests=page.items)


@router.get("/requests/{holder}/{request_id}")
async def show_asked(agency: ThisAgency, caller: Lister, holder: HolderId, request_id: PackageId) -> ConsentRequestView:
    """One request, and its answer."""
    return consent_request_view(await request_of(agency, caller, holder, request_id))


@router.post("/refusals", status_code=status.HTTP_201_CREATED)
async def refuse(agency: ThisAgency, caller: Approver, rejection: Json[ConsentRejection]) -> ConsentRequestView:
    """Refuse a request as a whole. The refusal is signed, logged and sent to the holder."""
    record = await refuse_consent(agency, caller, rejection.holder, rejection.request_id, rejection.reason)
    return consent_request_view(known_request(agency, record))


@router.post("", status_code=status.HTTP_201_CREATED)
async def grant(agency: ThisAgency, caller: Approver, consent: Json[ConsentGrant]) -> ConsentView:
    """Permit a holder to pass on one part to one recipient for one purpose.

    The consent is signed, logged and sent to the holder.
    """
    return consent_view(agency, await grant_consent(agency, caller, consent))


@router.get("", dependencies=READERS)
async def list_all(agency: ThisAgency, after: Cursor = "", limit: PageSize = 50) -> ConsentList:
    """Consents granted and received, oldest first, each with its signed statement, which can be verified offline."""
    page = await list_consents(agency, after, limit)
    return ConsentList.of(page, consents=page.items)


@router.get("/{consent_id}", dependencies=READERS)
async def show(agency: ThisAgency, consent_id: ConsentId) -> ConsentView:
    """One consent, with its signed statement."""
    return await consent_of(agency, consent_id)
