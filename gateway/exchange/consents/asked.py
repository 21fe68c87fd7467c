"""A request for consent at the originator: found in a package as it is opened, kept,
and held against what went there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from attache.consent_request import MAX_REQUEST_BYTES, MEDIA_TYPE, ConsentRequest, parse_request
from attache.errors import AttacheError, MalformedInput, NotFound
from attache.package import VerifiedPackage
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Kind
from gateway.exchange.consents.ask import request_record
from gateway.exchange.consents.entries import asked_event, rejected_event
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import facts_of
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord, PackageRecord, ReleaseRecord
from gateway.exchange.kernel.state import ArrivalState
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import Work
from gateway.exchange.outgoing.released_parts import released_parts, sealed_part_of


@dataclass(frozen=True)
class _Noted:
    """What the first opening of a request is to leave: the request that it states, or why what it states is none."""

    raw: bytes
    asked: ConsentRequest | AttacheError


def note_request(
    agency: Agency, reader: Reader, arrival: ArrivalRecord, package: VerifiedPackage
) -> Callable[[Work], None]:
    """What keeps the request for consent that an arrived package holds, and logs it. Blocking: reads a small blob."""
    noted = _noted_in(agency, arrival, package, reader)
    return lambda work: _keep_noted(agency, work, arrival, noted)


def _noted_in(agency: Agency, arrival: ArrivalRecord, package: VerifiedPackage, reader: Reader) -> _Noted | None:
    """The request for consent that an arrived package holds; None where it holds none. Blocking: reads a small blob."""
    manifest = package.manifest
    numbers = [n for n, part in enumerate(manifest.parts) if part.media_type == MEDIA_TYPE]
    if arrival.state is ArrivalState.OPENED or manifest.kind is not Kind.REQUEST or not numbers:
        return None
    raw = b""
    try:
        if len(numbers) > 1 or manifest.parts[numbers[0]].bytes > MAX_REQUEST_BYTES:
            raise MalformedInput("malformed-consent", "more than one request, or a longer one than any is")
        stored = reader.get(ArrivalPartRecord.key(arrival.originator, arrival.package_id, numbers[0]))
        if stored is None:
            raise NotFound(detail="the part is gone")
        raw = b"".join(package.open_part(numbers[0], agency.blobs.chunks(stored.blob_id)))
        asked = parse_request(raw)
        _require_ours(agency, reader, asked, arrival.originator, manifest.in_reply_to or "")
    except AttacheError as error:
        return _Noted(raw, error)
    return _Noted(raw, asked)


def _keep_noted(agency: Agency, work: Work, arrival: ArrivalRecord, noted: _Noted | None) -> None:
    """Keep the request as asked, and log it; what is none is logged as rejected."""
    if noted is None:
        return
    if isinstance(noted.asked, AttacheError):
        work.log(rejected_event(arrival.originator, noted.raw, noted.asked), by=arrival.originator)
        return
    record = request_record(agency, noted.asked, arrival.package_id, "")
    work.add(record)
    work.log(asked_event(agency, record, noted.asked.reason, noted.asked.purpose), by=arrival.originator)


def opened_request(
    agency: Agency, reader: Reader, holder: ParticipantId, request_id: PackageId
) -> tuple[ReleaseRecord, Mapping[str, Any]]:
    """The release of ours that an opened request of this holder's is about, and the request's own facts.

    Raises NotFound where it was not opened here, is no request, or asks about nothing that went to the holder.
    """
    arrival = reader.get(ArrivalRecord.key(holder, request_id))
    if arrival is None or arrival.state is not ArrivalState.OPENED:
        raise NotFound(detail="no such request was opened here")
    facts: Mapping[str, Any] = facts_of(agency, arrival)
    release = reader.get(ReleaseRecord.key(PackageId(facts["in_reply_to"] or ""), holder))
    if facts["kind"] != Kind.REQUEST or release is None or release.manifest_sha256 is None:
        raise NotFound(detail="it does not ask about a package of ours that went to this participant")
    return release, facts


def released_part_sha256(agency: Agency, reader: Reader, release: ReleaseRecord, name: str) -> str:
    """The SHA-256 of a part that went to this recipient; raises NotFound."""
    package = reader.get(PackageRecord.key(release.package_id))
    if package is None:
        raise NotFound
    declared = submission_of(agency, package).parts
    for part in released_parts(reader, release):
        if declared[part.number].name == name:
            return sealed_part_of(agency, part).sha256
    raise NotFound(detail="no such part went to this participant")


def _require_ours(
    agency: Agency, reader: Reader, asked: ConsentRequest, holder: ParticipantId, in_reply_to: str
) -> None:
    """It is this holder's, to us, about content of ours that went to it under that name."""
    # protocol G2
    if (asked.originator, asked.holder) != (agency.participant, holder):
        raise MalformedInput("malformed-consent", "a request of another holder, or to another originator")
    release = reader.get(ReleaseRecord.key(asked.package_id, holder))
    # protocol G2
    if asked.package_id != in_reply_to or release is None or release.manifest_sha256 is None:
        raise NotFound(detail="it does not ask about a package of ours that went to this participant")
    # protocol G2
    if released_part_sha256(agency, reader, release, asked.part) != asked.content_sha256:
        raise NotFound(detail="the part of that name has other content")
