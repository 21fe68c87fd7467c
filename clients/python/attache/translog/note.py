"""Signed notes (C2SP signed-note): a text and signature lines. Parsing verifies no signature; `signing` does."""

from dataclasses import dataclass

from attache.errors import MalformedInput, PayloadTooLarge
from attache.translog.encoding import format_base64, parse_base64, parse_name
from attache.translog.vkey import KEY_ID_BYTES

MAX_NOTE_BYTES = 128 * 1024
MAX_SIGNATURES = 64

_CODE = "malformed-log"
_DASH = "\N{EM DASH} "
_FIRST_PRINTABLE = "\x20"


@dataclass(frozen=True)
class NoteSignature:
    """One signature line. `signature` holds the bytes after the key id; the key's type says what they mean."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {format_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class SignedNote:
    """A note as it was written. Nothing in it is trusted before a signature is verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


def format_note(note: SignedNote) -> bytes:
    """The bytes of a note; `parse_note` is the inverse."""
    return (note.text + "\n" + "".join(signature.line for signature in note.signatures)).encode()


def parse_note(raw: bytes, *, step: str = "note") -> SignedNote:
    """The note in `raw`: UTF-8, no control character but newline, text and signatures split at the last blank line.

    At most 128 KiB and 64 signatures (16 of the largest kind fit). Raises MalformedInput("malformed-log").
    """
    if len(raw) > MAX_NOTE_BYTES:
        raise PayloadTooLarge(detail=f"a note has at most {MAX_NOTE_BYTES} bytes", step=step)
    text, split, lines = _decoded(raw, step).rpartition("\n\n")
    if not split:
        raise MalformedInput(_CODE, "no blank line before the signatures", step=step)
    return SignedNote(text + "\n", _parse_lines(lines, step))


def parse_signature_lines(raw: bytes, *, step: str = "note") -> tuple[NoteSignature, ...]:
    """At least one signature line without a note, as in the answer of a witness. Raises MalformedInput("malformed-log")."""
    if len(raw) > MAX_NOTE_BYTES:
        raise PayloadTooLarge(detail=f"signature lines have at most {MAX_NOTE_BYTES} bytes", step=step)
    return _parse_lines(_decoded(raw, step), step)


def _decoded(raw: bytes, step: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedInput(_CODE, "not UTF-8", step=step) from None
    if any(c < _FIRST_PRINTABLE and c != "\n" for c in text):
        raise MalformedInput(_CODE, "a control character", step=step)
    return text


def _parse_lines(text: str, step: str) -> tuple[NoteSignature, ...]:
    lines = text.split("\n")
    if lines.pop() or not lines:
        raise MalformedInput(_CODE, "no signature line, or no newline at the end", step=step)
    # exchange-log T7
    if len(lines) > MAX_SIGNATURES:
        raise MalformedInput(_CODE, f"more than {MAX_SIGNATURES} signatures", step=step)
    return tuple(_parse_line(line, step) for line in lines)


def _parse_line(line: str, step: str) -> NoteSignature:
    name, _, payload = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise MalformedInput(_CODE, "a signature line does not begin with a dash", step=step)
    parse_name(name, code=_CODE, step=step)
    raw = parse_base64(payload, code=_CODE, step=step)
    if len(raw) <= KEY_ID_BYTES:
        raise MalformedInput(_CODE, "a signature line without signature", step=step)
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])
