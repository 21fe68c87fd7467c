"""Consents: what of ours another may pass on, what of others we may, and what is asked and refused."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, status

from attache.crypto import sha256_hex
from attache.errors import MalformedInput
from attache.wire.consents import (
    ConsentGrant,
    ConsentList,
    ConsentRejection,
    ConsentRequestList,
    ConsentRequestView,
    ConsentView,
    NewConsentRequest,
)
from gateway.admission import parse_model, read_body, read_json
from gateway.admission.bodies import JSON
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, ConsentId, Cursor, Limit, Lister, Own, PackageId, ReviewReader, Submitter
from gateway.api.callers import ParticipantId as HolderId
from gateway.exchange.consents.ask import ask_consent, consent_request_view, known_request, list_requests, request_of
from gateway.exchange.consents.give import consent_of, consent_view, grant_consent, list_consents
from gateway.exchange.consents.refuse import refuse_consent
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged

router = APIRouter(prefix="/consents", tags=["consents"], responses=PROBLEM)

IdempotencyKey = Annotated[str | None, Header(max_length=255)]


@router.post("/requests", status_code=status.HTTP_202_ACCEPTED, openapi_extra=json_body(NewConsentRequest))
async def ask(
    request: Request, own: Own, caller: Submitter, idempotency_key: IdempotencyKey = None
) -> ConsentRequestView:
    """Ask an originator whether a part that it gave us may be passed on. The request leaves as a package that policy decides on."""
    if not idempotency_key:
        raise MalformedInput("idempotency-key-required")
    settings = request.app.state.settings
    raw = await read_body(request, JSON, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds)
    keyed = {"idempotency_key": idempotency_key, "request_sha256": sha256_hex(raw)}
    async with submission_refusal_logged(own, caller, Attempt.ASK_CONSENT):
        known = await ask_consent(own, caller, parse_model(NewConsentRequest, raw), **keyed)
    return consent_request_view(known)


@router.get("/requests")
async def list_asked(own: Own, caller: Lister, after: Cursor = "", limit: Limit = 50) -> ConsentRequestList:
    """Requests for consent, ours and those opened here, by id: the caller's own; all of them for officers and auditors."""
    page = (await list_requests(own, caller, after, limit)).map(consent_request_view)
    return ConsentRequestList.of(page, requests=page.items)


@router.get("/requests/{holder}/{request_id}")
async def show_asked(own: Own, caller: Lister, holder: HolderId, request_id: PackageId) -> ConsentRequestView:
    """One request, and how it was answered."""
    return consent_request_view(await request_of(own, caller, holder, request_id))


@router.post("/refusals", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(ConsentRejection))
async def refuse(request: Request, own: Own, caller: Approver) -> ConsentRequestView:
    """Refuse a request as a whole. Signed, logged and sent to the holder."""
    settings = request.app.state.settings
    given = await read_json(
        request, ConsentRejection, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    record = await refuse_consent(own, caller, given.holder, given.request_id, given.reason)
    return consent_request_view(known_request(own, record))


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(ConsentGrant))
async def grant(request: Request, own: Own, caller: Approver) -> ConsentView:
    """Let a holder pass one part of ours on, to one recipient, for one purpose. Signed, logged and sent to the holder."""
    settings = request.app.state.settings
    given = await read_json(
        request, ConsentGrant, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return consent_view(own, await grant_consent(own, caller, given))


@router.get("")
async def list_all(own: Own, caller: ReviewReader, after: Cursor = "", limit: Limit = 50) -> ConsentList:  # noqa: ARG001 -- who asks only has to be one who may
    """Consents given and received, oldest first, each with its signed statement to be verified offline."""
    page = await list_consents(own, after, limit)
    return ConsentList.of(page, consents=page.items)


@router.get("/{consent_id}")
async def show(own: Own, caller: ReviewReader, consent_id: ConsentId) -> ConsentView:  # noqa: ARG001 -- who asks only has to be one who may
    """One consent, with its signed statement."""
    return await consent_of(own, consent_id)
