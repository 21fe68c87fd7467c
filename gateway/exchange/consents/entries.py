"""What the exchange log says of consents: asked, given, refused, and what was rejected because it proves nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attache.consent import Consent
from attache.crypto import sha256_hex
from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from attache.vocabulary import Purpose
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import entry
from gateway.exchange.kernel.records import ConsentRequestRecord
from gateway.exchange_log import Entry
from gateway.exchange_log.events.base import ExchangeIds, exchange_ids
from gateway.exchange_log.events.consents import ConsentAsked, ConsentGiven, ConsentRefused, ConsentRejected
from gateway.identity.caller import Caller

STEP = "consent"


def asked_entry(agency: Agency, request: ConsentRequestRecord, by: Caller | str, note: str, purpose: Purpose) -> Entry:
    """`note`: the reason that the holder states."""
    asked = ConsentAsked(
        about=_about(agency, request),
        third=request.recipient,
        asked_by_package=request.request_id,
        note=note,
        purpose=purpose,
    )
    return entry(asked, at=agency.clock(), by=by)


def given_entry(agency: Agency, consent: Consent, signed: bytes, by: Caller | str, note: str | None = None) -> Entry:
    """The package is the one in which the originator gave the content; `third` is to whom it may be passed on."""
    given = ConsentGiven(
        about=exchange_ids(
            agency.participant,
            package_id=consent.package_id,
            originator=consent.originator,
            recipient=consent.holder,
        ),
        third=consent.recipient,
        asked_by_package=consent.request_id,
        consent_id=consent.consent_id,
        consent_sha256=sha256_hex(signed),
        until=consent.expires_at,
        note=note,
        purpose=consent.purpose,
    )
    return entry(given, at=agency.clock(), by=by)


def refused_entry(agency: Agency, request: ConsentRequestRecord, signed: bytes, by: Caller | str, note: str) -> Entry:
    """The originator's signed answer, by its digest."""
    refused = ConsentRefused(
        about=_about(agency, request),
        third=request.recipient,
        asked_by_package=request.request_id,
        refusal_sha256=sha256_hex(signed),
        note=note,
    )
    return entry(refused, at=agency.clock(), by=by)


@asynccontextmanager
async def rejection_logged(agency: Agency, participant: ParticipantId, statement: bytes) -> AsyncIterator[None]:
    """What a partner brought and what does not verify, or fits nothing, leaves an entry with its code and nothing else."""
    try:
        yield
    except AttacheError as error:
        rejected = rejected_entry(agency, participant, statement, error)
        await agency.store.write(lambda tx: tx.log(rejected))
        raise


def rejected_entry(agency: Agency, participant: ParticipantId, statement: bytes, error: AttacheError) -> Entry:
    """The code, and the digest of what was brought."""
    rejected = ConsentRejected(
        participant=participant,
        statement_sha256=sha256_hex(statement),
        code=error.code,
        step=error.step or STEP,
    )
    return entry(rejected, at=agency.clock(), by=participant)


def _about(agency: Agency, request: ConsentRequestRecord) -> ExchangeIds:
    return exchange_ids(
        agency.participant,
        package_id=request.package_id,
        originator=request.originator,
        recipient=request.holder,
    )
