"""Refusing a consent: the originator's officer says no, with a reason and a signature, and the holder is told."""

import asyncio
import json

from attache.consent_refusal import ConsentRefusal, sign_refusal, verify_refusal
from attache.errors import NotAuthentic, NotFound
from attache.package.ids import PackageId, ParticipantId
from attache.strict_json import canonical
from gateway.exchange.consents.ask import answered, in_words, known_request, our_request
from gateway.exchange.consents.asked import opened_request
from gateway.exchange.consents.entries import refused_entry, rejection_logged
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.officers import officers_posts
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import ConsentRequestRecord, ConsentState, OutboxKind
from gateway.exchange.outgoing.release import outbox_row
from gateway.exchange.outgoing.submit import submission_of
from gateway.identity.caller import Caller
from gateway.partners import Partner


async def refuse_consent(
    agency: Agency, caller: Caller, holder: ParticipantId, request_id: PackageId, reason: str
) -> ConsentRequestRecord:
    """Sign the refusal of a whole request and send it to the holder.

    The request must have been opened here and be about a package of ours that went to the holder, and the caller an approver
    of the holder's post. Raises NotFound otherwise, and IllegalTransition where the request was answered.
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

    def unit(tx: Transaction) -> ConsentRequestRecord:
        record = _keep(agency, tx, refusal, signed)
        if agency.directory.active(holder).endpoint is not None:
            kind = OutboxKind.CONSENT_REFUSAL
            tx.add(outbox_row(agency, kind, holder, agency.participant, package_id, now, request_id))
        tx.log(refused_entry(agency, record, signed, caller, reason))
        return record

    return await agency.store.write(unit)


async def accept_refusal(agency: Agency, peer: Partner, signed: bytes) -> None:
    """Verify and store a refusal that the originator brings. The same one again changes nothing. What is refused is logged.

    Raises MalformedInput("malformed-consent"), NotAuthentic, NotFound where it answers no request of ours, and
    IllegalTransition where the request has another answer.
    """
    async with rejection_logged(agency, peer.participant, signed):
        refusal = await asyncio.to_thread(verify_refusal, signed, peer.descriptor, revoked=agency.revoked)
        # protocol G6
        if refusal.holder != agency.participant:
            raise NotAuthentic("not-a-recipient", "a refusal for another holder")
        await agency.store.write(lambda tx: _accept(agency, tx, refusal, signed))


def signed_refusal(agency: Agency, record: ConsentRequestRecord) -> bytes:
    """The refusal as it was signed, byte for byte: canonical JSON. Raises NotFound where there is none."""
    refusal = known_request(agency, record).refusal
    if refusal is None:
        raise NotFound(detail="the request was not refused")
    return canonical(refusal)


def _asked(agency: Agency, reader: Reader, caller: Caller, holder: ParticipantId, request_id: PackageId) -> PackageId:
    life, _ = opened_request(agency, reader, holder, request_id)
    if life.post not in officers_posts(agency, reader, caller):
        raise NotFound(detail="no such request was opened here")
    return life.package_id


def _accept(agency: Agency, tx: Transaction, refusal: ConsentRefusal, signed: bytes) -> None:
    package = our_request(tx, refusal.originator, refusal.request_id)
    if submission_of(agency, package).in_reply_to != refusal.package_id:
        raise NotFound(detail="the request was about another package")
    earlier = tx.get(ConsentRequestRecord.key(refusal.holder, refusal.request_id))
    if earlier is not None and known_request(agency, earlier).refusal == json.loads(signed):
        return
    record = _keep(agency, tx, refusal, signed)
    tx.log(refused_entry(agency, record, signed, refusal.originator, refusal.reason))


def _keep(agency: Agency, tx: Transaction, refusal: ConsentRefusal, signed: bytes) -> ConsentRequestRecord:
    """The request with its refusal; one that was asked in words comes on record with it."""
    key = (refusal.holder, refusal.request_id)
    record = tx.get(ConsentRequestRecord.key(*key))
    if record is None:
        record = in_words(agency, *key, refusal.originator, refusal.package_id)
        tx.add(record)
    vault = agency.vault.of(record.originator, record.package_id)
    sealed = vault.seal(json.loads(signed), "consent-refusal", *key)
    return answered(agency, tx, record, ConsentState.REFUSED, refusal_sealed=sealed)
