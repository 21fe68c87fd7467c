"""Consents: what of ours another may pass on, what of others we may, and what is asked and refused."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from attache.consent_request import Words
from attache.crypto import sha256_hex
from attache.errors import MalformedInput
from attache.package.values import FileName, ParticipantId, Uuid7
from attache.vocabulary import ContentClass, CrimeType, Purpose
from attache.wire.consents import ConsentList, ConsentRequestList, ConsentRequestView, ConsentView
from attache.wire.packages import AgreementId, MarkingTexts
from gateway.admission import parse_model, read_body, read_json
from gateway.admission.bodies import JSON
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Approver, ConsentId, Cursor, Limit, Lister, Own, PackageId, ReviewReader, Submitter
from gateway.api.callers import ParticipantId as HolderId
from gateway.exchange.consents.ask import Asking, ask_consent, known_request, list_requests, request_of
from gateway.exchange.consents.give import Grant, consent_of, grant_consent, list_consents
from gateway.exchange.consents.refuse import refuse_consent
from gateway.exchange.kernel.refused_requests import Attempt, submission_refusal_logged
from gateway.exchange.shown.office import consent_request_view, consent_view

router = APIRouter(prefix="/consents", tags=["consents"], responses=PROBLEM)

IdempotencyKey = Annotated[str | None, Header(max_length=255)]
CLASSES = (ContentClass.LAW_ENFORCEMENT_SENSITIVE,)
MARKINGS = ("TLP:GREEN",)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Asked(_Body):
    """What to ask of whom: may we pass `part` of its package on to `recipient`, for `purpose`?

    The rest says how the request itself travels, as with every package: the agreement with the originator, and how it is marked.
    """

    originator: ParticipantId
    package_id: Uuid7
    part: FileName
    recipient: ParticipantId
    purpose: Purpose
    reason: Words
    legal_basis: AgreementId
    crime_types: Annotated[tuple[CrimeType, ...], Field(max_length=16)] = ()
    markings: MarkingTexts = MARKINGS
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=16)] = CLASSES


class Granted(_Body):
    """To whom consent is given and for what: `request_id` is the holder's opened package of kind `request`.

    `part`, `recipient` and `purpose` are as it asks; only where it asks in words alone are they to be said here.
    """

    holder: ParticipantId
    request_id: Uuid7
    expires_at: AwareDatetime
    note: Annotated[str, Field(min_length=1, max_length=2000)]
    part: FileName | None = None
    recipient: ParticipantId | None = None
    purpose: Purpose | None = None


class Refused(_Body):
    """Which request is refused, and why: the holder is told, under our signature."""

    holder: ParticipantId
    request_id: Uuid7
    reason: Words


@router.post("/requests", status_code=status.HTTP_202_ACCEPTED, openapi_extra=json_body(Asked))
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
        asked = parse_model(Asked, raw)
        asking = Asking(**{name: getattr(asked, name) for name in Asked.model_fields})
        known = await ask_consent(own, caller, asking, **keyed)
    return consent_request_view(known)


@router.get("/requests")
async def list_asked(own: Own, caller: Lister, after: Cursor = "", limit: Limit = 50) -> ConsentRequestList:
    """Requests for consent, ours and those opened here, by id: the caller's own; all of them for officers and auditors."""
    found = await list_requests(own, caller, after, limit)
    following = found[-1].record.request_id if len(found) == limit else None
    return ConsentRequestList(requests=[consent_request_view(each) for each in found], next=following)


@router.get("/requests/{holder}/{request_id}")
async def show_asked(own: Own, caller: Lister, holder: HolderId, request_id: PackageId) -> ConsentRequestView:
    """One request, and how it was answered."""
    return consent_request_view(await request_of(own, caller, holder, request_id))


@router.post("/refusals", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Refused))
async def refuse(request: Request, own: Own, caller: Approver) -> ConsentRequestView:
    """Refuse a request as a whole. Signed, logged and sent to the holder."""
    settings = request.app.state.settings
    given = await read_json(
        request, Refused, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    record = await refuse_consent(own, caller, given.holder, given.request_id, given.reason)
    return consent_request_view(known_request(own, record))


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(Granted))
async def grant(request: Request, own: Own, caller: Approver) -> ConsentView:
    """Let a holder pass one part of ours on, to one recipient, for one purpose. Signed, logged and sent to the holder."""
    settings = request.app.state.settings
    given = await read_json(
        request, Granted, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return consent_view(await grant_consent(own, caller, Grant(**given.model_dump())))


@router.get("")
async def list_all(own: Own, caller: ReviewReader, after: Cursor = "", limit: Limit = 50) -> ConsentList:  # noqa: ARG001 -- who asks only has to be one who may
    """Consents given and received, oldest first, each with its signed statement to be verified offline."""
    found = await list_consents(own, after, limit)
    following = found[-1][0].consent_id if len(found) == limit else None
    return ConsentList(consents=[consent_view(record, signed) for record, signed in found], next=following)


@router.get("/{consent_id}")
async def show(own: Own, caller: ReviewReader, consent_id: ConsentId) -> ConsentView:  # noqa: ARG001 -- who asks only has to be one who may
    """One consent, with its signed statement."""
    return consent_view(*await consent_of(own, consent_id))
