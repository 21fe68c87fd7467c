"""The log's side of witnessing: what to send to a witness, and what its answer means. Pure; time and transport are the caller's.

A witness that has seen more of our log than we have proves that our records were rolled back. That, and a witness that saw another root, are
alarms and never retried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from attache.errors import AttacheError
from attache.translog.checkpoint import Checkpoint
from attache.translog.note import NoteSignature, SignedNote, parse_signature_lines
from attache.translog.proving import SubtreeHash, prove_consistency
from attache.translog.signing import Verified, open_parsed
from attache.translog.spelling import parse_decimal
from attache.translog.vkey import VerifierKey
from attache.translog.witness import SIZE_TYPE, AddCheckpoint, format_add_checkpoint

MAX_ATTEMPTS = 3
MAX_ANSWER_BYTES = 128 * 1024


class Alarm(StrEnum):
    """Why to stop releasing and call somebody."""

    ROLLED_BACK = "rolled-back"
    """The witness has cosigned a larger tree of ours than we have."""
    FORKED = "forked"
    """The witness holds another root for a size of ours, or our proof does not lead from its root to ours."""


@dataclass(frozen=True)
class Submission:
    """One checkpoint on its way to one witness. `known_size`: what the witness is believed to have cosigned last."""

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
    """The witness cosigned; the lines to keep with the checkpoint. It is known to be at the checkpoint's size now."""

    lines: tuple[NoteSignature, ...]
    cosigned_at: int


@dataclass(frozen=True)
class Retry:
    """Send again, at once, as this says: the witness told its size."""

    submission: Submission


@dataclass(frozen=True)
class Failed:
    """No cosignature this time. `is_temporary`: try later with the next checkpoint; otherwise somebody must mend the configuration."""

    why: str
    is_temporary: bool


@dataclass(frozen=True)
class Alarmed:
    """Two histories. Stop, keep everything, never submit again before somebody has looked."""

    alarm: Alarm
    why: str


Outcome = Cosigned | Retry | Failed | Alarmed


def decide_answer(
    submission: Submission, keys: Sequence[VerifierKey], status: int, content_type: str, body: bytes
) -> Outcome:
    """What a witness's answer to `submission` means. `keys`: those of the witness. Never raises for what the answer holds."""
    if len(body) > MAX_ANSWER_BYTES:
        return Failed("the answer is too long", is_temporary=True)
    if status == 200:  # noqa: PLR2004 -- tlog-witness names its answers by status
        return _cosigned(submission, keys, body)
    if status == 409:  # noqa: PLR2004
        return _conflict(submission, content_type, body)
    # exchange-log W6
    if status == 422:  # noqa: PLR2004
        return Alarmed(Alarm.FORKED, "the witness finds our proof and roots inconsistent")
    is_temporary = status == 429 or status >= 500  # noqa: PLR2004
    return Failed(f"the witness answered {status}", is_temporary=is_temporary)


def after_failure(submission: Submission) -> Submission | None:
    """The submission to try again after a transport failure, or None when three attempts are spent."""
    # exchange-log W7
    return None if submission.attempt >= MAX_ATTEMPTS else replace(submission, attempt=submission.attempt + 1)


def _conflict(submission: Submission, content_type: str, body: bytes) -> Outcome:
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
        why = f"the witness has cosigned size {size}, we are at {submission.checkpoint.size}"
        return Alarmed(Alarm.ROLLED_BACK, why)
    again = after_failure(submission)
    if again is None or size == submission.known_size:
        return Failed("the witness keeps changing its size", is_temporary=True)
    return Retry(replace(again, known_size=size))


def _cosigned(submission: Submission, keys: Sequence[VerifierKey], body: bytes) -> Outcome:
    known = {(key.name, key.key_id) for key in keys}
    try:
        lines = tuple(line for line in parse_signature_lines(body) if (line.name, line.key_id) in known)
        verified = open_parsed(SignedNote(submission.checkpoint.body, lines), submission.checkpoint, keys).verified
    except AttacheError as error:
        # exchange-log W7
        return Failed(f"the cosignature was dropped: {error.detail}", is_temporary=False)
    times = [_time(each) for each in verified]
    # exchange-log W7
    if 0 in times:
        return Failed("the cosignature was dropped: it has no time", is_temporary=False)
    return Cosigned(tuple(each.signature for each in verified), min(times))


def _time(verified: Verified) -> int:
    return verified.signed_at or 0
