"""Both sides of witnessing: every status of add-checkpoint, and what a log makes of each answer."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey
from attache.errors import AttacheError
from attache.translog import edge, merkle
from attache.translog.checkpoint import Checkpoint
from attache.translog.checkpoint_submission import (
    Alarm,
    Alarmed,
    CheckpointSubmission,
    Cosigned,
    Failed,
    Retry,
    after_failure,
    decide_answer,
)
from attache.translog.note import NoteSignature, parse_signature_lines
from attache.translog.proving import prove_consistency
from attache.translog.signing import open_checkpoint, sign_checkpoint, signer_of
from attache.translog.tiles import TileHashes
from attache.translog.vkey import SignatureType, VerifierKey
from attache.translog.witness import (
    MAX_REQUEST_BYTES,
    SIZE_TYPE,
    AddCheckpoint,
    decide_add_checkpoint,
    format_add_checkpoint,
    parse_add_checkpoint,
)

SCRIPT = json.loads((Path(__file__).parent / "vectors" / "witness.json").read_text())
ORIGIN = "example.com/log"
LOG = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
OWN = (
    signer_of("example.com/witness", SignatureType.COSIGNATURE_V1, Ed25519LogKey(b"\2" * 32)),
    signer_of("example.com/witness", SignatureType.MLDSA44, MLDSA44LogKey(b"\3" * 32)),
)
OWN_KEYS = [signer.verifier_key for signer in OWN]


class Witness:
    """The witness's state, kept as its store would keep it."""

    def __init__(self, logs=None):
        self.logs = logs or {ORIGIN: [LOG.verifier_key]}
        self.states = {}
        self.time = 1_800_000_000

    def post(self, body):
        self.time += 1
        before = dict(self.states)
        answer = decide_add_checkpoint(body, self.states, self.logs, OWN, self.time)
        if answer.status == 200:
            self.states[answer.origin] = answer.state
        else:
            assert answer.state is None
            assert self.states == before
        return answer


class Log:
    """A log of numbered entries that can show any of its past checkpoints."""

    def __init__(self, salt=b""):
        self.leaves = merkle.leaf_hashes(salt + b"%d" % n for n in range(600))
        growth = edge.append(edge.RightEdge(), self.leaves)
        self.tiles = {(w.tile.level, w.tile.index): w.hashes for w in growth.tiles}

    def hashes(self, size):
        return TileHashes(size, lambda tile: self.tiles[tile.level, tile.index][: 32 * tile.width])

    def checkpoint(self, size):
        return Checkpoint(ORIGIN, size, merkle.root_of_leaf_hashes(self.leaves[:size]))

    def note(self, size, *more):
        return sign_checkpoint(self.checkpoint(size), (LOG, *more), 1)

    def request(self, old, new, *more):
        return format_add_checkpoint(
            AddCheckpoint(old, tuple(prove_consistency(old, new, self.hashes(new))), self.note(new, *more))
        )

    def submission(self, known, new):
        return CheckpointSubmission(self.checkpoint(new), self.note(new), known)


LOG_1, FORK = Log(), Log(b"fork")


def test_the_script_of_the_public_witnesses():
    key = VerifierKey(SCRIPT["origin"], SignatureType.ED25519, bytes.fromhex(SCRIPT["public_key"]))
    witness = Witness({SCRIPT["origin"]: [key]})
    for step in SCRIPT["script"]:
        answer = witness.post(step["request"].encode())
        assert answer.status == step["status"] or (step["name"] == "wrong signature" and answer.status == 400), step[
            "name"
        ]
        if answer.status == 200:
            assert answer.state.checkpoint.size == step["size"]
            lines = parse_signature_lines(answer.body)
            assert [(line.name, line.key_id) for line in lines] == [(k.name, k.key_id) for k in OWN_KEYS]
            opened = open_checkpoint(witness.states[SCRIPT["origin"]].note, [key, *OWN_KEYS])
            assert len(opened.verified) == 3
            assert [each.signed_at for each in opened.verified[1:]] == [witness.time, witness.time]
        if answer.status == 409:
            assert (answer.body, answer.content_type) == (step["body"].encode(), SIZE_TYPE)


def test_a_line_that_does_not_verify_is_forbidden():
    witness = Witness()
    raw = LOG_1.request(0, 5)
    forged = raw[: raw.rindex(b" ") + 1 + 8] + b"AAAA" + raw[raw.rindex(b" ") + 1 + 12 :]
    answer = witness.post(forged)
    assert (answer.status, answer.finding.code) == (403, "signature-invalid")


def test_a_note_of_another_key_is_forbidden():
    stranger = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\7" * 32))
    body = format_add_checkpoint(AddCheckpoint(0, (), sign_checkpoint(LOG_1.checkpoint(5), (stranger,), 1)))
    answer = Witness().post(body)
    assert (answer.status, answer.finding.code) == (403, "unknown-key")


def test_old_larger_than_new():
    raw = LOG_1.request(3, 5).replace(b"old 3\n", b"old 6\n")
    assert Witness().post(raw).status == 400


def test_extension_lines_are_refused():
    raw = LOG_1.request(0, 5)
    root = LOG_1.checkpoint(5).body.encode()
    assert Witness().post(raw.replace(root, root + b"extension\n")).status == 400


def test_growing_from_size_zero():
    witness = Witness()
    assert witness.post(LOG_1.request(0, 0)).status == 200
    assert witness.post(LOG_1.request(0, 5)).status == 200
    assert witness.states[ORIGIN].checkpoint == LOG_1.checkpoint(5)


def test_a_proof_from_size_zero_is_refused():
    witness = Witness()
    for _ in range(2):
        body = format_add_checkpoint(AddCheckpoint(0, (bytes(32),), LOG_1.note(5)))
        assert witness.post(body).status == 422
        if not witness.states:
            assert witness.post(LOG_1.request(0, 0)).status == 200


@pytest.mark.parametrize("is_first", [True, False])
def test_size_zero_has_the_empty_root(is_first):
    witness = Witness()
    if not is_first:
        assert witness.post(LOG_1.request(0, 0)).status == 200
    bogus = sign_checkpoint(Checkpoint(ORIGIN, 0, b"\1" * 32), (LOG,), 1)
    assert witness.post(format_add_checkpoint(AddCheckpoint(0, (), bogus))).status == 422


def test_two_roots_of_one_size_are_evidence():
    witness = Witness()
    assert witness.post(LOG_1.request(0, 5)).status == 200
    answer = witness.post(FORK.request(5, 5))
    assert (answer.status, answer.finding.code, answer.finding.step) == (422, "log-inconsistent", "consistency")
    assert open_checkpoint(answer.evidence, [LOG.verifier_key]).checkpoint == FORK.checkpoint(5)
    assert witness.post(FORK.request(5, 9)).status == 422
    assert witness.states[ORIGIN].checkpoint == LOG_1.checkpoint(5)


def test_a_smaller_tree_is_never_cosigned():
    witness = Witness()
    witness.post(LOG_1.request(0, 300))
    for old, new in ((0, 299), (299, 299), (5, 299)):
        answer = witness.post(LOG_1.request(old, new))
        assert (answer.status, answer.body) == (409, b"300\n")


def test_a_forged_line_under_our_name_never_enters_the_state():
    forged = "".join(NoteSignature(key.name, key.key_id, bytes(72)).line for key in OWN_KEYS).encode()
    witness = Witness()
    assert witness.post(LOG_1.request(0, 5) + forged).status == 200
    opened = open_checkpoint(witness.states[ORIGIN].note, [LOG.verifier_key, *OWN_KEYS])
    assert [each.key for each in opened.verified] == [LOG.verifier_key, *OWN_KEYS]
    assert opened.verified[1].signed_at == witness.time
    assert witness.post(LOG_1.request(5, 9)).status == 200


def test_a_proof_of_64_hashes_and_a_long_request_are_refused():
    body = format_add_checkpoint(AddCheckpoint(1, (bytes(32),) * 64, LOG_1.note(5)))
    assert Witness().post(body).status == 400
    assert parse_add_checkpoint(format_add_checkpoint(AddCheckpoint(1, (bytes(32),) * 63, b"note"))).old_size == 1
    assert Witness().post(b"x" * (MAX_REQUEST_BYTES + 1)).status == 400


@pytest.mark.parametrize(
    "head",
    [b"", b"\n\n", b"old\n\n", b"old 01\n\n", b"old -1\n\n", b"Old 1\n\n", b"old  1\n\n", b"old 1 \n\n", b"old 1\nAA==\n\n", b"old 1\nnonsense\n\n", b"old 1\xff\n\n", b"old 1\r\n\r\n", b"old 1\n"],
)  # fmt: skip
def test_what_is_not_a_request(head):
    raw = head + (b"x" if head.endswith(b"\n\n") else b"")
    with pytest.raises(AttacheError) as caught:
        parse_add_checkpoint(raw)
    assert (caught.value.code, caught.value.step) == ("malformed-request", "add-checkpoint")
    assert Witness().post(raw).status == 400


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_get_an_answer_and_no_cosignature(raw, is_close):
    answer = Witness().post((b"old 0\n\n" if is_close else b"") + raw)
    assert answer.status in {400, 403, 404}


@given(st.data())
def test_a_request_with_one_byte_changed_never_moves_the_witness_elsewhere(data):
    witness = Witness()
    witness.post(LOG_1.request(0, 5))
    raw = bytearray(LOG_1.request(5, 9))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    witness.post(bytes(raw))
    assert witness.states[ORIGIN].checkpoint in {LOG_1.checkpoint(5), LOG_1.checkpoint(9)}


# The log's side


def submit(witness, submission, log=LOG_1):
    answer = witness.post(submission.request(log.hashes(submission.checkpoint.size)))
    return decide_answer(submission, OWN_KEYS, answer.status, answer.content_type, answer.body)


def test_a_submission_is_cosigned():
    witness = Witness()
    outcome = submit(witness, LOG_1.submission(0, 5))
    assert isinstance(outcome, Cosigned)
    assert outcome.cosigned_at == witness.time
    assert [line.key_id for line in outcome.lines] == [key.key_id for key in OWN_KEYS]


def test_the_witness_tells_its_size_and_the_log_follows():
    witness = Witness()
    submit(witness, LOG_1.submission(0, 300))
    outcome = submit(witness, LOG_1.submission(0, 400))
    assert isinstance(outcome, Retry)
    assert outcome.submission.known_size == 300
    assert isinstance(submit(witness, outcome.submission), Cosigned)


def test_a_witness_that_lost_its_state_is_followed():
    submission = LOG_1.submission(300, 400)
    assert isinstance(submit(Witness(), submission), Retry)


def test_a_witness_ahead_of_us_is_an_alarm_and_never_a_retry():
    witness = Witness()
    submit(witness, LOG_1.submission(0, 400))
    outcome = submit(witness, LOG_1.submission(300, 399))
    assert isinstance(outcome, Alarmed)
    assert outcome.alarm is Alarm.ROLLED_BACK


@pytest.mark.parametrize("new", [400, 500])
def test_another_history_is_an_alarm(new):
    witness = Witness()
    submit(witness, FORK.submission(0, 400), FORK)
    outcome = submit(witness, LOG_1.submission(400, new))
    assert isinstance(outcome, Alarmed)
    assert outcome.alarm is Alarm.FORKED


def test_attempts_end():
    submission, seen = LOG_1.submission(0, 400), []
    for size in (100, 200, 300, 350):
        outcome = decide_answer(submission, OWN_KEYS, 409, SIZE_TYPE, b"%d\n" % size)
        seen.append(type(outcome))
        submission = outcome.submission if isinstance(outcome, Retry) else submission
    assert seen == [Retry, Retry, Failed, Failed]
    assert after_failure(submission) is None
    assert after_failure(LOG_1.submission(0, 1)).attempt == 2


def test_a_witness_that_repeats_the_size_that_we_sent_is_not_asked_again():
    assert isinstance(decide_answer(LOG_1.submission(7, 9), OWN_KEYS, 409, SIZE_TYPE, b"7\n"), Failed)


def cosignatures(size=5, at=9, signers=OWN):
    return "".join(signer.sign(LOG_1.checkpoint(size), at).line for signer in signers).encode()


STRANGER = signer_of("example.com/stranger", SignatureType.COSIGNATURE_V1, Ed25519LogKey(b"\x09" * 32))


@pytest.mark.parametrize(
    ("status", "content_type", "body", "expected"),
    [
        (200, "text/plain", cosignatures(), Cosigned),
        (200, "text/plain", cosignatures() + cosignatures(signers=[STRANGER]), Cosigned),
        (200, "text/plain", cosignatures(signers=OWN[1:]), Cosigned),
        (200, "text/plain", cosignatures(signers=[STRANGER]), Failed),
        (200, "text/plain", cosignatures(size=6), Failed),
        (200, "text/plain", cosignatures()[:-1], Failed),
        (200, "text/plain", b"", Failed),
        (200, "text/plain", b"\xff", Failed),
        (200, "text/plain", b"x" * 200_000, Failed),
        (409, SIZE_TYPE, b"3\n", Retry),
        (409, "Text/X.tlog.size; charset=utf-8", b"3\n", Retry),
        (409, SIZE_TYPE, b"three\n", Failed),
        (409, SIZE_TYPE, b"03\n", Failed),
        (409, SIZE_TYPE, b"\xff\n", Failed),
        (409, SIZE_TYPE, b"", Failed),
        (409, SIZE_TYPE, b"6\n", Alarmed),
        (409, "text/plain", b"3\n", Alarmed),
        (422, "text/plain", b"", Alarmed),
        (400, "text/plain", b"", Failed),
        (403, "text/plain", b"", Failed),
        (404, "text/plain", b"", Failed),
        (429, "text/plain", b"", Failed),
        (500, "text/plain", b"", Failed),
        (302, "text/plain", b"", Failed),
    ],
)
def test_what_each_answer_means(status, content_type, body, expected):
    outcome = decide_answer(LOG_1.submission(0, 5), OWN_KEYS, status, content_type, body)
    assert isinstance(outcome, expected)
    if status in {429, 500}:
        assert outcome.is_temporary
    if status in {302, 400, 403, 404}:
        assert not outcome.is_temporary


def test_a_cosignature_without_time_is_dropped():
    class Timeless:
        verifier_key = OWN[1].verifier_key

        def sign(self, checkpoint, _at):
            key = OWN[1].key
            message = b"subtree/v1\n\0" + b"\x13example.com/witness" + bytes(8) + b"\x0fexample.com/log" + bytes(8)
            signature = key.sign(message + checkpoint.size.to_bytes(8, "big") + checkpoint.root)
            line = OWN[1].sign(checkpoint, 1)
            return type(line)(line.name, line.key_id, bytes(8) + signature)

    outcome = decide_answer(LOG_1.submission(0, 5), OWN_KEYS, 200, "text/plain", cosignatures(signers=[Timeless()]))
    assert outcome == Failed("the cosignature is not used: it has no time", is_temporary=False)


@given(st.integers(100, 599), st.sampled_from([SIZE_TYPE, "text/plain", ""]), st.binary(max_size=120))
def test_any_answer_at_all_has_a_meaning_and_none_is_a_cosignature(status, content_type, body):
    assert not isinstance(decide_answer(LOG_1.submission(0, 5), OWN_KEYS, status, content_type, body), Cosigned)
