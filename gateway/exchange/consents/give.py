"""Consent: asked for with a package of kind `request`, given by an officer at the originator, and sent to the holder.

Either side keeps the signed consent as evidence. It is a fact for the holder's policy, which decides. A consent that
was given is not taken back: it ends when it expires, or with the key that signed it.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from attache.client.exchange import CONSENTS
from attache.consent import Consent, sign_consent, verify_consent
from attache.errors import Conflict, Gone, IntegrityLost, MalformedInput, NotAuthentic, NotFound, Stale
from attache.package import uuid7
from attache.package.ids import PackageId, ParticipantId
from attache.package.opening import CLOCK_ALLOWANCE
from attache.vocabulary import Purpose
from attache.wire.consents import ConsentGrant, ConsentView
from gateway.exchange.consents.ask import (
    known_request,
    our_request,
)
from gateway.exchange.consents.asked import opened_request, released_part_sha256
from gateway.exchange.consents.entries import given_event, rejection_logged
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Statement
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.outbox_row import outbox_row
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import content_id
from gateway.exchange.kernel.records import (
    ArrivalPartRecord,
    ConsentRecord,
    ConsentRequestRecord,
    OutboxKind,
    OutboxRecord,
)
from gateway.exchange.kernel.sealed import CONSENT
from gateway.exchange.kernel.state import CONSENT_REQUEST, ConsentEvent, advance
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import Work
from gateway.identity.caller import Caller
from gateway.partners import Partner

LONGEST_TERM = timedelta(days=366)


@dataclass(frozen=True)
class _Terms:
    package_id: PackageId
    sha256: str
    recipient: ParticipantId
    purpose: Purpose


async def grant_consent(agency: Agency, caller: Caller, grant: ConsentGrant) -> ConsentRecord:
    """Sign a consent and send it to the holder.

    The request must have been opened here and be a reply to a package of ours that was released to the holder with that
    part, and the caller an approver of the holder's post. Raises NotFound otherwise, MalformedInput for another consent
    than was asked for or a term that is over or longer than 366 days,
    and IllegalTransition where the request was answered.
    """
    now = agency.clock()
    # protocol G5
    if not now < grant.expires_at <= now + LONGEST_TERM:
        raise MalformedInput("term-over", "expires_at: is in the past, or more than 366 days ahead")
    terms = await agency.store.read(lambda reader: _terms(agency, reader, caller, grant))
    if terms.recipient in {agency.participant, grant.holder}:
        raise MalformedInput(detail="recipient: is not a third participant")
    consent = Consent(
        consent_id=uuid7(now, agency.random),
        originator=agency.participant,
        holder=grant.holder,
        recipient=terms.recipient,
        purpose=terms.purpose,
        content_sha256=terms.sha256,
        package_id=terms.package_id,
        request_id=grant.request_id,
        at=now,
        expires_at=grant.expires_at,
    )
    signed = await asyncio.to_thread(sign_consent, consent, agency.keys)
    record = _record(agency, consent, signed, consent.package_id)

    def unit(work: Work) -> ConsentRecord:
        work.add(record)
        _answer(work, consent)
        if agency.directory.active(grant.holder).endpoint is not None:
            subject, package_id = consent.consent_id, terms.package_id
            row = outbox_row(agency, OutboxKind.CONSENT, grant.holder, agency.participant, package_id, now, subject)
            work.add(row)
        work.log(given_event(agency, consent, signed, grant.note))
        return record

    return await agency.commit(caller, unit)


async def accept_consent(agency: Agency, peer: Partner, signed: bytes) -> None:
    """Verify and store a consent that its originator brings.
    The same one again changes nothing. What is refused is logged.

    Raises MalformedInput("malformed-consent"), NotAuthentic, Stale for one that has expired or is dated in the future,
    NotFound where no such content came from this originator or we did not ask for it, and Conflict where its id stands
    for another, or IllegalTransition where the request was answered.
    """
    async with rejection_logged(agency, peer.participant, signed):
        consent = await asyncio.to_thread(verify_consent, signed, peer.descriptor, revoked=agency.revoked)
        # protocol G6
        if consent.holder != agency.participant:
            raise NotAuthentic("not-a-recipient", "a consent for another holder")
        now = agency.clock()
        # protocol G6
        if consent.expires_at <= now:
            raise Stale(detail="the consent has expired")
        # protocol G6
        if consent.at > now + CLOCK_ALLOWANCE:
            raise Stale(detail="the consent is dated in the future")
        record = _record(agency, consent, signed, consent.package_id)
        await agency.commit(peer.participant, lambda work: _accept(agency, work, consent, record, signed))


async def consent_statement(agency: Agency, row: OutboxRecord) -> Statement:
    """The signed consent that an outbox row brings to its holder. Raises Gone once it is purged."""
    record = await agency.store.read(lambda reader: reader.get(ConsentRecord.key(row.subject)))
    if record is None:
        raise IntegrityLost(detail="the outbox names a consent that was not given", step="outbox")
    return Statement(CONSENTS, agency.open(CONSENT, record))


async def list_consents(agency: Agency, after: str, limit: int) -> Page[ConsentView]:
    """Consents given and received, by id, those with an id above `after`,
    each with its signed statement unless it is purged.
    """

    def query(reader: Reader, size: int) -> list[ConsentRecord]:
        return reader.find(ConsentRecord.by_id(after, size))

    page = await read_page(agency, limit, query, lambda record: record.consent_id)
    return page.map(lambda record: ConsentView.of(record, signed=_statement(agency, record)))


def _statement(agency: Agency, record: ConsentRecord) -> dict[str, Any] | None:
    try:
        signed: dict[str, Any] = json.loads(agency.open(CONSENT, record))
    except Gone:
        return None
    return signed


async def consent_of(agency: Agency, consent_id: str) -> ConsentView:
    """One consent with its signed statement; raises NotFound, and Gone once it is purged."""
    record = await agency.store.read(lambda reader: reader.get(ConsentRecord.key(consent_id)))
    if record is None:
        raise NotFound
    return consent_view(agency, record)


def consent_view(agency: Agency, record: ConsentRecord) -> ConsentView:
    """A consent with its signed statement; raises Gone once it is purged."""
    return ConsentView.of(record, signed=json.loads(agency.open(CONSENT, record)))


def _terms(agency: Agency, reader: Reader, caller: Caller, grant: ConsentGrant) -> _Terms:
    """What is consented to: as the request states it, or, where it was asked in words, as the officer does."""
    release, _ = opened_request(agency, reader, grant.holder, grant.request_id)
    if release.post not in officers_posts(agency, reader, caller):
        raise NotFound(detail="no such request was opened here")
    request = reader.get(ConsentRequestRecord.key(grant.holder, grant.request_id))
    stated = known_request(agency, request).facts if request is not None else {}
    given = {"part": grant.part, "recipient": grant.recipient, "purpose": grant.purpose}
    asked = {"part": stated.get("part"), "recipient": request.recipient if stated and request else None}
    asked["purpose"] = stated.get("purpose")
    for name, value in given.items():
        # protocol G1
        if value is None and asked[name] is None:
            raise MalformedInput(detail=f"{name}: the request is in words alone: say what is consented to")
        # protocol G5
        if value is not None and asked[name] not in (None, value):
            raise MalformedInput(detail=f"{name}: is not what was asked for")
    part, recipient, purpose = (given[name] or asked[name] or "" for name in ("part", "recipient", "purpose"))
    return _Terms(
        release.package_id,
        released_part_sha256(agency, reader, release, part),
        ParticipantId(recipient),
        Purpose(purpose),
    )


def _answer(work: Work, consent: Consent) -> None:
    """The request is given, where it is on record; one in words may be answered for several recipients."""
    request = work.get(ConsentRequestRecord.key(consent.holder, consent.request_id))
    if request is not None:
        # protocol G7
        state = advance(CONSENT_REQUEST, request.state, ConsentEvent.GIVE)
        work.put(request, replace(request, state=state, changed_at=work.at, consent_id=consent.consent_id))


def _accept(agency: Agency, work: Work, consent: Consent, record: ConsentRecord, signed: bytes) -> None:
    if earlier := work.get(ConsentRecord.key(consent.consent_id)):
        # protocol G7
        if json.loads(agency.open(CONSENT, earlier)) != json.loads(signed):
            raise Conflict(detail="a consent of this id is stored already, and is another")
        return
    _require_asked(agency, work, consent, record)
    work.add(record)
    _answer(work, consent)
    work.log(given_event(agency, consent, signed))


def _require_asked(agency: Agency, reader: Reader, consent: Consent, record: ConsentRecord) -> None:
    """It is about content that came in that package, and answers a request of ours about it."""
    came = ArrivalPartRecord.with_content_of(record.content, consent.originator, consent.package_id)
    # protocol G6
    if not reader.find(came):
        raise NotFound(detail="no such content came from this participant in that package")
    package = our_request(reader, consent.originator, consent.request_id)
    if submission_of(agency, package).in_reply_to != consent.package_id:
        raise NotFound(detail="the request was about another package")
    request = reader.get(ConsentRequestRecord.key(agency.participant, consent.request_id))
    if request is None:
        return
    asked = known_request(agency, request).facts
    stated = (consent.recipient, consent.purpose, consent.content_sha256)
    # protocol G6
    if stated != (request.recipient, asked.get("purpose"), asked.get("content_sha256")):
        raise NotFound(detail="it consents to another thing than was asked for")


def _record(agency: Agency, consent: Consent, signed: bytes, package_id: PackageId) -> ConsentRecord:
    """`package_id`: the originator's package that it goes with, and is purged with."""
    record = ConsentRecord(
        consent_id=consent.consent_id,
        originator=consent.originator,
        holder=consent.holder,
        recipient=consent.recipient,
        content=content_id(agency, consent.content_sha256),
        at=consent.at,
        expires_at=consent.expires_at,
        signed_sealed=b"",
        package_id=package_id,
    )
    return agency.seal(CONSENT, record, signed)
