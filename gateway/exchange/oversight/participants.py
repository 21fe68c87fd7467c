"""Participants: admitted by hand, rotated by signed successors, suspended and resumed.
What is in force is a Directory.
"""

from collections.abc import Iterable
from dataclasses import replace

from attache.errors import Conflict, MalformedInput, NotFound
from attache.package.ids import ParticipantId
from attache.participant import Descriptor, accepted_descriptor, fingerprint_of, verify_descriptor, verify_successor
from attache.wire.participants import ParticipantView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Store
from gateway.exchange.kernel.records import ParticipantRecord
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.participants import (
    KeyRotated,
    ParticipantAdmitted,
    ParticipantReinstated,
    ParticipantRotated,
    ParticipantSuspended,
)
from gateway.identity.caller import Caller
from gateway.partners import Directory, ParticipantStatus, Partner


async def load_directory(store: Store) -> Directory:
    """Everybody who is admitted."""
    return directory_of(await store.read(lambda reader: reader.find(ParticipantRecord.every())))


def directory_of(records: Iterable[ParticipantRecord]) -> Directory:
    """The directory that these records make; raises what the verification of a descriptor raises."""
    return Directory.of(Partner(_stored(record), record.status) for record in records)


def admit_descriptor(
    work: Work,
    participant: ParticipantId,
    raw: bytes,
    fingerprint: str | None,
    *,
    own: str | None = None,
) -> ParticipantRecord:
    """Admit a participant by its first descriptor, or accept a successor of the one on record.

    `fingerprint` is the one that two people have compared: a first descriptor is admitted only with it, a successor
    needs none. `own` is our own id: a successor of our own descriptor that lists other keys is logged as the rotation
    of our keys. Raises what the verification raises,
    and Conflict("descriptor-rollback") for what does not follow the one on record.
    """
    record = work.get(ParticipantRecord.key(participant))
    if record is not None:
        return _rotate(work, record, raw, own)
    if fingerprint is None:
        raise MalformedInput("malformed-descriptor", "a first descriptor is admitted by its fingerprint")
    descriptor = verify_descriptor(raw, fingerprint=fingerprint)
    if descriptor.participant != participant:
        raise MalformedInput("malformed-descriptor", "the descriptor of another participant")
    record = ParticipantRecord(participant, ParticipantStatus.ACTIVE, descriptor.serial, raw, work.at, work.at)
    work.add(record)
    admitted = ParticipantAdmitted(participant=participant, serial=descriptor.serial, fingerprint=descriptor.sha256)
    work.log(admitted)
    return record


async def set_status(agency: Agency, caller: Caller, participant: ParticipantId, status: ParticipantStatus) -> Partner:
    """Suspend or resume exchange with a participant, ourselves excepted. In force for the next request."""
    if participant == agency.participant:
        raise Conflict(detail="that is ourselves")
    is_suspension = status is ParticipantStatus.SUSPENDED
    kind = ParticipantSuspended if is_suspension else ParticipantReinstated

    def unit(work: Work) -> None:
        record = work.get(ParticipantRecord.key(participant))
        if record is None:
            raise NotFound("unknown-partner")
        if record.status is status:
            return
        work.log(kind(participant=participant, serial=record.serial))
        # exchange-log N6: suspended or resumed; nothing removes the record
        work.put(record, replace(record, status=status, changed_at=work.at))

    await agency.commit(caller, unit)
    async with agency.in_force.reloading:
        agency.in_force.directory = await load_directory(agency.store)
    return agency.directory.partner(participant)


async def accept_successor(agency: Agency, caller: Caller, participant: ParticipantId, raw: bytes) -> Partner:
    """Accept the signed successor of a participant's descriptor. In force for the next request.

    The very descriptor that is in force changes nothing. Our own successor is for `attache-gateway init`: its keys are
    read at the start. Raises what the verification raises, NotFound("unknown-partner"), and
    Conflict("descriptor-rollback").
    """
    if participant == agency.participant:
        raise Conflict(
            detail="that is ourselves: stop the gateway, put our keys and descriptor in place,"
            " and run attache-gateway init"
        )

    def unit(work: Work) -> None:
        record = work.get(ParticipantRecord.key(participant))
        if record is None:
            raise NotFound("unknown-partner")
        _rotate(work, record, raw, agency.participant)

    await agency.commit(caller, unit)
    async with agency.in_force.reloading:
        agency.in_force.directory = await load_directory(agency.store)
    return agency.directory.partner(participant)


def _rotate(work: Work, record: ParticipantRecord, raw: bytes, own: str | None) -> ParticipantRecord:
    before = _stored(record)
    after = verify_successor(raw, before)
    if after.sha256 == before.sha256:
        return record
    rotated = ParticipantRotated(
        participant=record.participant,
        serial=after.serial,
        fingerprint=after.sha256,
        previous_sha256=before.sha256,
    )
    work.log(rotated)
    if record.participant == own and (new := _new_keys(before, after)):
        keys = KeyRotated(serial=after.serial, descriptor_sha256=after.sha256, key_ids=tuple(new))
        work.log(keys)
    return work.put(record, replace(record, serial=after.serial, descriptor=raw, changed_at=work.at))


def _new_keys(before: Descriptor, after: Descriptor) -> list[str]:
    """The ids of the keys, and the verifier keys of log and witness, that only the successor lists."""
    return sorted(_all_keys(after) - _all_keys(before))


def _all_keys(descriptor: Descriptor) -> set[str]:
    stated = descriptor.stated
    return (
        {key.key_id for key in stated.keys}
        | {key for key in (stated.log, stated.log_mldsa44, stated.witness) if key}
        | set(stated.tls)
    )


def _stored(record: ParticipantRecord) -> Descriptor:
    """The descriptor on record, which was verified when it was accepted."""
    return accepted_descriptor(record.descriptor, fingerprint=fingerprint_of(record.descriptor))


def participant_view(partner: Partner) -> ParticipantView:
    """A participant, by the descriptor in force."""
    return ParticipantView.of(partner.descriptor.stated, status=partner.status, fingerprint=partner.descriptor.sha256)
