"""The consents that a decision relied on: from its record to what their originators signed."""

from collections.abc import Mapping
from typing import Any

from attache import strict_json
from attache.consent import CONSENT, Consent, parse_consent_payload
from attache.package.ids import PackageId
from attache.package.jws import parse_statement
from gateway.exchange.kernel import sealed
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ConsentRecord
from gateway.exchange_log.leaf import Opening


def relied_on(agency: Agency, reader: Reader, record: bytes) -> dict[str, tuple[bytes, PackageId]]:
    """By id, each signed consent that covers a part of what was decided,
    and the package in which that part had come.
    """
    request = strict_json.parse_object(record)["request"]
    came = {(part["sha256"], part["origin"]) for part in request["parts"]}
    found = {}
    for facts in request["consents"]:
        covers = (facts["recipient"], facts["purpose"]) == (request["recipient"], request["purpose"])
        kept = reader.get(ConsentRecord.key(facts["consent_id"])) if covers else None
        if kept is not None and kept.signed_sealed and (facts["content"], facts["originator"]) in came:
            signed = agency.open(sealed.CONSENT, kept)
            found[kept.consent_id] = (signed, stated_consent(signed).package_id)
    return found


def stated_consent(signed: bytes) -> Consent:
    """What signed bytes state. They were verified before they were stored; this proves nothing."""
    statement = parse_statement(signed, CONSENT)
    return parse_consent_payload(statement.pinned_payload(statement.payload_sha256))


def opened(opening: Opening) -> Mapping[str, Any]:
    """The fields of a group, of an entry of our own."""
    return strict_json.parse_object(opening.payload)
