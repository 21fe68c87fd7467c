"""Requests for consent: a holder asks with a package of kind `request`, and both sides keep what became of it.

    asked ──▶ given      (ends when it expires)
      └─────▶ refused

A request is answered once. What an originator wants to change, the holder asks again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attache.consent_request import (
    MEDIA_TYPE,
    PART_NAME,
    ConsentRequest,
    encode_request,
)
from attache.crypto import b64u
from attache.errors import MalformedInput, NotFound, NotPermitted
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical
from attache.vocabulary import Kind
from attache.wire.consents import ConsentRequestView, NewConsentRequest
from attache.wire.packages import Submission
from gateway.exchange.arriving.use import Intent, require_use
from gateway.exchange.consents.entries import asked_event
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import facts_of
from gateway.exchange.kernel.records import ArrivalRecord, ConsentRequestRecord, PackageRecord, ReleaseRecord
from gateway.exchange.kernel.sealed import CONSENT_REFUSAL, CONSENT_REQUEST_FACTS
from gateway.exchange.kernel.state import ArrivalState, ConsentState, ReleaseState
from gateway.exchange.kernel.submission import parse_submission
from gateway.exchange.kernel.work import Work
from gateway.exchange.outgoing.submit import create_package
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all_consent_requests

TITLE = "Request for consent"


@dataclass(frozen=True)
class KnownRequest:
    """A request as records have it. `facts`: the part, its `content_sha256`,
    the purpose and the reason, where stated.
    """

    record: ConsentRequestRecord
    facts: Mapping[str, str]
    refusal: dict[str, Any] | None


async def ask_consent(
    agency: Agency, caller: Caller, asking: NewConsentRequest, *, idempotency_key: str, request_sha256: str
) -> KnownRequest:
    """Submit the request. Policy decides on it as on every package, and an officer may have to approve it.

    The caller must have been let read the part. Raises NotFound for a package that was not opened here or a part that
    it has not, MalformedInput, NotPermitted("policy-denied") where the request itself may not leave. The same key with
    the same request changes nothing.
    """
    arrival = await agency.store.read(lambda reader: _opened(reader, asking))
    facts = facts_of(agency, arrival)
    number, sha256 = _part_of(facts, asking.part)
    await require_use(agency, caller, arrival, number, Intent())
    agency.directory.partner(asking.recipient)
    asked = _stated(agency, asking, sha256)

    def register(work: Work, request_id: PackageId) -> None:
        release = work.get(ReleaseRecord.key(request_id, asking.originator))
        if release is not None and release.state is not ReleaseState.DENIED:
            record = request_record(agency, asked, request_id, agency.officer(caller))
            work.add(record)
            work.log(asked_event(agency, record, asked.reason, asked.purpose))

    submission = _submission(asking, asked, facts)
    keyed = {"idempotency_key": idempotency_key, "request_sha256": request_sha256}
    created = await create_package(agency, caller, submission, also=register, **keyed)
    request_id = created if isinstance(created, str) else created.record.package_id
    found = await agency.store.read(lambda reader: reader.get(ConsentRequestRecord.key(agency.participant, request_id)))
    if found is None:
        raise NotPermitted("policy-denied", "policy lets no request of this kind go", extra={"package_id": request_id})
    return known_request(agency, found)


async def list_requests(agency: Agency, caller: Caller, after: str, limit: int) -> Page[KnownRequest]:
    """Requests by id, those with an id above `after`: the caller's own, or all of them for officers and auditors."""
    asked_by = None if sees_all_consent_requests(caller) else agency.officer(caller)

    def query(reader: Reader, size: int) -> list[ConsentRequestRecord]:
        return reader.find(ConsentRequestRecord.by_id(after, size, asked_by=asked_by))

    page = await read_page(agency, limit, query, lambda record: record.request_id)
    kept = page.where(lambda record: record.facts_sealed)  # nothing else is left of one whose package was purged
    return kept.map(lambda record: known_request(agency, record))


async def request_of(agency: Agency, caller: Caller, holder: ParticipantId, request_id: PackageId) -> KnownRequest:
    """One request; raises NotFound for one that the caller may not know of."""
    record = await agency.store.read(lambda reader: reader.get(ConsentRequestRecord.key(holder, request_id)))
    is_known = record is not None and (sees_all_consent_requests(caller) or record.asked_by == agency.officer(caller))
    if record is None or not is_known:
        raise NotFound
    return known_request(agency, record)


def consent_request_view(known: KnownRequest) -> ConsentRequestView:
    """A request for consent with its answer."""
    record = known.record
    stated = {name: known.facts.get(name) for name in ("part", "content_sha256", "purpose", "reason")}
    empty_is_null = {"recipient": record.recipient or None, "consent_id": record.consent_id or None}
    return ConsentRequestView.of(record, stated, refusal=known.refusal, **empty_is_null)


def known_request(agency: Agency, record: ConsentRequestRecord) -> KnownRequest:
    """A record with what is sealed in it."""
    refusal = None if record.refusal_sealed is None else json.loads(agency.open(CONSENT_REFUSAL, record))
    return KnownRequest(record, agency.open(CONSENT_REQUEST_FACTS, record), refusal)


def in_words(
    agency: Agency, holder: ParticipantId, request_id: PackageId, originator: ParticipantId, package_id: PackageId
) -> ConsentRequestRecord:
    """The record of a request that was asked in words alone."""
    now = agency.clock()
    record = ConsentRequestRecord(
        holder, request_id, originator, package_id, ParticipantId(""), ConsentState.ASKED, "", now, now, b""
    )
    return agency.seal(CONSENT_REQUEST_FACTS, record, {})


def our_request(reader: Reader, originator: ParticipantId, request_id: PackageId) -> PackageRecord:
    """A request of ours that went to this originator; raises NotFound."""
    package, release = reader.get(PackageRecord.key(request_id)), reader.get(ReleaseRecord.key(request_id, originator))
    if package is None or package.kind != Kind.REQUEST or release is None or release.manifest_sha256 is None:
        raise NotFound(detail="it answers no request of ours that went to this participant")
    return package


def _opened(reader: Reader, asking: NewConsentRequest) -> ArrivalRecord:
    arrival = reader.get(ArrivalRecord.key(asking.originator, asking.package_id))
    if arrival is None or arrival.state is not ArrivalState.OPENED:
        raise NotFound(detail="no such package was opened here")
    return arrival


def _part_of(facts: Mapping[str, Any], name: str) -> tuple[int, str]:
    for number, part in enumerate(facts["parts"]):
        if part["name"] == name:
            return number, part["sha256"]
    raise NotFound(detail="the package has no such part")


def _stated(agency: Agency, asking: NewConsentRequest, sha256: str) -> ConsentRequest:
    if asking.recipient in {agency.participant, asking.originator}:
        raise MalformedInput(detail="recipient: is not a third participant")
    return ConsentRequest(
        originator=asking.originator,
        holder=agency.participant,
        recipient=asking.recipient,
        purpose=asking.purpose,
        package_id=asking.package_id,
        part=asking.part,
        content_sha256=sha256,
        reason=asking.reason,
    )


def _submission(asking: NewConsentRequest, asked: ConsentRequest, facts: Mapping[str, Any]) -> Submission:
    raw = encode_request(asked)
    part = {
        "name": PART_NAME,
        "media_type": MEDIA_TYPE,
        "markings": list(asking.markings),
        "content_class": list(asking.content_class),
        "content": b64u(raw),
    }
    stated = {
        "kind": Kind.REQUEST.value,
        "title": TITLE,
        "purpose": asking.purpose,
        "recipients": [{"to": asking.originator, "legal_basis": asking.legal_basis}],
        "parts": [part],
        "crime_types": list(asking.crime_types),
        # protocol G1
        "in_reply_to": asking.package_id,
        "thread_id": facts["thread_id"],
        "submit": True,
    }
    return parse_submission(canonical(stated))


def request_record(agency: Agency, asked: ConsentRequest, request_id: PackageId, asked_by: str) -> ConsentRequestRecord:
    """A request as it comes on record, at either side."""
    now = agency.clock()
    stated = asked.model_dump(mode="json", include={"part", "content_sha256", "purpose", "reason"})
    record = ConsentRequestRecord(
        holder=asked.holder,
        request_id=request_id,
        originator=asked.originator,
        package_id=asked.package_id,
        recipient=asked.recipient,
        state=ConsentState.ASKED,
        asked_by=asked_by,
        asked_at=now,
        changed_at=now,
        facts_sealed=b"",
    )
    return agency.seal(CONSENT_REQUEST_FACTS, record, stated)
