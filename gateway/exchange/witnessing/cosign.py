"""We are a witness (C2SP tlog-witness): a partner shows us its log's newest checkpoint,
and we cosign what extends what we saw.

A witness sees sizes, roots and hashes only. What it promises is one thing: that no two of its cosignatures are over
histories that contradict each other.
"""

from dataclasses import replace

from attache.errors import NotFound
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import NoteSignature, parse_note
from attache.translog.signing import KeySigner, signer_of
from attache.translog.vkey import SignatureType, parse_vkey
from attache.translog.witness import WitnessAnswer, WitnessState, decide_add_checkpoint
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import WitnessedLogRecord
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.witnessing import WitnessAlarm, WitnessCosigned, WitnessRefused
from gateway.partners import Partner

TWO_HISTORIES = "forked"


async def add_checkpoint(agency: Agency, peer: Partner, raw: bytes) -> WitnessAnswer:
    """Answer a partner's `add-checkpoint` about its own log.

    The check of the old size, the verification and the new state are one unit, which is durable before the cosignature
    is shown. Raises NotFound where this gateway has no witness key.
    """
    signer = own_signer(agency)
    keys = peer.descriptor.log_keys
    logs = {keys[0].name: keys} if keys else {}
    now = agency.clock()

    def unit(work: Work) -> WitnessAnswer:
        known = {origin: work.get(WitnessedLogRecord.key(origin)) for origin in logs}
        states = {origin: _state(record) for origin, record in known.items() if record is not None}
        answer = decide_add_checkpoint(raw, states, logs, [signer], int(now.timestamp()))
        record = known.get(answer.origin or "")
        if answer.state is not None:
            _keep(work, peer, record, answer.state)
        elif answer.evidence is not None and record is not None:
            _raise_alarm(work, peer, record, answer)
        elif answer.finding is not None and answer.origin is not None:
            _log_refusal(work, peer, answer.origin, answer)
        return answer

    # exchange-log W2
    answer = await agency.commit(peer.participant, unit)
    if answer.evidence is not None:
        await agency.reload_standing()
    return answer


def own_signer(agency: Agency) -> KeySigner:
    """Our cosigner, under the name that our descriptor gives it; raises NotFound where we are no witness."""
    listed, key = agency.me.descriptor.stated.witness, agency.keys.witness
    if listed is None or key is None:
        raise NotFound(detail="this gateway is not a witness")
    return signer_of(parse_vkey(listed).name, SignatureType.COSIGNATURE_V1, key)


def cosignature_over(agency: Agency, reader: Reader, partner: Partner) -> NoteSignature | None:
    """Our newest line over a checkpoint of this partner's log; None where we have cosigned none."""
    keys = partner.descriptor.log_keys
    record = reader.get(WitnessedLogRecord.key(keys[0].name)) if keys else None
    if record is None:
        return None
    own = own_signer(agency).verifier_key
    return next(
        line for line in parse_note(record.note).signatures if (line.name, line.key_id) == (own.name, own.key_id)
    )


def _state(record: WitnessedLogRecord) -> WitnessState:
    return WitnessState(parse_checkpoint_body(parse_note(record.note).text), record.note)


def _keep(work: Work, peer: Partner, record: WitnessedLogRecord | None, state: WitnessState) -> None:
    checkpoint, now = state.checkpoint, work.at
    if record is None:
        work.add(WitnessedLogRecord(checkpoint.origin, peer.participant, checkpoint.size, state.note, now))
    else:
        work.put(record, replace(record, size=checkpoint.size, note=state.note, cosigned_at=now))
    cosigned = WitnessCosigned(
        participant=peer.participant, origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root.hex()
    )
    work.log(cosigned)


def _raise_alarm(work: Work, peer: Partner, record: WitnessedLogRecord, answer: WitnessAnswer) -> None:
    """The log has signed two roots of one size. The first such note is kept as evidence; every one is logged."""
    if answer.evidence is None:
        return
    ours, theirs = _state(record).checkpoint, parse_checkpoint_body(parse_note(answer.evidence).text)
    # exchange-log W5
    if record.alarm is None:
        work.put(record, replace(record, alarm=TWO_HISTORIES, evidence=answer.evidence))
    alarm = WitnessAlarm(
        participant=peer.participant,
        origin=record.origin,
        our_size=ours.size,
        their_size=theirs.size,
        our_root=ours.root.hex(),
        their_root=theirs.root.hex(),
        code=TWO_HISTORIES,
    )
    work.log(alarm)


def _log_refusal(work: Work, peer: Partner, origin: str, answer: WitnessAnswer) -> None:
    code = answer.finding.code if answer.finding else None
    work.log(WitnessRefused(participant=peer.participant, origin=origin, status=answer.status, code=code))
