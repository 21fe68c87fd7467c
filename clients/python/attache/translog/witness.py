"""The answer of a witness to `add-checkpoint` (C2SP tlog-witness), as a pure function.

The caller makes it atomic: it reads the state, decides, and stores `WitnessAnswer.state` only if the stored state is still the one that
it read; only then does it answer. If the state has changed, the caller discards the cosignature and decides again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attache.errors import AttacheError, MalformedInput, PayloadTooLarge
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body
from attache.translog.encoding import format_base64, parse_base64, parse_decimal
from attache.translog.merkle import EMPTY_ROOT, HASH_BYTES, MAX_PROOF_HASHES, verify_consistency
from attache.translog.note import MAX_NOTE_BYTES, NoteSignature, SignedNote, format_note, parse_note
from attache.translog.signing import NoteSigner, OpenedCheckpoint, open_parsed, require_signed
from attache.translog.vkey import VerifierKey

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 8 * 1024
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_CODE = "malformed-request"
_STEP = "add-checkpoint"


@dataclass(frozen=True)
class AddCheckpoint:
    """A request: the size that the log expects the witness to have, the consistency proof from that size, and the new checkpoint's note."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True)
class WitnessState:
    """The latest checkpoint that the witness cosigned for one origin; the note has the signature lines of the log and of the witness."""

    checkpoint: Checkpoint
    note: bytes


@dataclass(frozen=True)
class WitnessAnswer:
    """The answer, and the state to store before it is sent; `state` is None unless `status` is 200.

    `finding` is the reason of a refusal, for the operator's log and the exchange log. `evidence` is set if the log signed two histories.
    """

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    origin: str | None = None
    state: WitnessState | None = None
    finding: AttacheError | None = None
    evidence: bytes | None = None


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """The body of a request."""
    lines = [f"old {request.old_size}", *(format_base64(value) for value in request.proof), "", ""]
    return "\n".join(lines).encode() + request.note


def parse_add_checkpoint(raw: bytes) -> AddCheckpoint:
    """The request in a body. Raises MalformedInput("malformed-request"). Not checked: the note in it."""
    if len(raw) > MAX_REQUEST_BYTES:
        raise PayloadTooLarge(detail="the request is too long", step=_STEP)
    head, blank, note = raw.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedInput(_CODE, "not ASCII before the checkpoint", step=_STEP) from None
    if not blank or not first.startswith("old ") or len(lines) > MAX_PROOF_HASHES:
        raise MalformedInput(_CODE, "not an old size, at most 63 hashes, a blank line and a checkpoint", step=_STEP)
    old_size = parse_decimal(first.removeprefix("old "), code=_CODE, step=_STEP)
    proof = tuple(parse_base64(line, code=_CODE, step=_STEP) for line in lines)
    if any(len(value) != HASH_BYTES for value in proof):
        raise MalformedInput(_CODE, "a hash is not 32 bytes", step=_STEP)
    return AddCheckpoint(old_size, proof, note)


def decide_add_checkpoint(
    raw: bytes,
    states: Mapping[str, WitnessState],
    logs: Mapping[str, Sequence[VerifierKey]],
    signers: Sequence[NoteSigner],
    at: int,
) -> WitnessAnswer:
    """The answer to a request body. `states` and `logs` by origin; `signers` are the witness's own keys; `at` is now, POSIX.

    Every key of a log must have signed, because a log that submits a checkpoint holds all its keys.

    Never raises because of the request's content. Order of the checks, with the status of each: well-formed (400), origin known (404), signed by the log (403), old size possible (400)
    and current (409), roots and proof consistent (422), cosigned (200). A repeated size and root gets a new cosignature.
    """
    try:
        request = parse_add_checkpoint(raw)
        note = parse_note(request.note)
        checkpoint = parse_checkpoint_body(note.text)
    except AttacheError as error:
        return _refusal(400, error)
    keys = logs.get(checkpoint.origin)
    # exchange-log W1
    if keys is None:
        return _refusal(404, detail="unknown log")
    try:
        opened = open_parsed(note, checkpoint, keys)
        # exchange-log T10, W1
        require_signed(opened, keys)
    except AttacheError as error:
        return _refusal(403, error, checkpoint.origin)
    return _decide_authentic(request, opened, states.get(checkpoint.origin), signers, at)


def _decide_authentic(
    request: AddCheckpoint, opened: OpenedCheckpoint, state: WitnessState | None, signers: Sequence[NoteSigner], at: int
) -> WitnessAnswer:
    checkpoint = opened.checkpoint
    # exchange-log W1
    if request.old_size > checkpoint.size:
        return _refusal(400, detail="the old size is larger than the checkpoint's", origin=checkpoint.origin)
    known_size = state.checkpoint.size if state else 0
    # exchange-log W1
    if request.old_size != known_size:
        return WitnessAnswer(409, b"%d\n" % known_size, SIZE_TYPE, checkpoint.origin)
    try:
        _verify_extension(request, checkpoint, state)
    except AttacheError as error:
        # exchange-log W5
        is_two_histories = (
            state is not None and state.checkpoint.size == checkpoint.size and state.checkpoint.root != checkpoint.root
        )
        return _refusal(422, error, checkpoint.origin, evidence=opened.format() if is_two_histories else None)
    lines = tuple(signer.sign(checkpoint, at) for signer in signers)
    return WitnessAnswer(
        status=200,
        body="".join(line.line for line in lines).encode(),
        origin=checkpoint.origin,
        state=WitnessState(checkpoint, _stored(opened, lines)),
    )


def _verify_extension(request: AddCheckpoint, checkpoint: Checkpoint, state: WitnessState | None) -> None:
    if checkpoint.size == 0:
        verify_consistency(0, 0, checkpoint.root, EMPTY_ROOT, request.proof)
    old_root = state.checkpoint.root if state else EMPTY_ROOT
    # exchange-log W1, W3
    verify_consistency(request.old_size, checkpoint.size, old_root, checkpoint.root, request.proof)


def _stored(opened: OpenedCheckpoint, own: tuple[NoteSignature, ...]) -> bytes:
    """The note with the log's verified lines and the witness's own. Other lines, such as one forged in the witness's name, are left out."""
    # exchange-log W4
    lines = tuple(each.signature for each in opened.verified)
    return format_note(SignedNote(opened.checkpoint.body, lines + own))


def _refusal(
    status: int,
    error: AttacheError | None = None,
    origin: str | None = None,
    *,
    detail: str = "",
    evidence: bytes | None = None,
) -> WitnessAnswer:
    text = (error.detail or error.title) if error else detail
    return WitnessAnswer(
        status, text.encode("utf-8", "backslashreplace") + b"\n", origin=origin, finding=error, evidence=evidence
    )
