"""Signed notes, verifier keys, checkpoints and the three kinds of signature."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey, verify_ed25519, verify_mldsa44
from attache.errors import AttacheError, SignatureInvalid
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body
from attache.translog.merkle import EMPTY_ROOT
from attache.translog.note import (
    MAX_NOTE_BYTES,
    NoteSignature,
    SignedNote,
    format_note,
    parse_note,
    parse_signature_lines,
)
from attache.translog.signing import KeySigner, open_checkpoint, sign_checkpoint, signer_of
from attache.translog.vkey import SignatureType, VerifierKey, parse_vkey

VECTORS = json.loads((Path(__file__).parent / "vectors" / "notes.json").read_text())
ORIGIN = "example.com/log"
CHECKPOINT = Checkpoint(ORIGIN, 7, hashlib.sha256(b"root").digest())
LOG = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
WITNESS = signer_of("example.com/w1", SignatureType.COSIGNATURE_V1, Ed25519LogKey(b"\2" * 32))
PQ = signer_of("example.com/w1", SignatureType.MLDSA44, MLDSA44LogKey(b"\3" * 32))
SIGNERS = (LOG, WITNESS, PQ)
KEYS = [signer.verifier_key for signer in SIGNERS]
NOTE = sign_checkpoint(CHECKPOINT, SIGNERS, 1_800_000_000)


def refused(call, *args):
    with pytest.raises(AttacheError) as caught:
        call(*args)
    return caught.value.code, caught.value.step


@pytest.mark.parametrize("vector", VECTORS["notes"], ids=lambda v: v["provenance"])
def test_public_notes_verify(vector):
    note = parse_note(vector["note"].encode())
    assert format_note(note) == vector["note"].encode()
    for vkey, line in zip(vector["vkeys"], note.signatures, strict=True):
        key = parse_vkey(vkey)
        assert str(key) == vkey
        assert (line.name, line.key_id) == (key.name, key.key_id)
        verify_ed25519(key.public_key, note.text.encode(), line.signature)
        with pytest.raises(SignatureInvalid):
            verify_ed25519(key.public_key, note.text.encode() + b"\n", line.signature)


@pytest.mark.parametrize("vector", VECTORS["checkpoints"], ids=lambda v: v["origin"])
def test_public_checkpoints_and_cosignatures_verify(vector):
    keys = [parse_vkey(vkey) for vkey in vector["vkeys"]]
    opened = open_checkpoint(vector["note"].encode(), keys)
    assert (opened.checkpoint.origin, opened.checkpoint.size) == (vector["origin"], vector["size"])
    assert {each.key for each in opened.verified} == set(keys)
    for key in keys:
        other = vector["note"].replace(f"\n{vector['size']}\n", "\n42\n").encode()
        assert refused(open_checkpoint, other, [key]) == ("signature-invalid", "signature")


def test_the_seed_of_the_go_vector_gives_its_key():
    # golang.org/x/mod v0.41.0 sumdb/note: the published signing key of PeterNeumann.
    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    key = VerifierKey("PeterNeumann", SignatureType.ED25519, Ed25519LogKey(seed).public_key)
    assert str(key) == VECTORS["notes"][1]["vkeys"][0]


def test_each_kind_of_signature_signs_and_verifies():
    opened = open_checkpoint(NOTE, KEYS)
    assert opened.checkpoint == CHECKPOINT
    assert [(each.key, each.signed_at) for each in opened.verified] == list(
        zip(KEYS, [None, 1_800_000_000, 1_800_000_000], strict=True)
    )
    assert opened.format() == NOTE
    assert opened.is_signed_by(KEYS[1])
    assert not open_checkpoint(NOTE, KEYS[:1]).is_signed_by(KEYS[1])


def test_sizes_on_the_wire():
    payloads = [len(line.signature) for line in parse_note(NOTE).signatures]
    assert payloads == [64, 8 + 64, 8 + 2420]
    assert len(NOTE) < 4096


def test_the_signed_messages():
    class Recorder:
        public_key = b"\5" * 32

        def sign(self, message):
            self.message = message
            return b"signature"

    recorder = Recorder()
    for kind in SignatureType:
        KeySigner(VerifierKey("example.com/w1", kind, recorder.public_key), recorder).sign(CHECKPOINT, 1679315147)
        body = CHECKPOINT.body.encode()
        assert (
            recorder.message
            == {
                SignatureType.ED25519: body,
                SignatureType.COSIGNATURE_V1: b"cosignature/v1\ntime 1679315147\n" + body,
                SignatureType.MLDSA44: b"subtree/v1\n\0"
                b"\x0eexample.com/w1"
                + (1679315147).to_bytes(8, "big")
                + b"\x0fexample.com/log"
                + bytes(8)
                + (7).to_bytes(8, "big")
                + CHECKPOINT.root,
            }[kind]
        )


@pytest.mark.parametrize("at", [0, -1, 2**63])
def test_a_signature_has_a_time(at):
    with pytest.raises(ValueError, match="time"):
        WITNESS.sign(CHECKPOINT, at)


def test_any_byte_changed_in_a_checkpoint_is_refused():
    limit = NOTE.index(b"\xe2\x80\x94 example.com/w1", NOTE.index(b"w1")) + 40  # into the ML-DSA line
    for at in [*range(limit), *range(limit, len(NOTE), 97), len(NOTE) - 1]:
        changed = bytearray(NOTE)
        changed[at] ^= 1
        try:
            opened = open_checkpoint(bytes(changed), KEYS)
        except AttacheError as error:
            assert error.step in {"note", "checkpoint", "signature"}
        else:  # a changed name or key id is the line of a stranger, and does not count
            assert opened.checkpoint == CHECKPOINT
            assert len(opened.verified) == 2


def lines(*signatures):
    return format_note(SignedNote(CHECKPOINT.body, signatures))


def line(signer, at=5, **changes):
    signature = signer.sign(CHECKPOINT, at)
    return NoteSignature(
        **{"name": signature.name, "key_id": signature.key_id, "signature": signature.signature, **changes}
    )


def test_strangers_are_ignored_and_forgeries_refuse_the_whole_note():
    good = line(LOG)
    stranger = line(WITNESS, name="example.com/stranger")
    same_name = line(LOG, key_id=b"\0\0\0\0", signature=b"?")
    forged = line(WITNESS, signature=bytes(72))
    assert len(open_checkpoint(lines(stranger, same_name, good), KEYS).verified) == 1
    assert refused(open_checkpoint, lines(good, forged), KEYS) == ("signature-invalid", "signature")
    assert refused(open_checkpoint, lines(stranger), KEYS) == ("unknown-key", "signature")
    assert refused(open_checkpoint, lines(good), KEYS[1:]) == ("unknown-key", "signature")


@pytest.mark.parametrize("signature", [b"x", b"x" * 8, b"x" * 63, b"\xff" * 72, bytes(8) + b"x" * 2420, b"x" * 73])
@pytest.mark.parametrize("signer", SIGNERS)
def test_signatures_of_any_shape_are_refused(signer, signature):
    code, step = refused(open_checkpoint, lines(line(signer, signature=signature)), KEYS)
    assert code in {"signature-invalid", "malformed-log"}
    assert step == "signature"


def test_one_kind_of_signature_is_never_taken_for_another():
    seed = b"\6" * 32
    log = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(seed))
    witness = signer_of(ORIGIN, SignatureType.COSIGNATURE_V1, Ed25519LogKey(seed))
    timed = line(witness)
    as_log = NoteSignature(ORIGIN, log.verifier_key.key_id, timed.signature[8:])
    as_witness = NoteSignature(ORIGIN, witness.verifier_key.key_id, bytes(8) + line(log).signature)
    for forged in (as_log, as_witness):
        assert refused(open_checkpoint, lines(forged), [log.verifier_key, witness.verifier_key]) == (
            "signature-invalid",
            "signature",
        )


def test_repeated_cosignatures_all_count_and_must_all_verify():
    assert [each.signed_at for each in open_checkpoint(lines(line(WITNESS, 5), line(WITNESS, 9)), KEYS).verified] == [
        5,
        9,
    ]
    assert (
        refused(open_checkpoint, lines(line(WITNESS, 5), line(WITNESS, signature=bytes(72))), KEYS)[0]
        == "signature-invalid"
    )


SIGNATURE = "— example.com/log c2lnbmF0dXJlcw==\n"


@pytest.mark.parametrize(
    "raw",
    [
        "", "\n", "\n\n", "text\n", "text\n\n", "text\n\n\n", f"text\n{SIGNATURE}", f"text\n\n{SIGNATURE}"[:-1], f"text\n\n{SIGNATURE}\n",
        f"text\n\nmore\n{SIGNATURE}", f"text\r\n\r\n{SIGNATURE}", f"te\txt\n\n{SIGNATURE}", f"te\0xt\n\n{SIGNATURE}", f"text\n\n {SIGNATURE}",
        "text\n\n- example.com/log c2lnbmF0dXJlcw==\n", "text\n\n—example.com/log c2lnbmF0dXJlcw==\n", "text\n\n—  c2lnbmF0dXJlcw==\n",
        "text\n\n— example.com/log\n", "text\n\n— example.com/log \n", "text\n\n— example.com/log c2lnbmF0dXJlcw== x\n",
        "text\n\n— a+b c2lnbmF0dXJlcw==\n", "text\n\n— a\u00a0b c2lnbmF0dXJlcw==\n", "text\n\n— a\u2003b c2lnbmF0dXJlcw==\n",
        "text\n\n— log c2lnbg==\n", "text\n\n— log c2ln\n", "text\n\n— log c2lnbmF0dXJlcw=\n", "text\n\n— log c2lnbmF0dXJlcw\n",
        "text\n\n— log c2lnbmF0dXJlcx==\n", "text\n\n— log c2lnbmF0dXJl-w==\n", "text\n\n— log c2ln bmF0dXJlcw==\n",
        f"text\n\n— {'n' * 256} c2lnbmF0dXJlcw==\n",
    ],
)  # fmt: skip
def test_what_is_not_a_note(raw):
    assert refused(parse_note, raw.encode()) == ("malformed-log", "note")


def test_more_that_is_not_a_note():
    assert refused(parse_note, b"te\xffxt\n\n" + SIGNATURE.encode()) == ("malformed-log", "note")
    assert refused(parse_note, f"text\n\n{SIGNATURE * 65}".encode()) == ("malformed-log", "note")
    assert refused(parse_note, b"x" * (MAX_NOTE_BYTES + 1)) == ("payload-too-large", "note")
    assert refused(parse_signature_lines, b"x" * (MAX_NOTE_BYTES + 1)) == ("payload-too-large", "note")
    assert refused(parse_signature_lines, b"") == ("malformed-log", "note")


def test_the_last_blank_line_splits_text_and_signatures():
    note = parse_note(f"\nfirst\n\nsecond\n\n{SIGNATURE}".encode())
    assert note.text == "\nfirst\n\nsecond\n"
    assert parse_note(f"\n\n{SIGNATURE}".encode()).text == "\n"


def test_sixteen_large_signatures_fit():
    large = NoteSignature("example.com/" + "n" * 200, b"abcd", b"s" * 5000)
    assert len(parse_note(format_note(SignedNote("text\n", (large,) * 16))).signatures) == 16
    assert (
        len(parse_note(format_note(SignedNote("text\n", (NoteSignature("n", b"abcd", b"s"),) * 64))).signatures) == 64
    )


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_a_checkpoint_body():
    checkpoint = parse_checkpoint_body(f"example.com/behind-the-sofa\n20852163\n{ROOT}\n")
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.body == f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"


@pytest.mark.parametrize(
    "body",
    [
        "", "\n", "\n\n\n", f"a\n1\n{ROOT}", f"a\n1\n{ROOT}\n\n", f"a\n1\n{ROOT}\nextension\n", f"a\n1\n\n{ROOT}\n", f"a\r\n1\r\n{ROOT}\r\n",
        f"a\n01\n{ROOT}\n", f"a\n+1\n{ROOT}\n", f"a\n-1\n{ROOT}\n", f"a\n1 \n{ROOT}\n", f"a\n1e3\n{ROOT}\n", f"a\n\n{ROOT}\n", f"a\nfive\n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n", f"a\n{2**63}\n{ROOT}\n", f"a\n{10**30}\n{ROOT}\n", f"a\n0x1\n{ROOT}\n", f"a\nNaN\n{ROOT}\n",
        f"\n1\n{ROOT}\n", f"a b\n1\n{ROOT}\n", f"a+b\n1\n{ROOT}\n", f"https://a\n1\n{ROOT}\n", f"a/\n1\n{ROOT}\n", f"{'a' * 256}\n1\n{ROOT}\n",
        "a\n1\nCsUY\n", f"a\n1\n{ROOT[:-1]}\n", f"a\n1\n{ROOT[:-2]}J=\n", f"a\n1\n {ROOT}\n", f"a\n1\n{ROOT}{ROOT}\n", "a\n1\n\n",
    ],
)  # fmt: skip
def test_what_is_not_a_checkpoint_body(body):
    assert refused(parse_checkpoint_body, body) == ("malformed-log", "checkpoint")


def test_size_zero_has_the_empty_root():
    assert open_checkpoint(sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), (LOG,), 1), KEYS).checkpoint.size == 0
    assert refused(open_checkpoint, sign_checkpoint(Checkpoint(ORIGIN, 0, b"\1" * 32), (LOG,), 1), KEYS) == (
        "malformed-log",
        "checkpoint",
    )


PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        PETER.upper(), PETER.replace("c74f20a3", "C74F20A3"), PETER.replace("c74f20a3", "c74f20a4"), PETER + "\n", " " + PETER, PETER.replace("+", " "),
        "", "+", "++", "name", "name+c74f20a3", "name+c74f20a3+", "na me+c74f20a3+AR==", PETER[:-1], PETER + "A",
    ],
)  # fmt: skip
def test_what_is_not_a_vkey(vkey):
    assert refused(parse_vkey, vkey) == ("malformed-log", "vkey")


def test_no_part_of_a_vkey_is_a_vkey():
    for start in range(len(PETER)):
        for end in range(start + 1, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                assert refused(parse_vkey, PETER[start:end])[1] == "vkey"


def vkey_text(name, raw):
    digest = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex()
    return f"{name}+{digest}+{base64.b64encode(raw).decode()}"


def test_vkeys_of_other_types_and_lengths():
    assert refused(parse_vkey, vkey_text("n", b"\x02" + bytes(32))) == ("unsupported-version", "vkey")
    assert refused(parse_vkey, vkey_text("n", b"\x01" + bytes(31))) == ("malformed-log", "vkey")
    assert refused(parse_vkey, vkey_text("n", b"\x06" + bytes(32))) == ("malformed-log", "vkey")
    assert parse_vkey(vkey_text("n", b"\x06" + bytes(1312))).type is SignatureType.MLDSA44
    # base64 may hold a plus
    assert parse_vkey("TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6").name == "TEST"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(raw):
    try:
        assert format_note(parse_note(raw)) == raw
    except AttacheError as error:
        assert error.step == "note"


@given(st.text(max_size=120))
def test_any_text_is_a_body_and_a_vkey_in_its_one_spelling_or_refused(text):
    for parse, spell in ((parse_checkpoint_body, lambda value: value.body), (parse_vkey, str)):
        try:
            assert spell(parse(text)) == text
        except AttacheError as error:
            assert error.step in {"checkpoint", "vkey"}


@given(st.text(alphabet="ab1\n \u2014+=A/\0é", max_size=80))
def test_near_notes_are_notes_in_their_one_spelling_or_refused(text):
    raw = (text + "\n\n" + SIGNATURE).encode()
    try:
        assert format_note(parse_note(raw)) == raw
    except AttacheError as error:
        assert error.code == "malformed-log"


def test_a_public_key_that_is_none_does_not_verify():
    for verify in (verify_ed25519, verify_mldsa44):
        with pytest.raises(SignatureInvalid):
            verify(b"short", b"message", b"signature")
