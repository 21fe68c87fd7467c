"""What the exchange log says of consents: asked, given, refused, and what was rejected because it proves nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attache.consent import Consent
from attache.crypto import sha256_hex
from attache.errors import AttacheError
from attache.package import instant_text
from attache.package.ids import ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consent_records import ConsentRequestRecord
from gateway.exchange.kernel.logged import event
from gateway.exchange_log import Event, EventCode
from gateway.identity.caller import Caller

STEP = "consent"


def asked_entry(agency: Agency, request: ConsentRequestRecord, by: Caller | str, words: dict[str, str]) -> Event:
    """`words`: the reason (`note`) and the purpose."""
    return _entry(agency, EventCode.CONSENT_ASKED, request, by, words)


def given_entry(agency: Agency, consent: Consent, signed: bytes, by: Caller | str, words: dict[str, str]) -> Event:
    """The package is the one in which the originator gave the content; `third` is to whom it may be passed on."""
    record = {
        "package_id": consent.package_id,
        "originator": consent.originator,
        "recipient": consent.holder,
        "third": consent.recipient,
        "request_id": consent.request_id,
        "consent_id": consent.consent_id,
        "consent_sha256": sha256_hex(signed),
        "until": instant_text(consent.expires_at),
    }
    partner = consent.holder if consent.originator == agency.participant else consent.originator
    code = EventCode.CONSENT_GIVEN
    return event(code, agency.clock(), by, package=consent.package_id, partner=partner, record=record, reason=words)


def refused_entry(agency: Agency, request: ConsentRequestRecord, signed: bytes, by: Caller | str, note: str) -> Event:
    """The originator's signed answer, by its digest."""
    return _entry(agency, EventCode.CONSENT_REFUSED, request, by, {"note": note}, refusal_sha256=sha256_hex(signed))


@asynccontextmanager
async def rejection_logged(agency: Agency, participant: ParticipantId, statement: bytes) -> AsyncIterator[None]:
    """What a partner brought and what does not verify, or fits nothing, leaves an entry with its code and nothing else."""
    try:
        yield
    except AttacheError as error:
        entry = rejected_entry(agency, participant, statement, error)
        await agency.store.write(lambda tx: tx.log(entry))
        raise


def rejected_entry(agency: Agency, participant: ParticipantId, statement: bytes, error: AttacheError) -> Event:
    """The code, and the digest of what was brought."""
    record = {
        "participant": participant,
        "statement_sha256": sha256_hex(statement),
        "code": error.code,
        "step": error.step or STEP,
    }
    return event(EventCode.CONSENT_REJECTED, agency.clock(), participant, partner=participant, record=record)


def _entry(
    agency: Agency,
    code: EventCode,
    request: ConsentRequestRecord,
    by: Caller | str,
    reason: dict[str, str],
    **more: str,
) -> Event:
    record = {
        "package_id": request.package_id,
        "originator": request.originator,
        "recipient": request.holder,
        "third": request.recipient,
        "request_id": request.request_id,
        **more,
    }
    partner = request.holder if request.originator == agency.participant else request.originator
    return event(code, agency.clock(), by, package=request.package_id, partner=partner, record=record, reason=reason)
