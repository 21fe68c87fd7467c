"""Consents to pass on what an originator gave: requested, given, refused."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from attache.consent_request import Words
from attache.package.values import FileName, PackageId, ParticipantId
from attache.vocabulary import ContentClass, CrimeType, Purpose
from attache.wire.body import Note, RequestBody
from attache.wire.packages import AgreementId, MarkingTexts
from attache.wire.view import Absent, View


class NewConsentRequest(RequestBody):
    """What to ask of whom: may we pass `part` of its package on to `recipient`, for `purpose`?

    The rest says how the request itself travels, as with every package: the agreement with the originator, and how it is marked.
    """

    originator: ParticipantId
    package_id: PackageId
    part: FileName
    recipient: ParticipantId
    purpose: Purpose
    reason: Words
    legal_basis: AgreementId
    crime_types: Annotated[tuple[CrimeType, ...], Field(max_length=16)] = ()
    markings: MarkingTexts = ("TLP:GREEN",)
    content_class: Annotated[tuple[ContentClass, ...], Field(max_length=16)] = (ContentClass.LAW_ENFORCEMENT_SENSITIVE,)


class ConsentGrant(RequestBody):
    """To whom consent is given and for what: `request_id` is the holder's opened package of kind `request`.

    `part`, `recipient` and `purpose` are as the request states; they are stated here only where it is in words alone.
    """

    holder: ParticipantId
    request_id: PackageId
    expires_at: AwareDatetime
    note: Note
    part: FileName | None = None
    recipient: ParticipantId | None = None
    purpose: Purpose | None = None


class ConsentRejection(RequestBody):
    """Which request is refused, and why: the holder gets the reason, under our signature."""

    holder: ParticipantId
    request_id: PackageId
    reason: Words


class ConsentView(View):
    """A consent: `holder` may pass a part of `originator`'s on to `recipient`. `signed` is the originator's JWS, to be verified offline."""

    consent_id: str
    originator: str
    holder: str
    recipient: str
    at: datetime
    expires_at: datetime
    signed: dict[str, Any] | None = None


class ConsentList(View):
    """Consents, and the cursor of what follows; null at the end."""

    consents: tuple[ConsentView, ...]
    next: str | None = None


class ConsentRequestView(View):
    """A request for consent (`asked`, `given` or `refused`) and its answer; `refusal` is the originator's signed one.

    A request in words alone states no part, purpose or reason.
    """

    holder: str
    request_id: str
    originator: str
    package_id: str
    recipient: str | None = None
    part: str | None = None
    content_sha256: str | None = None
    purpose: str | None = None
    reason: str | None = None
    state: str
    asked_at: datetime | Absent = None
    changed_at: datetime | Absent = None
    consent_id: str | None = None
    refusal: dict[str, Any] | None = None


class ConsentRequestList(View):
    """Requests for consent, and the cursor of what follows; null at the end."""

    requests: tuple[ConsentRequestView, ...]
    next: str | None = None
