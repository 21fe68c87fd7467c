"""Participants: admitted by hand, rotated by signed successors, suspended and resumed. What is in force is a Directory."""

from collections.abc import Callable

from attache.errors import Conflict, NotFound
from attache.participant import Descriptor, fingerprint_of, verify_descriptor, verify_successor
from gateway.exchange.agency import Agency
from gateway.exchange.logged import SYSTEM, event
from gateway.exchange.ports import Reader, Store, Transaction
from gateway.exchange.records import ParticipantRecord
from gateway.exchange_log import EventCode
from gateway.identity.caller import Caller
from gateway.partners import Directory, ParticipantStatus, Partner


async def load_directory(store: Store) -> Directory:
    """Everybody who is admitted, each descriptor verified again."""
    records = await store.read(lambda reader: reader.find(ParticipantRecord))
    return Directory.of(_partner(record) for record in records)


async def admit(agency: Agency, caller: Caller, raw: bytes, fingerprint: str | None) -> Partner:
    """Admit a participant while the gateway runs; see `admit_descriptor`."""
    now = agency.clock()
    record = await agency.store.write(lambda tx: admit_descriptor(tx, raw, fingerprint, now, caller))
    agency.in_force.directory = await load_directory(agency.store)
    return _partner(record)


def admit_descriptor(
    tx: Transaction, raw: bytes, fingerprint: str | None, now: datetime, by: Caller | str = SYSTEM
) -> ParticipantRecord:
    """Admit a participant by its first descriptor, or accept a successor of the one on record.

    `fingerprint` is the one that two people have compared; a first descriptor is admitted only with it, a successor needs none.
    Raises what the verification raises, and Conflict("descriptor-rollback") for what does not follow the one on record.
    """
    unverified = fingerprint_of(raw)
    known = next((r for r in tx.find(ParticipantRecord) if _succeeds(raw, r)), None)
    if known is not None:
        return _rotate(tx, known, raw, now, by)
    if fingerprint is None:
        raise MalformedInput("malformed-descriptor", "a first descriptor is admitted by its fingerprint")
    descriptor = verify_descriptor(raw, fingerprint=fingerprint)
    record = ParticipantRecord(
        descriptor.participant, ParticipantStatus.ACTIVE, descriptor.serial, raw, admitted_at=now, changed_at=now
    )
    tx.add(record)
    about = {"participant": record.participant, "serial": record.serial, "fingerprint": unverified}
    tx.log(event(EventCode.PARTICIPANT_ADMITTED, now, by, partner=record.participant, record=about))
    return record


async def set_status(agency: Agency, caller: Caller, participant: str, status: ParticipantStatus) -> Partner:
    """Suspend or resume exchange with a participant, ourselves excepted. In force for the next request."""
    if participant == agency.participant:
        raise Conflict(detail="that is ourselves")
    code = EventCode.PARTICIPANT_SUSPENDED if status is ParticipantStatus.SUSPENDED else EventCode.PARTICIPANT_REINSTATED

    def unit(tx: Transaction) -> ParticipantRecord:
        record = _known(tx, participant)
        if record.status is status:
            return record
        about = {"participant": participant, "serial": record.serial}
        tx.log(event(code, agency.clock(), caller, partner=participant, record=about))
        return tx.change(record, status=status, changed_at=agency.clock())

    record = await agency.store.write(unit)
    agency.in_force.directory = await load_directory(agency.store)
    return _partner(record)


def _known(reader: Reader, participant: str) -> ParticipantRecord:
    record = reader.get(ParticipantRecord, participant)
    if record is None:
        raise NotFound("unknown-partner")
    return record


def _partner(record: ParticipantRecord) -> Partner:
    descriptor = verify_descriptor(record.descriptor, fingerprint=fingerprint_of(record.descriptor))
    return Partner(descriptor, record.status)
