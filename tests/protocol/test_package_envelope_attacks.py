"""Attacks on an envelope in the clear: its address, its spelling, its frame."""

import json

import pytest

from attache.crypto import Algorithm, Suite, b64u, parse_b64u
from attache.package import (
    parse_envelope,
    parse_frame,
)
from attache.package.envelope import MAGIC, MAX_ENVELOPE_BYTES
from attache.strict_json import canonical, parse_object
from tests.protocol.making import (
    ME,
    THIRD,
    forge,
    keys_by_id,
    manifest_for,
    receive,
    refused,
    reworked,
    send,
)

# --- address


def test_recipient_changed_in_the_clear(parties):
    """The additional data still name the true recipient."""
    raw = reworked(send(parties).envelope, lambda it: it.update(recipient=THIRD))
    with refused("malformed-package", "1-shape"):
        parse_envelope(raw)


def test_recipient_changed_in_the_clear_and_in_the_additional_data(parties):
    def readdress(document):
        document["recipient"] = THIRD
        clear = {name: value for name, value in document.items() if name != "manifest"}
        document["manifest"]["aad"] = b64u(canonical(clear))

    envelope = parse_envelope(reworked(send(parties).envelope, readdress))
    with refused("not-a-recipient", "2-address"):
        receive(parties, envelope)
    with refused("unknown-key", "2-address"):
        receive(parties, envelope, at=THIRD)


@pytest.mark.parametrize(
    ("member", "value"), [("package_id", None), ("originator", "europol"), ("sealed_at", "2026-11-22T09:00:01Z")]
)
def test_clear_member_changed_along_with_the_additional_data(parties, member, value):
    def change(document):
        document[member] = value or document["package_id"][:-1] + ("0" if document["package_id"][-1] != "0" else "1")
        clear = {name: each for name, each in document.items() if name != "manifest"}
        document["manifest"]["aad"] = b64u(canonical(clear))

    envelope = parse_envelope(reworked(send(parties).envelope, change))
    originator = parties[envelope.originator].descriptor
    with refused("decryption-failed", "3-decrypt"):
        receive(parties, envelope, originator=originator)


def test_surreptitious_forwarding(parties):
    """The recipient seals our signed manifest again, for a third agency, and passes it on as ours to them."""
    sent = send(parties)
    package = receive(parties, sent.envelope)
    target = parties[THIRD].descriptor
    sealing = next(key for key in target.keys if key.algorithm is Algorithm.HPKE_10)
    clear = sent.envelope.clear.model_copy(update={"recipient": THIRD})
    forwarded = forge(
        parties, package.manifest, raw_statement=package.signed_manifest, recipients=[sealing.public_key], clear=clear
    )
    with refused("envelope-mismatch", "5-manifest"):
        receive(parties, forwarded, at=THIRD)


def test_sealed_again_to_a_further_key_of_the_recipient(parties):
    """The originator signed for one reader; somebody adds another."""
    sent = send(parties)
    package = receive(parties, sent.envelope)
    europol = next(key for key in parties["europol"].descriptor.keys if key.algorithm is Algorithm.HPKE_10)
    keys = [*keys_by_id(parties[ME].descriptor, package.manifest.recipient_key_ids), europol.public_key]
    again = forge(parties, package.manifest, raw_statement=package.signed_manifest, recipients=keys)
    with refused("envelope-mismatch", "5-manifest"):
        receive(parties, again)


def test_originators_descriptor_of_somebody_else(parties):
    with refused("unknown-key", "2-address"):
        receive(parties, send(parties).envelope, originator=parties["europol"].descriptor)


def test_passed_off_as_anothers(parties):
    """Europol signs a manifest that names IRS-CI as its originator."""
    manifest = manifest_for(parties, send(parties).facts)
    with refused("unknown-key", "4-signatures"):
        receive(parties, forge(parties, manifest, by="europol"))


def test_suite_that_the_recipient_does_not_accept(parties):
    sent = send(parties, suite=Suite.CLASSICAL_1)
    with refused("unsupported-version", "2-address"):
        receive(parties, sent.envelope, accepted={Suite.HYBRID_1})


def test_unknown_suite(parties):
    def rename(document):
        document["suite"] = "hybrid-9"
        clear = {name: value for name, value in document.items() if name != "manifest"}
        document["manifest"]["aad"] = b64u(canonical(clear))

    with refused("unsupported-version", "2-address"):
        receive(parties, parse_envelope(reworked(send(parties).envelope, rename)))


def test_suite_of_the_envelope_is_not_the_sealing(parties):
    """A hybrid manifest, sealed to the classical key."""
    manifest = manifest_for(parties, send(parties).facts)
    classical = next(key for key in parties[ME].descriptor.keys if key.algorithm is Algorithm.ECDH_P384)
    with refused("unknown-key", "2-address"):
        receive(parties, forge(parties, manifest, recipients=[classical.public_key]))


# --- frame and spelling


def test_gigabyte_envelope_is_not_read():
    class Endless:
        taken = 0

        def read(self, count):
            self.taken += count
            return (MAGIC + (1 << 30).to_bytes(4, "big"))[self.taken - count : self.taken].ljust(count, b" ")

    from attache.package import read_frame

    stream = Endless()
    with refused("payload-too-large", "1-shape"):
        read_frame(stream)
    assert stream.taken == len(MAGIC) + 4


def framed(body, length=None, magic=MAGIC):
    return magic + (len(body) if length is None else length).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed-package"),
        (MAGIC, "malformed-package"),
        (framed(b"{}", magic=b"attache-package/2\n"), "unsupported-version"),
        (framed(b"{}", magic=b"attache-package/1\r"), "unsupported-version"),
        (framed(b"{}", magic=b"ATTACHE-PACKAGE/1\n"), "malformed-package"),
        (framed(b"{}", length=3), "malformed-package"),
        (framed(b"{}", length=1), "malformed-package"),
        (framed(b"{}"), "malformed-package"),
        (framed(b"[]"), "malformed-package"),
        (framed(b"\xff\xfe"), "malformed-package"),
        (framed(b"[" * 33 + b"]" * 33), "malformed-package"),
        (framed(b"[" * 500_000), "malformed-package"),
        (framed(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "malformed-package"),
        (framed(b'{"a":9007199254740992}'), "malformed-package"),
        (framed(b'{"a":1e3}'), "malformed-package"),
        (framed(b'{"a":NaN}'), "malformed-package"),
        (framed(b'{"a":"' + b"9" * 5000 + b'"}'), "malformed-package"),
        (framed(b" " * (MAX_ENVELOPE_BYTES + 1)), "payload-too-large"),
    ],
    ids=range(18),
)
def test_frames_that_are_none(raw, code):
    with refused(code, "1-shape"):
        parse_frame(raw)


def test_duplicate_member(parties):
    raw = send(parties).envelope.raw
    doubled = raw[:-1] + b',"suite":"hybrid-1"}'
    with refused("malformed-package", "1-shape"):
        parse_envelope(doubled)


def test_duplicate_member_in_a_protected_header(parties, manifest):
    def double(statement):
        entry = statement["signatures"][0]
        header = parse_b64u(entry["protected"])
        entry["protected"] = b64u(header[:-1] + b',"alg":"ES384"}')
        return statement

    with refused("malformed-package", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=double))


def test_other_spelling_of_the_envelope(parties):
    document = parse_object(send(parties).envelope.raw)
    for raw in (json.dumps(document).encode(), json.dumps(dict(reversed(document.items()))).encode()):
        with refused("malformed-package", "1-shape"):
            parse_envelope(raw)


@pytest.mark.parametrize("odd", [lambda it: it + "=", lambda it: it + "\n", lambda it: " " + it, lambda it: it + "*"])
@pytest.mark.parametrize("member", ["protected", "iv", "ciphertext", "tag", "aad"])
def test_odd_base64(parties, member, odd):
    def respell(document):
        document["manifest"][member] = odd(document["manifest"][member])

    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, respell))


def test_base64_with_bits_after_the_last_byte(parties):
    """The 22 characters of a 16-byte tag spell four bits too many; another last character means the same bytes."""

    def respell(document):
        tag = document["manifest"]["tag"]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        document["manifest"]["tag"] = tag[:-1] + alphabet[alphabet.index(tag[-1]) + 1]

    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, respell))


@pytest.mark.parametrize("member", ["package_id", "originator", "recipient", "suite", "sealed_at", "parts", "manifest"])
def test_member_missing(parties, member):
    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, lambda it: it.pop(member)))


def test_member_surplus(parties):
    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, lambda it: it.update(note="hello")))
