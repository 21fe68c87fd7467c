"""Consent: asked for with a package of kind `request`, granted by an officer at the originator, and sent to the holder.

Either side keeps the signed consent as evidence. The holder's policy is told of it as a fact, and decides.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from attache.consent import Consent, sign_consent, verify_consent
from attache.errors import Conflict, Gone, MalformedInput, NotAuthentic, NotFound, Stale
from attache.package import instant_text, uuid7
from attache.strict_json import canonical
from attache.vocabulary import Kind, Purpose
from gateway.exchange.agency import Agency
from gateway.exchange.deliver import released_parts
from gateway.exchange.logged import event
from gateway.exchange.officers import officers_posts
from gateway.exchange.ports import Reader, Transaction
from gateway.exchange.provenance import content_id, facts_of
from gateway.exchange.records import (
    ArrivalPartRecord,
    ArrivalRecord,
    ConsentRecord,
    OutboxKind,
    PackageRecord,
    ReleaseRecord,
)
from gateway.exchange.release import outbox_row
from gateway.exchange.state import ArrivalState
from gateway.exchange.submit import submission_of
from gateway.exchange_log import Event, EventCode
from gateway.identity.caller import Caller
from gateway.partners import Partner

LONGEST_TERM = timedelta(days=366)
MAX_LISTED = 200


@dataclass(frozen=True)
class Grant:
    """What an officer consents to: the holder that asked, its request, and the part of ours that it may pass on."""

    holder: str
    request_id: str
    part: str
    recipient: str
    purpose: Purpose
    expires_at: datetime
    note: str


async def grant_consent(agency: Agency, caller: Caller, grant: Grant) -> ConsentRecord:
    """Sign a consent and send it to the holder.

    The request must have been opened here and be a reply to a package of ours that was released to the holder with that
    part, and the caller an approver of the holder's post. Raises NotFound otherwise, and MalformedInput for a term that
    is over or longer than 366 days.
    """
    now = agency.clock()
    if not now < grant.expires_at <= now + LONGEST_TERM:
        raise MalformedInput(detail="expires_at: is in the past, or more than 366 days ahead")
    if grant.recipient in {agency.participant, grant.holder}:
        raise MalformedInput(detail="recipient: is not a third participant")
    package_id, sha256 = await agency.store.read(lambda reader: _asked_for(agency, reader, caller, grant))
    consent = Consent(
        consent_id=uuid7(now, agency.random),
        originator=agency.participant,
        holder=grant.holder,
        recipient=grant.recipient,
        purpose=grant.purpose,
        content_sha256=sha256,
        package_id=package_id,
        request_id=grant.request_id,
        at=now,
        expires_at=grant.expires_at,
    )
    signed = await asyncio.to_thread(sign_consent, consent, agency.keys)
    record = _record(agency, consent, signed, package_id)

    def unit(tx: Transaction) -> ConsentRecord:
        tx.add(record)
        if agency.directory.active(grant.holder).endpoint is not None:
            subject = consent.consent_id
            row = outbox_row(agency, OutboxKind.CONSENT, grant.holder, agency.participant, package_id, now, subject)
            tx.add(row)
        tx.log(_entry(agency, consent, grant.holder, caller, {"note": grant.note, "purpose": grant.purpose.value}))
        return record

    return await agency.store.write(unit)


async def accept_consent(agency: Agency, peer: Partner, signed: bytes) -> None:
    """Verify and store a consent that its originator brings. The same one again changes nothing.

    Raises MalformedInput("malformed-consent"), NotAuthentic, Stale for one that has expired, NotFound where no such content
    came from this originator, and Conflict where its id stands for another.
    """
    consent = await asyncio.to_thread(verify_consent, signed, peer.descriptor, revoked=agency.revoked)
    if consent.holder != agency.participant:
        raise NotAuthentic("not-a-recipient", "a consent for another holder")
    if consent.expires_at <= agency.clock():
        raise Stale(detail="the consent has expired")
    content = content_id(agency, consent.content_sha256)

    def unit(tx: Transaction) -> None:
        if earlier := tx.get(ConsentRecord, consent.consent_id):
            if json.loads(signed_consent(agency, earlier)) != json.loads(signed):
                raise Conflict(detail="a consent of this id is stored already, and is another")
            return
        came = tx.find(ArrivalPartRecord, content=content, originator=peer.participant)
        if not came:
            raise NotFound(detail="no such content came from this participant")
        packages = [part.package_id for part in came]
        package_id = consent.package_id if consent.package_id in packages else packages[0]
        tx.add(_record(agency, consent, signed, package_id))
        tx.log(_entry(agency, consent, consent.originator, consent.originator, {"purpose": consent.purpose.value}))

    await agency.store.write(unit)


def signed_consent(agency: Agency, record: ConsentRecord) -> bytes:
    """The consent as it was signed, byte for byte: canonical JSON."""
    vault = agency.vault.of(record.originator, record.package_id)
    return canonical(vault.open(record.signed_sealed, "consent", record.consent_id))


async def list_consents(agency: Agency, after: str, limit: int) -> list[tuple[ConsentRecord, dict[str, Any] | None]]:
    """Consents given and received, by id, those with an id above `after`, each with its signed statement unless it is purged."""
    found = await agency.store.read(lambda reader: reader.consents_after(after, min(limit, MAX_LISTED)))
    return [(record, _statement(agency, record)) for record in found]


def _statement(agency: Agency, record: ConsentRecord) -> dict[str, Any] | None:
    try:
        signed: dict[str, Any] = json.loads(signed_consent(agency, record))
    except Gone:
        return None
    return signed


def _asked_for(agency: Agency, reader: Reader, caller: Caller, grant: Grant) -> tuple[str, str]:
    """The package of ours that the request is about, and the SHA-256 of the part."""
    arrival = reader.get(ArrivalRecord, grant.holder, grant.request_id)
    if arrival is None or arrival.state is not ArrivalState.OPENED:
        raise NotFound(detail="no such request was opened here")
    facts = facts_of(agency, arrival)
    package_id = facts["in_reply_to"] or ""
    life, package = reader.get(ReleaseRecord, package_id, grant.holder), reader.get(PackageRecord, package_id)
    if facts["kind"] != Kind.REQUEST or life is None or life.manifest_sha256 is None or package is None:
        raise NotFound(detail="it does not ask about a package of ours that went to this participant")
    if life.post not in officers_posts(agency, reader, caller):
        raise NotFound(detail="no such request was opened here")
    declared = submission_of(agency, package).parts
    for part in released_parts(reader, life):
        if declared[part.number].name == grant.part:
            return package_id, agency.vault_of(package_id).open_part(part.sealed_part_sealed, part.number).sha256
    raise NotFound(detail="no such part went to this participant")


def _record(agency: Agency, consent: Consent, signed: bytes, package_id: str) -> ConsentRecord:
    """`package_id`: the originator's package that it goes with, and is purged with."""
    vault = agency.vault.of(consent.originator, package_id)
    return ConsentRecord(
        consent_id=consent.consent_id,
        originator=consent.originator,
        holder=consent.holder,
        recipient=consent.recipient,
        content=content_id(agency, consent.content_sha256),
        at=consent.at,
        expires_at=consent.expires_at,
        signed_sealed=vault.seal(json.loads(signed), "consent", consent.consent_id),
        package_id=package_id,
    )


def _entry(agency: Agency, consent: Consent, partner: str, by: Caller | str, reason: dict[str, str]) -> Event:
    record = {
        "package_id": consent.package_id,
        "originator": consent.originator,
        "recipient": consent.recipient,
        "consent_id": consent.consent_id,
        "until": instant_text(consent.expires_at),
    }
    now = agency.clock()
    return event(
        EventCode.CONSENT_GIVEN, now, by, package=consent.package_id, partner=partner, record=record, reason=reason
    )
