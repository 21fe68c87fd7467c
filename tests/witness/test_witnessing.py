"""Two gateways witness each other: one that is honest, and one that lies, rolls back, forges a line, or is away."""

import asyncio
import json
import shutil
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from attache.receipt import ReceiptKind, parse_receipt_payload, sign_receipt
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.signing import open_checkpoint, sign_checkpoint, signer_of
from attache.translog.vkey import SignatureType, parse_vkey
from attache.translog.witness import AddCheckpoint, format_add_checkpoint, parse_add_checkpoint
from gateway.background import background
from gateway.exchange.kernel.records import (
    OutboxRecord,
    ReceiptRecord,
    SubmittedCheckpointRecord,
    WitnessedLogRecord,
    WitnessRecord,
)
from tests.exchange_place import problem
from tests.witness.pair import Hands, open_pair

SIZE = "text/x.tlog.size"
TEXT = "text/plain; charset=utf-8"
ADD = "/add-checkpoint"


def scenario(place, story, **more):
    async def run():
        async with open_pair(place, **more) as pair:
            return await story(pair)

    return asyncio.run(run())


def signer_for(place, participant, use="log"):
    made = place.made[participant]
    kind = SignatureType.ED25519 if use == "log" else SignatureType.COSIGNATURE_V1
    name = parse_vkey(getattr(made.descriptor.stated, use)).name
    return signer_of(name, kind, getattr(made.keys, use))


def log_signers(place, participant):
    """Both signers of a participant's log."""
    made = place.made[participant]
    second = signer_of(made.descriptor.log_keys[1].name, SignatureType.MLDSA44, made.keys.log_mldsa44)
    return [signer_for(place, participant), second]


def codes_since(entries, before):
    """What was logged since, but for the bookkeeping of submissions."""
    return [code for code in entries[len(before) :] if code != "records.changed"]


def test_a_checkpoint_is_cosigned_kept_on_both_sides_and_logged_on_both(place):
    async def story(pair):
        ours, theirs = await pair.ours.entries(), await pair.theirs.entries()
        await pair.submit()
        assert codes_since(await pair.ours.entries(), ours) == ["witness.obtained"]
        assert codes_since(await pair.theirs.entries(), theirs) == ["witness.cosigned"]
        [submitted] = await pair.records(SubmittedCheckpointRecord)
        [witness] = await pair.records(WitnessRecord)
        [log] = await pair.records(WitnessedLogRecord, pair.theirs)
        stated = pair.partner.descriptor.stated
        keys = [parse_vkey(pair.ours.agency.me.descriptor.stated.log), parse_vkey(stated.witness)]
        opened = open_checkpoint(submitted.note, keys)
        assert [each.key for each in opened.verified] == keys
        assert opened.checkpoint.size == submitted.size == witness.size == log.size == len(ours)
        assert open_checkpoint(log.note, keys).verified == opened.verified
        assert (witness.alarm, log.alarm) == (None, None)
        assert witness.cosigned_at == submitted.cosigned_at is not None

    scenario(place, story)


def test_the_next_one_comes_with_the_proof_that_it_extends_the_last(place):
    async def story(pair):
        await pair.submit()
        await pair.submit()
        requests = [parse_add_checkpoint(body) for body in pair.line.submissions()]
        sizes = [parse_checkpoint_body(parse_note(r.note).text).size for r in requests]
        assert [r.old_size for r in requests] == [0, sizes[0]]
        assert sizes[1] > sizes[0]
        assert requests[1].proof
        [log] = await pair.records(WitnessedLogRecord, pair.theirs)
        assert log.size == sizes[1]

    scenario(place, story)


def test_a_witness_that_knows_more_of_us_than_we_remember_tells_its_size(place):
    """The answer to the first was lost: the second starts from what the witness says, and is cosigned."""

    async def story(pair):
        pair.line.after[ADD] = httpx.ReadError
        await pair.submit()
        [witness] = await pair.records(WitnessRecord)
        assert (witness.size, witness.cosigned_at) == (0, None)
        del pair.line.after[ADD]
        await pair.ours.agency.store.write(lambda tx: tx.log(_noise(pair)))
        await pair.submit()
        olds = [parse_add_checkpoint(body).old_size for body in pair.line.submissions()]
        [witness] = await pair.records(WitnessRecord)
        assert olds == [0, 0, olds[2]]
        assert 0 < olds[2] < witness.size
        assert witness.alarm is None

    scenario(place, story)


def _noise(pair):
    from gateway.exchange.kernel.work import SYSTEM, entry
    from gateway.exchange_log.events.gateway import BackupTaken

    return entry(BackupTaken(size=1, root="00" * 32), pair.ours.agency.clock(), SYSTEM, None)


def test_a_delivered_receipt_cosigns_the_senders_log_with_the_release_in_it(place):
    async def story(pair):
        analyst = await pair.ours.caller("analyst")
        package_id = await pair.ours.released(analyst)
        released = (await pair.ours.entries()).index("package.released")
        await pair.deliver(package_id)
        assert [path for path, _ in pair.line.seen] == [ADD, "/packages"]
        [stored] = await pair.records(ReceiptRecord)
        receipt = _payload(stored.signed)
        assert receipt.receipt is ReceiptKind.DELIVERED
        [submitted] = [s for s in await pair.records(SubmittedCheckpointRecord) if s.size > released][:1]
        assert receipt.cosignature + "\n" in submitted.note.decode()
        return pair.partner

    scenario(place, story)


def _payload(signed):
    from attache.crypto import parse_b64u

    return parse_receipt_payload(parse_b64u(json.loads(signed)["payload"]))


def test_a_cosignature_whose_own_answer_was_lost_comes_with_the_receipt(place):
    async def story(pair):
        pair.line.after[ADD] = httpx.ReadError
        package_id = await pair.ours.released(await pair.ours.caller("analyst"))
        await pair.deliver(package_id)
        [submitted] = await pair.records(SubmittedCheckpointRecord)
        assert submitted.cosigned_at is not None
        key = parse_vkey(pair.partner.descriptor.stated.witness)
        assert open_checkpoint(submitted.note, [key]).is_signed_by(key)

    scenario(place, story)


FORGED = {
    "over another checkpoint": lambda place, c: signer_for(place, "partner-frankfurt", "witness").sign(
        replace(c, root=bytes(32)), 1_800_000_000
    ),
    "over another log": lambda place, c: signer_for(place, "partner-frankfurt", "witness").sign(
        replace(c, origin="elsewhere.example/log"), 1_800_000_000
    ),
    "by another witness": lambda place, c: signer_for(place, "europol", "witness").sign(c, 1_800_000_000),
    "by our own key under its name": lambda place, c: signer_of(
        parse_vkey(place.made["partner-frankfurt"].descriptor.stated.witness).name,
        SignatureType.COSIGNATURE_V1,
        place.made["irs-ci"].keys.witness,
    ).sign(c, 1_800_000_000),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_receipt_with_a_forged_cosignature_is_not_believed(place, forgery):
    async def story(pair):
        package_id = await pair.ours.released(await pair.ours.caller("analyst"))

        def answer(request):
            return 200, "application/jose+json", pair.forged

        made = place.made["partner-frankfurt"]
        await pair.submit()
        [submitted] = await pair.records(SubmittedCheckpointRecord)
        checkpoint = parse_checkpoint_body(parse_note(submitted.note).text)
        good = await _receipt_of(pair, package_id)
        line = FORGED[forgery](place, checkpoint).line.rstrip("\n")
        pair.forged = sign_receipt(good.model_copy(update={"cosignature": line}), made.keys)
        peer = await pair.ours.peer("partner-frankfurt")
        before = await pair.ours.footprint()
        refused = await peer.post("/receipts", content=pair.forged, headers={"Content-Type": "application/jose+json"})
        assert problem(refused) in {"signature-invalid", "unknown-key"}
        assert refused.json()["step"] == "cosignature"
        assert await pair.ours.footprint() == before
        pair.forged = sign_receipt(good, made.keys)
        taken = await peer.post("/receipts", content=pair.forged, headers={"Content-Type": "application/jose+json"})
        assert taken.status_code == 204

    scenario(place, story)


async def _receipt_of(pair, package_id):
    """What the partner would sign, without our having stored it."""
    from attache.package import parse_frame

    frame, parts = await pair.ours.sealed(package_id, "partner-frankfurt")
    client = await pair.theirs.peer("irs-ci")
    answer = await client.post(
        "/packages", content=frame + b"".join(parts), headers={"Content-Type": "application/vnd.attache.package"}
    )
    assert answer.status_code == 200, answer.text
    assert parse_frame(frame)
    return _payload(answer.content)


# A partner that lies


ALARMS = {
    "it has seen more of our log than there is": ((409, SIZE, b"999999\n"), "rolled-back"),
    "it holds another root": ((422, TEXT, b"no\n"), "forked"),
    "a conflict without a size": ((409, TEXT, b"conflict\n"), "forked"),
}


@pytest.mark.parametrize("lie", ALARMS)
def test_another_history_of_our_log_is_an_alarm_and_nothing_leaves_until_it_is_cleared(place, lie):
    answer, code = ALARMS[lie]

    async def story(pair):
        analyst, officer = await pair.ours.caller("analyst"), await pair.ours.caller("security-officer")
        package_id = await pair.ours.released(analyst)
        pair.line.answers[ADD] = answer
        before = await pair.ours.entries()
        await pair.ours.gateway.submitter.submit_to_all()
        assert codes_since(await pair.ours.entries(), before) == ["witness.alarm"]
        [witness] = await pair.records(WitnessRecord)
        assert witness.alarm == code
        ready = await (await pair.ours.client(pair.ours.gateway.agency_api, "", {})).get("/readyz")
        assert (ready.status_code, ready.json()["failed"]) == (503, ["witness"])

        refused = await pair.ours.submit(analyst)
        assert problem(refused) == "release-stopped"
        sealed = await analyst.get(f"/packages/{package_id}/sealed/partner-frankfurt")
        assert problem(sealed) == "release-stopped"
        from gateway.exchange.delivering.outbox import Outbox

        assert await Outbox(pair.ours.agency).claim(10, frozenset()) == []
        sent = len(pair.line.seen)
        await pair.submit()
        assert len(pair.line.seen) == sent, "it is never shown a checkpoint again"

        shown = (await officer.get("/witnesses")).json()["witnesses"]
        assert [(each["participant"], each["alarm"]) for each in shown] == [("partner-frankfurt", code)]
        cleared = await officer.post("/witnesses/partner-frankfurt/clear", json={"reason": "the partner was mistaken"})
        assert cleared.status_code == 204, cleared.text
        assert (await pair.ours.entries())[-1] != "witness.alarm"
        assert "witness.cleared" in await pair.ours.entries()
        assert problem(await officer.post("/witnesses/partner-frankfurt/clear", json={"reason": "again"})) == "conflict"
        pair.line.answers.clear()
        assert await pair.deliver(package_id) == "delivered"

    scenario(place, story)


def test_with_the_setting_off_an_alarm_is_shown_and_stops_nothing(place):
    async def story(pair):
        pair.line.answers[ADD] = (409, SIZE, b"999999\n")
        await pair.submit()
        assert (await pair.ours.submit(await pair.ours.caller("analyst"))).status_code == 202
        ready = await (await pair.ours.client(pair.ours.gateway.agency_api, "", {})).get("/readyz")
        assert ready.status_code == 503

    scenario(place, story, witness_alarm_stops_release=False)


def test_an_alarm_outlives_a_restart(place):
    async def story(pair):
        pair.line.answers[ADD] = (422, TEXT, b"no\n")
        await pair.submit()

    scenario(place, story)

    async def again():
        async with place.open() as ours:
            return problem(await ours.submit(await ours.caller("analyst")))

    assert asyncio.run(again()) == "release-stopped"


def test_a_forged_line_is_dropped_and_the_next_one_counts(place):
    async def story(pair):
        def forged(request):
            note = parse_add_checkpoint(request.content).note
            checkpoint = parse_checkpoint_body(parse_note(note).text)
            line = FORGED["by our own key under its name"](place, checkpoint).line
            real = signer_for(place, "partner-frankfurt", "witness").sign(replace(checkpoint, root=bytes(32)), 5).line
            return 200, TEXT, (line + real).encode()

        pair.line.answers[ADD] = forged
        before = await pair.ours.entries()
        await pair.submit()
        assert codes_since(await pair.ours.entries(), before) == ["witness.refused"]
        [witness] = await pair.records(WitnessRecord)
        assert (witness.size, witness.cosigned_at) == (0, None)
        pair.line.answers.clear()
        await pair.submit()
        [witness] = await pair.records(WitnessRecord)
        assert witness.size > 0

    scenario(place, story)


def test_a_witness_that_forgot_what_it_cosigned_is_reported_and_served_again(place):
    async def story(pair):
        await pair.submit()
        [log] = await pair.records(WitnessedLogRecord, pair.theirs)
        calls = []

        def forgetful(request):
            calls.append(parse_add_checkpoint(request.content))
            if len(calls) == 1:
                return 409, SIZE, b"1\n"
            checkpoint = parse_checkpoint_body(parse_note(calls[-1].note).text)
            line = signer_for(place, "partner-frankfurt", "witness").sign(checkpoint, 1_800_000_000).line
            return 200, TEXT, line.encode()

        pair.line.answers[ADD] = forgetful
        before = await pair.ours.entries()
        await pair.submit()
        assert codes_since(await pair.ours.entries(), before) == ["witness.alarm", "witness.obtained"]
        assert calls[1].old_size == 1 < log.size
        assert (await pair.ours.submit(await pair.ours.caller("analyst"))).status_code == 202

    scenario(place, story)


def test_a_witness_that_says_every_time_something_else_is_asked_three_times(place):
    async def story(pair):
        await pair.submit()
        answers = iter([b"1\n", b"2\n", b"1\n", b"2\n"])
        pair.line.answers[ADD] = lambda request: (409, SIZE, next(answers))
        sent = len(pair.line.seen)
        await pair.submit()
        assert len(pair.line.seen) - sent == 3

    scenario(place, story)


def test_a_time_from_the_future_does_not_pass_for_freshness(place):
    async def story(pair):
        def hasty(request):
            checkpoint = parse_checkpoint_body(parse_note(parse_add_checkpoint(request.content).note).text)
            line = signer_for(place, "partner-frankfurt", "witness").sign(checkpoint, 9_000_000_000).line
            return 200, TEXT, line.encode()

        pair.line.answers[ADD] = hasty
        await pair.submit()
        [witness] = await pair.records(WitnessRecord)
        assert witness.cosigned_at <= pair.ours.agency.clock()

    scenario(place, story)


# A partner that is away


def test_a_witness_that_is_away_for_a_day_stops_release_and_ends_it_by_coming_back(place):
    hands = Hands()

    async def story(pair):
        analyst = await pair.ours.caller("analyst")
        assert problem(await pair.ours.submit(analyst)) == "release-stopped", "nobody has cosigned yet"
        await pair.submit()
        assert (await pair.ours.submit(analyst)).status_code == 202
        pair.line.answers[ADD] = httpx.ConnectError
        hands.at += timedelta(hours=25)
        analyst = await pair.ours.caller("analyst")
        before = await pair.ours.entries()
        await pair.ours.gateway.submitter.submit_to_all()
        await pair.ours.gateway.submitter.submit_to_all()
        assert codes_since(await pair.ours.entries(), before) == ["witness.alarm"], "once, not at every round"
        assert problem(await pair.ours.submit(analyst)) == "release-stopped"
        pair.line.answers.clear()
        await pair.ours.gateway.submitter.submit_to_all()
        assert (await pair.ours.submit(analyst)).status_code == 202
        [witness] = await pair.records(WitnessRecord)
        assert witness.alarm is None

    scenario(place, story, now=hands, witness_max_age_seconds=86400)


def test_without_a_limit_nobody_waits_for_a_witness_that_is_away(place):
    async def story(pair):
        pair.line.answers[ADD] = httpx.ConnectError
        package_id = await pair.ours.released(await pair.ours.caller("analyst"))
        assert await pair.deliver(package_id) == "delivered"
        [stored] = await pair.records(ReceiptRecord)
        assert _payload(stored.signed).cosignature is None
        rows = await pair.records(OutboxRecord)
        assert {row.state.value for row in rows} == {"done"}

    scenario(place, story)


# A partner whose log is not one history


def test_a_log_that_shows_two_histories_is_evidence_and_nothing_goes_to_its_owner(place):
    """The sender of the checkpoints is the liar here: the witness keeps its second signature over the same size."""

    async def story(pair):
        await pair.submit()
        [log] = await pair.records(WitnessedLogRecord, pair.theirs)
        lie = Checkpoint(log.origin, log.size, bytes(32))
        note = sign_checkpoint(lie, log_signers(place, "irs-ci"), 1_800_000_000)
        peer = await pair.theirs.peer("irs-ci")
        before = await pair.theirs.entries()
        answer = await peer.post(ADD, content=format_add_checkpoint(AddCheckpoint(log.size, (), note)))
        assert answer.status_code == 422
        assert codes_since(await pair.theirs.entries(), before) == ["witness.alarm"]
        [kept] = await pair.records(WitnessedLogRecord, pair.theirs)
        assert (kept.note, kept.alarm) == (log.note, "forked")
        key = parse_vkey(pair.ours.agency.me.descriptor.stated.log)
        assert open_checkpoint(kept.evidence, [key]).checkpoint == lie
        theirs = await pair.theirs.caller("analyst")
        from tests.exchange_place import a_submission

        assert problem(await pair.theirs.submit(theirs, a_submission(to=("irs-ci",)))) == "release-stopped"

    scenario(place, story)


def test_statuses_are_those_of_the_specification(place):
    async def story(pair):
        await pair.submit()
        [log] = await pair.records(WitnessedLogRecord, pair.theirs)
        signers, peer = log_signers(place, "irs-ci"), await pair.theirs.peer("irs-ci")
        before = await pair.records(WitnessedLogRecord, pair.theirs)

        def note(size, root=b"\x07" * 32, by=signers, origin=log.origin):
            return sign_checkpoint(Checkpoint(origin, size, root), by, 1_800_000_000)

        async def ask(old, note, proof=()):
            answer = await peer.post(ADD, content=format_add_checkpoint(AddCheckpoint(old, proof, note)))
            return answer.status_code, answer.headers["content-type"], answer.content

        assert (await peer.post(ADD, content=b"old x\n\n")).status_code == 400
        assert (await ask(log.size + 2, note(log.size + 1)))[0] == 400
        stranger = note(log.size + 1, by=log_signers(place, "europol"), origin="europol.attache.example/log")
        assert (await ask(log.size, stranger))[0] == 404, "a log of somebody else is nobody's here"
        forged = note(log.size + 1, by=[signer_of(log.origin, SignatureType.ED25519, place.made["europol"].keys.log)])
        assert (await ask(log.size, forged))[0] == 403
        assert await ask(0, note(log.size + 1)) == (409, SIZE, b"%d\n" % log.size)
        assert (await ask(log.size, note(log.size + 1), (b"\x01" * 32,)))[0] == 422
        assert await pair.records(WitnessedLogRecord, pair.theirs) == before
        entries = await pair.theirs.entries()
        assert entries.count("witness.refused") == 2, "403 and 422; the others are no claims of the log"

    scenario(place, story)


def test_a_rolled_back_gateway_finds_out_from_its_partner(place, tmp_path):
    """Database and checkpoint lock restored together, so that only somebody else can know."""

    async def first(pair):
        await pair.submit()

    scenario(place, first)
    state, lock = place.root / "irs-ci" / "state", place.root / "locks" / "irs-ci"
    shutil.copytree(state, tmp_path / "state")
    shutil.copy(lock, tmp_path / "lock")

    async def second(pair):
        await pair.ours.released(await pair.ours.caller("analyst"))
        await pair.submit()

    scenario(place, second)
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "state", state)
    shutil.copy(tmp_path / "lock", lock)

    async def third(pair):
        await pair.submit()
        [witness] = await pair.records(WitnessRecord)
        assert witness.alarm == "rolled-back"
        assert problem(await pair.ours.submit(await pair.ours.caller("analyst"))) == "release-stopped"

    scenario(place, third)


def test_delivery_stops_when_the_partner_raises_the_alarm_at_the_delivery_itself(place):
    async def story(pair):
        package_id = await pair.ours.released(await pair.ours.caller("analyst"))
        pair.line.answers[ADD] = (409, SIZE, b"999999\n")
        before = len(pair.line.seen)
        async with asyncio.timeout(20), background(pair.ours.gateway.worker.run()):
            while True:
                changed = pair.ours.agency.store.changed()
                if any(row.attempts for row in await pair.records(OutboxRecord)):
                    break
                await changed.wait()
        assert "witness.alarm" in await pair.ours.entries()
        assert [path for path, _ in pair.line.seen[before:]] == [ADD]
        [row] = [row for row in await pair.records(OutboxRecord) if row.package_id == package_id]
        assert (row.problem, row.state.value) == ("release-stopped", "pending")

    scenario(place, story)
