"""Refusing a consent: the originator's officer refuses with a reason, and the signed refusal goes to the holder."""

import asyncio
import json
from dataclasses import replace

from attache.client.exchange import CONSENT_REFUSALS
from attache.consent_refusal import ConsentRefusal, sign_refusal, verify_refusal
from attache.errors import IntegrityLost, NotAuthentic, NotFound
from attache.package.ids import PackageId, ParticipantId
from gateway.exchange.consents.ask import in_words, known_request, our_request
from gateway.exchange.consents.asked import opened_request
from gateway.exchange.consents.entries import refused_event, rejection_logged
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Statement
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.outbox_row import outbox_row
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ConsentRequestRecord, OutboxKind, OutboxRecord
from gateway.exchange.kernel.sealed import CONSENT_REFUSAL
from gateway.exchange.kernel.state import CONSENT_REQUEST, ConsentEvent, advance
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import Work
from gateway.identity.caller import Caller
from gateway.partners import Partner


async def refuse_consent(
    agency: Agency, caller: Caller, holder: ParticipantId, request_id: PackageId, reason: str
) -> ConsentRequestRecord:
    """Sign the refusal of a whole request and send it to the holder.

    The request must have been opened here and be about a package of ours that went to the holder, and the caller an
    approver of the holder's post. Raises NotFound otherwise, and IllegalTransition where the request was answered.
    """
    package_id = await agency.store.read(lambda reader: _asked(agency, reader, caller, holder, request_id))
    now = agency.clock()
    refusal = ConsentRefusal(
        originator=agency.participant,
        holder=holder,
        package_id=package_id,
        request_id=request_id,
        reason=reason,
        at=now,
    )
    signed = await asyncio.to_thread(sign_refusal, refusal, agency.keys)

    def unit(work: Work) -> ConsentRequestRecord:
        record = _keep(agency, work, refusal, signed)
        if agency.directory.active(holder).endpoint is not None:
            kind = OutboxKind.CONSENT_REFUSAL
            work.add(outbox_row(agency, kind, holder, agency.participant, package_id, now, request_id))
        work.log(refused_event(agency, record, signed, reason))
        return record

    return await agency.commit(caller, unit)


async def refusal_statement(agency: Agency, row: OutboxRecord) -> Statement:
    """The signed refusal that an outbox row brings to the holder that asked. Raises Gone once it is purged."""
    key = ConsentRequestRecord.key(row.partner, PackageId(row.subject))
    record = await agency.store.read(lambda reader: reader.get(key))
    if record is None or record.refusal_sealed is None:
        raise IntegrityLost(detail="the outbox names a consent that was not refused", step="outbox")
    return Statement(CONSENT_REFUSALS, agency.open(CONSENT_REFUSAL, record))


async def accept_refusal(agency: Agency, peer: Partner, signed: bytes) -> None:
    """Verify and store a refusal that the originator brings.
    The same one again changes nothing. What is refused is logged.

    Raises MalformedInput("malformed-consent"), NotAuthentic, NotFound where it answers no request of ours, and
    IllegalTransition where the request has another answer.
    """
    async with rejection_logged(agency, peer.participant, signed):
        refusal = await asyncio.to_thread(verify_refusal, signed, peer.descriptor, revoked=agency.revoked)
        # protocol G6
        if refusal.holder != agency.participant:
            raise NotAuthentic("not-a-recipient", "a refusal for another holder")
        await agency.commit(peer.participant, lambda work: _accept(agency, work, refusal, signed))


def _asked(agency: Agency, reader: Reader, caller: Caller, holder: ParticipantId, request_id: PackageId) -> PackageId:
    release, _ = opened_request(agency, reader, holder, request_id)
    if release.post not in officers_posts(agency, reader, caller):
        raise NotFound(detail="no such request was opened here")
    return release.package_id


def _accept(agency: Agency, work: Work, refusal: ConsentRefusal, signed: bytes) -> None:
    package = our_request(work, refusal.originator, refusal.request_id)
    if submission_of(agency, package).in_reply_to != refusal.package_id:
        raise NotFound(detail="the request was about another package")
    earlier = work.get(ConsentRequestRecord.key(refusal.holder, refusal.request_id))
    if earlier is not None and known_request(agency, earlier).refusal == json.loads(signed):
        return
    record = _keep(agency, work, refusal, signed)
    work.log(refused_event(agency, record, signed, refusal.reason))


def _keep(agency: Agency, work: Work, refusal: ConsentRefusal, signed: bytes) -> ConsentRequestRecord:
    """The request with its refusal; one that was asked in words comes on record with it."""
    key = (refusal.holder, refusal.request_id)
    record = work.get(ConsentRequestRecord.key(*key))
    if record is None:
        record = in_words(agency, *key, refusal.originator, refusal.package_id)
        work.add(record)
    # protocol G7
    state = advance(CONSENT_REQUEST, record.state, ConsentEvent.REFUSE)
    return work.put(record, agency.seal(CONSENT_REFUSAL, replace(record, state=state, changed_at=work.at), signed))
