"""Answers to requests for consent, as a holder without a gateway collects them."""

import json
from typing import Any

from gateway.exchange.consents.ask import known_request
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ConsentRecord, ConsentRequestRecord
from gateway.exchange.kernel.sealed import CONSENT
from gateway.exchange.kernel.state import ConsentState
from gateway.partners import Partner

Signed = dict[str, Any]


async def consents_for(agency: Agency, peer: Partner, after: str, limit: int) -> Page[Signed]:
    """Our signed consents to what this participant holds, by id above `after`."""

    def query(reader: Reader, size: int) -> list[ConsentRecord]:
        # protocol G9
        return reader.find(ConsentRecord.by_id(after, size, peer.participant))

    def signed(record: ConsentRecord) -> Signed:
        statement: Signed = json.loads(agency.open(CONSENT, record))
        return statement

    page = await read_page(agency, limit, query, lambda record: record.consent_id)
    return page.where(lambda record: record.signed_sealed).map(signed)


async def refusals_for(agency: Agency, peer: Partner, after: str, limit: int) -> Page[Signed]:
    """Our signed refusals of what this participant asked, by the id of its request above `after`."""

    def query(reader: Reader, size: int) -> list[ConsentRequestRecord]:
        # protocol G9
        return reader.find(ConsentRequestRecord.by_id(after, size, holder=peer.participant, state=ConsentState.REFUSED))

    page = await read_page(agency, limit, query, lambda record: record.request_id)
    kept = page.where(lambda record: record.refusal_sealed)
    return kept.map(lambda record: known_request(agency, record).refusal or {})
