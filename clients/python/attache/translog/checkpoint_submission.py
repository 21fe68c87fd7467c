"""The log's side of witnessing: what to send to a witness, and what its answer means. Pure; the caller provides time and transport.

If a witness cosigned a larger tree than the log has, the log's records were rolled back. That, and a witness that cosigned another root, are
alarms; the submission is not retried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from attache.errors import AttacheError
from attache.translog.checkpoint import Checkpoint
from attache.translog.encoding import parse_decimal
from attache.translog.note import NoteSignature, SignedNote, parse_signature_lines
from attache.translog.proving import SubtreeHash, prove_consistency
from attache.translog.signing import VerifiedSignature, open_parsed
from attache.translog.vkey import VerifierKey
from attache.translog.witness import SIZE_TYPE, AddCheckpoint, format_add_checkpoint

MAX_ATTEMPTS = 3
MAX_ANSWER_BYTES = 128 * 1024


class Alarm(StrEnum):
    """The reason why the gateway must stop releasing packages and call the security officer."""

    ROLLED_BACK = "rolled-back"
    """The witness has cosigned a larger tree than the log has."""
    FORKED = "forked"
    """The witness holds another root for the same size, or the log's proof does not lead from the root of the witness to that of the log."""


@dataclass(frozen=True)
class CheckpointSubmission:
    """One checkpoint, to be sent to one witness. `known_size`: the size that the log expects the witness to have cosigned last."""

    checkpoint: Checkpoint
    note: bytes
    known_size: int
    attempt: int = 1

    def request(self, hash_of: SubtreeHash) -> bytes:
        """The body to post to `add-checkpoint`."""
        proof = prove_consistency(self.known_size, self.checkpoint.size, hash_of)
        return format_add_checkpoint(AddCheckpoint(self.known_size, tuple(proof), self.note))


@dataclass(frozen=True)
class Cosigned:
    """The witness cosigned. `lines` are kept with the checkpoint; the witness now has the checkpoint's size."""

    lines: tuple[NoteSignature, ...]
    cosigned_at: int


@dataclass(frozen=True)
class Retry:
    """Send `submission` at once: it starts from the size that the witness stated."""

    submission: CheckpointSubmission


@dataclass(frozen=True)
class Failed:
    """No cosignature this time. `is_temporary`: try later with the next checkpoint; otherwise an operator must correct the configuration."""

    why: str
    is_temporary: bool


@dataclass(frozen=True)
class Alarmed:
    """The log has two histories. Stop, keep all records, and submit nothing until the security officer has examined them."""

    alarm: Alarm
    why: str


SubmissionResult = Cosigned | Retry | Failed | Alarmed


def decide_answer(
    submission: CheckpointSubmission, keys: Sequence[VerifierKey], status: int, content_type: str, body: bytes
) -> SubmissionResult:
    """What a witness's answer to `submission` means. `keys`: those of the witness. Never raises because of the answer's content."""
    if len(body) > MAX_ANSWER_BYTES:
        return Failed("the answer is too long", is_temporary=True)
    if status == 200:  # noqa: PLR2004 -- tlog-witness names its answers by status
        return _cosigned(submission, keys, body)
    if status == 409:  # noqa: PLR2004
        return _conflict(submission, content_type, body)
    # exchange-log W6
    if status == 422:  # noqa: PLR2004
        return Alarmed(Alarm.FORKED, "the witness finds the log's proof and roots inconsistent")
    is_temporary = status == 429 or status >= 500  # noqa: PLR2004
    return Failed(f"the witness answered {status}", is_temporary=is_temporary)


def after_failure(submission: CheckpointSubmission) -> CheckpointSubmission | None:
    """The submission to send after a failure of the transport, or None after the third attempt."""
    # exchange-log W7
    return None if submission.attempt >= MAX_ATTEMPTS else replace(submission, attempt=submission.attempt + 1)


def _conflict(submission: CheckpointSubmission, content_type: str, body: bytes) -> SubmissionResult:
    # exchange-log W6
    if content_type.partition(";")[0].strip().lower() != SIZE_TYPE:
        return Alarmed(Alarm.FORKED, "a conflict without a size: the witness holds another root")
    try:
        text = body.decode("ascii")
        size = parse_decimal(text.removesuffix("\n"), code="malformed-log", step="add-checkpoint")
    except (AttacheError, UnicodeDecodeError):
        return Failed("the witness's size is not a number", is_temporary=False)
    # exchange-log W6
    if size > submission.checkpoint.size:
        why = f"the witness has cosigned size {size}, the log has size {submission.checkpoint.size}"
        return Alarmed(Alarm.ROLLED_BACK, why)
    next_attempt = after_failure(submission)
    if next_attempt is None or size == submission.known_size:
        return Failed("the witness keeps changing its size", is_temporary=True)
    return Retry(replace(next_attempt, known_size=size))


def _cosigned(submission: CheckpointSubmission, keys: Sequence[VerifierKey], body: bytes) -> SubmissionResult:
    known = {(key.name, key.key_id) for key in keys}
    try:
        lines = tuple(line for line in parse_signature_lines(body) if (line.name, line.key_id) in known)
        verified = open_parsed(SignedNote(submission.checkpoint.body, lines), submission.checkpoint, keys).verified
    except AttacheError as error:
        # exchange-log W7
        return Failed(f"the cosignature is not used: {error.detail}", is_temporary=False)
    times = [_time(each) for each in verified]
    # exchange-log W7
    if 0 in times:
        return Failed("the cosignature is not used: it has no time", is_temporary=False)
    return Cosigned(tuple(each.signature for each in verified), min(times))


def _time(verified: VerifiedSignature) -> int:
    return verified.signed_at or 0
