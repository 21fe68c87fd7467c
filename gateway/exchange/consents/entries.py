"""What the exchange log says of consents: asked, given, refused, and what was rejected because it proves nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attache.consent import Consent
from attache.crypto import sha256_hex
from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from attache.vocabulary import Purpose
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import ConsentRequestRecord
from gateway.exchange_log.events.base import ExchangeIds, exchange_ids
from gateway.exchange_log.events.consents import ConsentAsked, ConsentGiven, ConsentRefused, ConsentRejected

STEP = "consent"


def asked_event(agency: Agency, request: ConsentRequestRecord, note: str, purpose: Purpose) -> ConsentAsked:
    """`note`: the reason that the holder states."""
    return ConsentAsked(
        about=_about(agency, request),
        third=request.recipient,
        asked_by_package=request.request_id,
        note=note,
        purpose=purpose,
    )


def given_event(agency: Agency, consent: Consent, signed: bytes, note: str | None = None) -> ConsentGiven:
    """The package is the one in which the originator gave the content; `third` is to whom it may be passed on."""
    return ConsentGiven(
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


def refused_event(agency: Agency, request: ConsentRequestRecord, signed: bytes, note: str) -> ConsentRefused:
    """The originator's signed answer, by its digest."""
    return ConsentRefused(
        about=_about(agency, request),
        third=request.recipient,
        asked_by_package=request.request_id,
        refusal_sha256=sha256_hex(signed),
        note=note,
    )


@asynccontextmanager
async def rejection_logged(agency: Agency, participant: ParticipantId, statement: bytes) -> AsyncIterator[None]:
    """What a partner brought and what does not verify, or fits nothing,
    leaves an entry with its code and nothing else.
    """
    try:
        yield
    except AttacheError as error:
        rejected = rejected_event(participant, statement, error)
        await agency.commit(participant, lambda work: work.log(rejected))
        raise


def rejected_event(participant: ParticipantId, statement: bytes, error: AttacheError) -> ConsentRejected:
    """The code, and the digest of what was brought."""
    return ConsentRejected(
        participant=participant,
        statement_sha256=sha256_hex(statement),
        code=error.code,
        step=error.step or STEP,
    )


def _about(agency: Agency, request: ConsentRequestRecord) -> ExchangeIds:
    return exchange_ids(
        agency.participant,
        package_id=request.package_id,
        originator=request.originator,
        recipient=request.holder,
    )
