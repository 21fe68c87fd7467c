"""Answers to requests for consent, as a holder without a gateway collects them."""

from typing import Any

from gateway.exchange.consents.ask import MAX_LISTED, known_request
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consent_records import ConsentState
from gateway.partners import Partner

Signed = dict[str, Any]


async def consents_for(agency: Agency, peer: Partner, after: str, limit: int) -> tuple[list[Signed], str | None]:
    """Our signed consents to what this participant holds, by id above `after`, and the cursor of what follows."""
    most = min(limit, MAX_LISTED)
    found = await agency.store.read(lambda reader: reader.consents_after(after, most, peer.participant))
    vaults = [(one, agency.vault.of(one.originator, one.package_id)) for one in found if one.signed_sealed]
    signed = [vault.open(one.signed_sealed, "consent", one.consent_id) for one, vault in vaults]
    return signed, found[-1].consent_id if len(found) == most else None


async def refusals_for(agency: Agency, peer: Partner, after: str, limit: int) -> tuple[list[Signed], str | None]:
    """Our signed refusals of what this participant asked, by the id of its request above `after`."""
    most = min(limit, MAX_LISTED)
    holder, state = peer.participant, ConsentState.REFUSED
    found = await agency.store.read(
        lambda reader: reader.consent_requests_after(after, most, holder=holder, state=state)
    )
    refusals = [known_request(agency, one).refusal for one in found]
    following = found[-1].request_id if len(found) == most else None
    return [refusal for refusal in refusals if refusal is not None], following
