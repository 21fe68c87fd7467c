"""Signatures over checkpoints: the log's own, cosignature/v1 and ML-DSA-44 (C2SP signed-note, tlog-cosignature)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from attache.crypto.log_keys import LogKey, verify_ed25519, verify_mldsa44
from attache.errors import MalformedInput, SignatureInvalid, UnknownKey
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body, require_possible
from attache.translog.encoding import MAX_INTEGER
from attache.translog.note import NoteSignature, SignedNote, format_note, parse_note
from attache.translog.vkey import SignatureType, VerifierKey

_TIME_BYTES = 8
_SUBTREE_LABEL = b"subtree/v1\n\0"


class NoteSigner(Protocol):
    """Adds a signature line to a checkpoint."""

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that verifies the line."""

    def sign(self, checkpoint: Checkpoint, at: int) -> NoteSignature:
        """The signature line over `checkpoint`, made at POSIX time `at` (seconds, not 0)."""


@dataclass(frozen=True)
class KeySigner:
    """Signs with a private key that this process holds."""

    verifier_key: VerifierKey
    key: LogKey

    def sign(self, checkpoint: Checkpoint, at: int) -> NoteSignature:
        """See NoteSigner."""
        if not 0 < at <= MAX_INTEGER:
            raise ValueError("the time of a signature is between 1 and 2^63 - 1")
        signature = self.key.sign(_message(self.verifier_key, checkpoint, at))
        timed = (
            signature
            if self.verifier_key.type is SignatureType.ED25519
            else at.to_bytes(_TIME_BYTES, "big") + signature
        )
        return NoteSignature(self.verifier_key.name, self.verifier_key.key_id, timed)


def signer_of(name: str, type_: SignatureType, key: LogKey) -> KeySigner:
    """A signer under `name`. Never use one Ed25519 key in two roles or under two names (tlog-cosignature)."""
    return KeySigner(VerifierKey(name, type_, key.public_key), key)


@dataclass(frozen=True)
class VerifiedSignature:
    """A signature line that verified, and the POSIX time that it states; None for a log's own Ed25519 line."""

    key: VerifierKey
    signature: NoteSignature
    signed_at: int | None


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A checkpoint under at least one verified signature. `verified` is in the order of the lines."""

    checkpoint: Checkpoint
    verified: tuple[VerifiedSignature, ...]

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Whether `key` signed."""
        return any(each.key == key for each in self.verified)

    def format(self) -> bytes:
        """The checkpoint as a note that has only the verified lines."""
        return format_note(SignedNote(self.checkpoint.body, tuple(each.signature for each in self.verified)))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner], at: int) -> bytes:
    """The checkpoint as a note with one line per signer, in their order."""
    # exchange-log T6
    lines = tuple(signer.sign(checkpoint, at) for signer in signers)
    return format_note(SignedNote(checkpoint.body, lines))


def open_checkpoint(raw: bytes, keys: Iterable[VerifierKey]) -> OpenedCheckpoint:
    """The checkpoint in a note that at least one of `keys` signed.

    Lines of unknown keys are ignored. If a line has the name and id of a known key and does not verify, the whole note is refused.
    Raises MalformedInput("malformed-log"), SignatureInvalid, or UnknownKey when no known key signed.
    Not checked: that the key which signed belongs to the log (`policy.verify_checkpoint` checks that), and any time.
    """
    note = parse_note(raw)
    checkpoint = parse_checkpoint_body(note.text)
    require_possible(checkpoint)
    return open_parsed(note, checkpoint, keys)


def open_log_checkpoint(raw: bytes, keys: Sequence[VerifierKey]) -> OpenedCheckpoint:
    """The checkpoint in a note of a log that has `keys`: the first must have signed, and a line of another of them must verify if there is one.

    Raises as `open_checkpoint`, and UnknownKey where the first key did not sign. Not checked: any time.
    """
    opened = open_checkpoint(raw, keys)
    # exchange-log T10
    require_signed(opened, keys[:1])
    return opened


def own_keys(keys: Iterable[VerifierKey], origin: str) -> list[VerifierKey]:
    """Those of `keys` that are the log's own, not a witness's."""
    return [key for key in keys if key.name == origin and key.type is not SignatureType.COSIGNATURE_V1]


def require_signed(opened: OpenedCheckpoint, keys: Iterable[VerifierKey]) -> None:
    """Raise UnknownKey unless all of `keys` signed."""
    for key in keys:
        if not opened.is_signed_by(key):
            raise UnknownKey(
                detail=f"the {key.type.name} key of {key.name} did not sign the checkpoint", step="signature"
            )


def open_parsed(note: SignedNote, checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> OpenedCheckpoint:
    """As `open_checkpoint`, for a parsed note and its parsed checkpoint."""
    known = {(key.name, key.key_id): key for key in keys}
    verified = tuple(
        verify_line(known[line.name, line.key_id], checkpoint, line)
        for line in note.signatures
        # exchange-log T7: lines of other keys are ignored
        if (line.name, line.key_id) in known
    )
    # exchange-log T7
    if not verified:
        raise UnknownKey(detail="no known key signed the checkpoint", step="signature")
    return OpenedCheckpoint(checkpoint, verified)


def verify_line(key: VerifierKey, checkpoint: Checkpoint, line: NoteSignature) -> VerifiedSignature:
    """Prove that `key` made this line over `checkpoint`. Raises MalformedInput("malformed-log") or SignatureInvalid."""
    signed_at, signature = None, line.signature
    if key.type is not SignatureType.ED25519:
        signed_at, signature = int.from_bytes(signature[:_TIME_BYTES], "big"), signature[_TIME_BYTES:]
        if signed_at > MAX_INTEGER:
            raise MalformedInput("malformed-log", "a cosignature's time is past 2^63 - 1", step="signature")
    verify = verify_mldsa44 if key.type is SignatureType.MLDSA44 else verify_ed25519
    try:
        verify(key.public_key, _message(key, checkpoint, signed_at or 0), signature)
    except SignatureInvalid as error:
        # exchange-log T7, T10
        raise SignatureInvalid(detail=f"the signature of {key.name} does not verify", step="signature") from error
    return VerifiedSignature(key, line, signed_at)


def _message(key: VerifierKey, checkpoint: Checkpoint, at: int) -> bytes:
    """The bytes that a signature of this type covers. The types begin differently, so that no signature passes for one of another type."""
    match key.type:
        case SignatureType.ED25519:
            return checkpoint.body.encode()
        case SignatureType.COSIGNATURE_V1:
            return f"cosignature/v1\ntime {at}\n{checkpoint.body}".encode()
        case SignatureType.MLDSA44:
            return b"".join(
                (
                    _SUBTREE_LABEL,
                    _short(key.name),
                    at.to_bytes(8, "big"),
                    _short(checkpoint.origin),
                    (0).to_bytes(8, "big"),
                    checkpoint.size.to_bytes(8, "big"),
                    checkpoint.root,
                )
            )


def _short(text: str) -> bytes:
    """Up to 255 bytes, preceded by their length in one byte (an `opaque` of RFC 8446 section 3.4)."""
    raw = text.encode()
    return bytes([len(raw)]) + raw
