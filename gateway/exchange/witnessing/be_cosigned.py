"""Our log before its witnesses: its newest checkpoint goes to each partner, and what the partner answers is kept.

A partner that has seen a larger tree than ours, or another root, means that our records are not what they were: an
alarm, which only a security officer clears.
Until then nothing is submitted to that partner again (docs/exchange-log.md, W6).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from attache.client.exchange import WitnessReply
from attache.errors import Conflict, NotFound, SignatureInvalid, UnknownKey
from attache.package.ids import ParticipantId
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.checkpoint_submission import Alarmed, CheckpointSubmission, Cosigned, Failed, Retry, decide_answer
from attache.translog.note import SignedNote, format_note, parse_note, parse_signature_lines
from attache.translog.signing import VerifiedSignature, verify_line
from attache.translog.tiles import TileHashes
from attache.translog.vkey import VerifierKey, parse_vkey
from attache.wire.witnesses import WitnessView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import SubmittedCheckpointRecord, WitnessedLogRecord, WitnessRecord
from gateway.exchange.kernel.standing import OUR_LOG_IS_IN_DOUBT, STALE, WITNESS_ROLLED_BACK
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange_log.events.witnessing import WitnessAlarm, WitnessCleared, WitnessObtained, WitnessRefused
from gateway.identity.caller import Caller
from gateway.partners import ParticipantStatus, Partner

MAX_CANDIDATES = 256
"""How many of the newest submitted checkpoints a receipt's cosignature may be over."""


class Witnessing(Protocol):
    """Our log as the submitting loop sees it. Each answer is one transaction."""

    def witnesses(self) -> Sequence[Partner]:
        """The partners that cosign our checkpoints."""
        ...

    async def size(self) -> int:
        """The size of the newest checkpoint."""
        ...

    async def begin(self, witness: Partner) -> CheckpointSubmission | None:
        """Keep the newest checkpoint as submitted to this witness; None where it has raised an alarm."""
        ...

    async def request(self, submission: CheckpointSubmission) -> bytes:
        """The body to post."""
        ...

    async def settle(
        self, witness: Partner, submission: CheckpointSubmission, reply: WitnessReply
    ) -> CheckpointSubmission | None:
        """Keep what the witness answered; what to send next, at once, or None."""
        ...

    async def note_stale(self) -> None:
        """Raise, and log once, the alarm that the newest cosignature is too old."""
        ...


class OwnLog:
    """Implements Witnessing."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency

    def witnesses(self) -> Sequence[Partner]:
        partners = self._agency.directory.partners.values()
        return [each for each in partners if each.participant != self._agency.participant and _is_witness(each)]

    async def size(self) -> int:
        return await self._agency.store.read_log(lambda log: log.size)

    async def begin(self, witness: Partner) -> CheckpointSubmission | None:
        agency = self._agency
        note = await agency.store.read_log(lambda log: log.checkpoint)
        checkpoint = parse_checkpoint_body(parse_note(note).text)

        def unit(work: Work) -> CheckpointSubmission | None:
            record = work.get(WitnessRecord.key(witness.participant))
            if record is None:
                record = WitnessRecord(witness.participant, 0)
                work.add(record)
            # exchange-log W6
            if record.alarm in OUR_LOG_IS_IN_DOUBT:
                return None
            # exchange-log W8
            if work.get(SubmittedCheckpointRecord.key(witness.participant, checkpoint.size)) is None:
                work.add(SubmittedCheckpointRecord(witness.participant, checkpoint.size, note, work.at))
            return CheckpointSubmission(checkpoint, note, record.size)

        return await agency.commit(SYSTEM, unit)

    async def request(self, submission: CheckpointSubmission) -> bytes:
        size = submission.checkpoint.size
        return await self._agency.store.read_log(lambda log: submission.request(TileHashes(size, log.read_tile)))

    async def settle(
        self, witness: Partner, submission: CheckpointSubmission, reply: WitnessReply
    ) -> CheckpointSubmission | None:
        agency, keys = self._agency, _keys(witness)
        outcome = decide_answer(submission, keys, reply.status, reply.content_type, reply.body)

        def unit(work: Work) -> None:
            record = work.get(WitnessRecord.key(witness.participant))
            if record is None:
                raise NotFound(detail="nothing was submitted to this witness")
            match outcome:
                case Cosigned():
                    _obtained(agency, work, record, submission, outcome)
                case Alarmed():
                    _alarmed(work, record, submission, outcome.alarm.value)
                case Retry() if outcome.submission.known_size < record.size:
                    _alarmed(work, record, submission, WITNESS_ROLLED_BACK)
                case Failed() if not outcome.is_temporary:
                    refused = WitnessRefused(
                        participant=record.participant,
                        origin=submission.checkpoint.origin,
                        size=submission.checkpoint.size,
                        status=reply.status,
                    )
                    work.log(refused)

        await agency.commit(SYSTEM, unit)
        await agency.reload_standing()
        return outcome.submission if isinstance(outcome, Retry) else None

    async def note_stale(self) -> None:
        agency, now = self._agency, self._agency.clock()
        if not agency.in_force.witnesses.is_stale(agency.limits.witness, now):
            return

        def unit(work: Work) -> None:
            for witness in self.witnesses():
                record = work.get(WitnessRecord.key(witness.participant))
                if record is not None and record.alarm is None:
                    work.put(record, replace(record, alarm=STALE, alarmed_at=now))
                    stale = WitnessAlarm(participant=record.participant, our_size=record.size, code=STALE)
                    work.log(stale)

        await agency.commit(SYSTEM, unit)
        await agency.reload_standing()


async def witness_records(agency: Agency) -> list[WitnessView]:
    """Every partner that our checkpoints were submitted to, by id."""
    records = await agency.store.read(lambda reader: reader.find(WitnessRecord.every()))
    suspects = agency.in_force.witnesses.suspects
    return [WitnessView.of(record, suspect=record.participant in suspects) for record in records]


async def clear_alarms(agency: Agency, caller: Caller, participant: ParticipantId, reason: str) -> None:
    """A security officer has looked: the alarms between this partner and us end, and release goes on.

    What they were about stays in the log. The next submission begins with what the witness says that it has.
    Raises NotFound for a partner that is no witness, Conflict where there is no alarm.
    """

    def unit(work: Work) -> None:
        record = work.get(WitnessRecord.key(participant))
        logs = [each for each in work.find(WitnessedLogRecord.of_participant(participant)) if each.alarm is not None]
        if record is None and not logs:
            raise NotFound
        if not logs and (record is None or record.alarm is None):
            raise Conflict(detail="there is no alarm")
        cleared = [each.alarm for each in logs]
        for each in logs:
            work.put(each, replace(each, alarm=None, evidence=None))
        if record is not None and record.alarm is not None:
            cleared.append(record.alarm)
            work.put(record, replace(record, alarm=None, alarmed_at=None))
        codes = tuple(sorted(filter(None, cleared)))
        work.log(WitnessCleared(participant=participant, codes=codes, note=reason))

    await agency.commit(caller, unit)
    await agency.reload_standing()


def cosigned_by_receipt(
    reader: Reader, partner: Partner, text: str
) -> tuple[SubmittedCheckpointRecord, VerifiedSignature]:
    """The checkpoint of ours that a receipt's cosignature is over, and the line,
    verified with the recipient's witness key.

    Raises MalformedInput, UnknownKey, SignatureInvalid (step "cosignature").
    """
    (line,) = parse_signature_lines((text.rstrip("\n") + "\n").encode(), step="cosignature")[:1]
    known = [key for key in _keys(partner) if (key.name, key.key_id) == (line.name, line.key_id)]
    if not known:
        raise UnknownKey(detail="the cosignature is not by the recipient's witness key", step="cosignature")
    for record in reader.find(SubmittedCheckpointRecord.latest(partner.participant, MAX_CANDIDATES)):
        try:
            return record, verify_line(known[0], parse_checkpoint_body(parse_note(record.note).text), line)
        except SignatureInvalid:
            continue
    # exchange-log W8
    raise SignatureInvalid(detail="a cosignature over no checkpoint that we submitted", step="cosignature")


def keep_receipts_line(agency: Agency, work: Work, record: SubmittedCheckpointRecord, line: VerifiedSignature) -> None:
    """The cosignature that came with a receipt, where the witness's own answer was lost."""
    if record.cosigned_at is None:
        work.put(
            record,
            replace(record, note=_with_lines(record.note, [line]), cosigned_at=_not_after(agency, line.signed_at or 0)),
        )


def _is_witness(partner: Partner) -> bool:
    is_reachable = partner.endpoint is not None and partner.status is ParticipantStatus.ACTIVE
    return is_reachable and partner.descriptor.stated.witness is not None


def _keys(partner: Partner) -> list[VerifierKey]:
    listed = partner.descriptor.stated.witness
    return [parse_vkey(listed)] if listed else []


def _obtained(
    agency: Agency, work: Work, record: WitnessRecord, submission: CheckpointSubmission, outcome: Cosigned
) -> None:
    checkpoint, at = submission.checkpoint, _not_after(agency, outcome.cosigned_at)
    submitted = work.get(SubmittedCheckpointRecord.key(record.participant, checkpoint.size))
    if submitted is not None:
        note = format_note(SignedNote(checkpoint.body, (*parse_note(submission.note).signatures, *outcome.lines)))
        work.put(submitted, replace(submitted, note=note, cosigned_at=at))
    work.put(
        record, replace(record, size=max(record.size, checkpoint.size), cosigned_at=at, alarm=None, alarmed_at=None)
    )
    obtained = WitnessObtained(
        participant=record.participant,
        witness=outcome.lines[0].name,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        cosigned_at=outcome.cosigned_at,
    )
    work.log(obtained, by=SYSTEM)


def _alarmed(work: Work, record: WitnessRecord, submission: CheckpointSubmission, code: str) -> None:
    work.put(record, replace(record, alarm=code, alarmed_at=work.at))
    checkpoint = submission.checkpoint
    alarm = WitnessAlarm(
        participant=record.participant,
        origin=checkpoint.origin,
        our_size=checkpoint.size,
        our_root=checkpoint.root.hex(),
        code=code,
    )
    work.log(alarm, by=SYSTEM)


def _with_lines(note: bytes, lines: Sequence[VerifiedSignature]) -> bytes:
    parsed = parse_note(note)
    return format_note(SignedNote(parsed.text, (*parsed.signatures, *(each.signature for each in lines))))


def _not_after(agency: Agency, stated: int) -> datetime:
    """When it was cosigned: as the witness says, but not later than now, or a false clock would pass for freshness."""
    now = agency.clock()
    # exchange-log W10
    return min(datetime.fromtimestamp(stated, UTC), now) if stated < now.timestamp() else now
