"""Attacks on the sealed manifest, on what it says, and on its freshness."""

from datetime import timedelta

import pytest

from attache.crypto import Algorithm, Suite, b64u, parse_b64u
from attache.errors import MalformedInput
from attache.package import (
    encode_frame,
    parse_envelope,
    parse_frame,
)
from attache.package.manifest import parse_manifest
from attache.strict_json import canonical, parse_object
from tests.protocol.making import (
    ME,
    NOW,
    ORIGINATOR,
    THIRD,
    StubParty,
    flipped,
    make_facts,
    manifest_for,
    part_of,
    receive,
    refused,
    reworked,
    seal_part,
    send,
    signed_anew,
)

# --- the sealed manifest


def test_manifest_of_one_package_in_the_envelope_of_another(parties):
    one, other = send(parties), send(parties)
    raw = reworked(one.envelope, lambda it: it.update(manifest=parse_object(other.envelope.raw)["manifest"]))
    with refused("malformed-package", "1-shape"):
        parse_envelope(raw)


def test_two_readers_are_shown_different_contents(parties):
    """One ciphertext, but the second entry holds another content key than the first."""
    mine, archive = parties[ME], parties["europol"]
    second = next(key for key in archive.descriptor.keys if key.algorithm is Algorithm.HPKE_10)
    shared = StubParty.like(mine.descriptor, keys=(*mine.descriptor.keys, second))
    one, other = send(parties, to=shared), send(parties, to=shared)
    foreign = parse_object(other.envelope.raw)["manifest"]["recipients"][1]

    def splice(document):
        document["manifest"]["recipients"][1] = foreign

    envelope = parse_envelope(reworked(one.envelope, splice))
    for keys in (mine.keys, archive.keys):
        with refused("decryption-failed", "3-decrypt"):
            receive(parties, envelope, me=shared, keys=keys)


def test_second_reader_is_taken_out(parties):
    archive = parties["europol"]
    second = next(key for key in archive.descriptor.keys if key.algorithm is Algorithm.HPKE_10)
    shared = StubParty.like(parties[ME].descriptor, keys=(*parties[ME].descriptor.keys, second))
    raw = reworked(send(parties, to=shared).envelope, lambda it: it["manifest"]["recipients"].pop())
    with refused("decryption-failed", "3-decrypt"):
        receive(parties, parse_envelope(raw), me=shared)


@pytest.mark.parametrize("member", ["iv", "tag", "ciphertext"])
def test_sealed_bytes_changed(parties, member):
    def change(document):
        data = parse_b64u(document["manifest"][member])
        document["manifest"][member] = b64u(flipped(data, len(data) // 2))

    with refused("decryption-failed", "3-decrypt"):
        receive(parties, parse_envelope(reworked(send(parties).envelope, change)))


@pytest.mark.parametrize("suite", Suite)
def test_wrapped_key_changed(parties, suite):
    def change(document):
        entry = document["manifest"]["recipients"][0]
        entry["encrypted_key"] = b64u(flipped(parse_b64u(entry["encrypted_key"]), 3))

    with refused("decryption-failed", "3-decrypt"):
        receive(parties, parse_envelope(reworked(send(parties, suite=suite).envelope, change)))


def test_ephemeral_key_off_the_curve(parties):
    """Invalid-curve attack on the recipient's P-384 key."""

    def change(document):
        epk = document["manifest"]["recipients"][0]["header"]["epk"]
        epk["y"] = b64u(flipped(parse_b64u(epk["y"]), 47))

    raw = reworked(send(parties, suite=Suite.CLASSICAL_1).envelope, change)
    with refused("malformed-package", "1-shape"):
        parse_envelope(raw)


@pytest.mark.parametrize("length", [0, 1, 1664, 1666])
def test_encapsulation_of_another_length(parties, length):
    def change(document):
        document["manifest"]["recipients"][0]["header"]["ek"] = b64u(bytes(length))

    with refused("decryption-failed", "3-decrypt"):
        receive(parties, parse_envelope(reworked(send(parties).envelope, change)))


@pytest.mark.parametrize(
    "change",
    [
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"enc": "A128GCM"},
        {"enc": "A256CBC-HS512"},
        {"typ": "JWT"},
        {"key_commitment": "AAAA"},
        {"alg": "dir"},
    ],
    ids=str,
)
def test_protected_header_of_the_jwe(parties, change):
    def alter(document):
        header = {**parse_object(parse_b64u(document["manifest"]["protected"])), **change}
        document["manifest"]["protected"] = b64u(canonical(header))

    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, alter))


@pytest.mark.parametrize("alg", ["dir", "RSA1_5", "PBES2-HS256+A128KW", "ECDH-ES", "HPKE-10", "A256KW"])
def test_key_encryption_of_no_suite(parties, alg):
    def alter(document):
        document["manifest"]["recipients"][0]["header"]["alg"] = alg

    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, alter))


def test_recipient_key_named_twice(parties):
    def double(document):
        document["manifest"]["recipients"] *= 2

    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(send(parties).envelope, double))


# --- the manifest


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("package_id", "0192f3a0-0000-7000-8000-000000000000"),
        ("originator", "europol"),
        ("recipient", THIRD),
        ("suite", "classical-1"),
        ("sealed_at", "2026-11-22T09:00:00.000001Z"),
        ("recipient_key_ids", ["A" * 43]),
    ],
)
def test_envelope_and_manifest_disagree(parties, manifest, member, value):
    with refused("envelope-mismatch", "5-manifest"):
        receive(parties, signed_anew(parties, manifest, lambda it: it.update({member: value})))


@pytest.mark.parametrize("member", ["ciphertext_root", "ciphertext_bytes"])
def test_part_of_envelope_and_manifest_disagree(parties, manifest, member):
    value = "1" * 64 if member == "ciphertext_root" else 12345
    with refused("envelope-mismatch", "5-manifest"):
        receive(parties, signed_anew(parties, manifest, lambda it: it["parts"][0].update({member: value})))


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(version=2),
        lambda it: it.update(extra="member"),
        lambda it: it.pop("title"),
        lambda it: it.update(title="a\u202eb"),
        lambda it: it.update(title="a\nb"),
        lambda it: it.update(title="x" * 301),
        lambda it: it.update(kind="rumour"),
        lambda it: it.update(markings=["TLP:PURPLE"]),
        lambda it: it.update(offered_suites=["classical-1"]),
        lambda it: it.update(expires_at="2020-01-01T00:00:00Z"),
        lambda it: it.update(created_at="2026-11-22 08:00:00Z"),
        lambda it: it.update(created_at="2026-11-22T08:00:00+00:00"),
        lambda it: it.update(created_at=1763797200),
        lambda it: it["parts"][0].update(name="../../etc/passwd"),
        lambda it: it["parts"][0].update(name=".."),
        lambda it: it["parts"][0].update(name="a\\b"),
        lambda it: it["parts"][0].update(name="a\x00b"),
        lambda it: it["parts"][0].update(name="é" * 128),
        lambda it: it["parts"][0].update(bytes=-1),
        lambda it: it["parts"][0].update(bytes=True),
        lambda it: it["parts"][0].update(bytes="5"),
        lambda it: it["parts"][0].update(redacted=1),
        lambda it: it["parts"][0].update(key="AAAA"),
        lambda it: it["parts"][0].update(key="A" * 42 + "B"),
        lambda it: it["parts"][0].update(sha256="F" * 64),
        lambda it: it["parts"].clear(),
        lambda it: it["parts"].append(it["parts"][0]),
        lambda it: it["release"].update(policy_set_hash=""),
        lambda it: it.update(recipient_key_ids=[]),
    ],
)
def test_signed_but_malformed(parties, manifest, change):
    with refused("malformed-package", "5-manifest"):
        receive(parties, signed_anew(parties, manifest, change))


def test_part_key_reused(parties):
    first, second = seal_part(b"one", bytes(32)), seal_part(b"two", bytes(32))
    parts = [part_of(first[1], "one.txt"), part_of(second[1], "two.txt")]
    with pytest.raises(ValueError, match="same key"):
        make_facts(parts)
    other = manifest_for(parties, make_facts([parts[0], part_of(seal_part(b"two")[1], "two.txt")]))

    def reuse(document):
        document["parts"][1]["key"] = document["parts"][0]["key"]

    with refused("malformed-package", "5-manifest"):
        receive(parties, signed_anew(parties, other, reuse))


def test_million_parts_in_a_manifest():
    """Bounded before anything of it is used, and by the size of the envelope before that."""
    part = b'{"bytes":1}'
    raw = b'{"parts":[' + b",".join([part] * 1_000_000) + b"]}"
    with pytest.raises(MalformedInput, match="more than 1000 entries"):
        parse_manifest(raw)


def test_million_members_in_a_manifest():
    raw = canonical({str(number): 0 for number in range(100_000)})
    with pytest.raises(MalformedInput, match="more than 64 members"):
        parse_manifest(raw)


def test_million_parts_in_an_envelope(parties):
    envelope = send(parties).envelope
    part = parse_object(envelope.raw)["parts"][0]
    with refused("malformed-package", "1-shape"):
        parse_envelope(reworked(envelope, lambda it: it.update(parts=[part] * 1001)))
    with refused("payload-too-large", "1-shape"):
        parse_envelope(b"[" + b"1," * 1_000_000 + b"1]")


# --- freshness


def test_expired(parties):
    sent = send(parties, expires_at=NOW + timedelta(hours=1))
    with refused("package-expired", "6-freshness"):
        receive(parties, sent.envelope, now=NOW + timedelta(hours=1))


def test_from_the_future(parties):
    sent = send(parties, sealed_at=NOW + timedelta(minutes=6), created_at=NOW)
    with refused("package-from-the-future", "6-freshness"):
        receive(parties, sent.envelope)
    assert receive(parties, sent.envelope, now=NOW + timedelta(minutes=1))


def test_replayed_after_a_restart(parties):
    """What was accepted is on record, not in memory: the very same is answered with its receipt."""
    sent = send(parties)
    record = {}
    first = receive(parties, sent.envelope, seen=lambda *ids: record.get(ids))
    assert not first.is_repeated
    record[ORIGINATOR, sent.envelope.package_id] = first.manifest_sha256
    again = receive(parties, parse_frame(encode_frame(sent.envelope)), seen=lambda *ids: record.get(ids))
    assert again.is_repeated
    late = receive(
        parties, sent.envelope, seen=lambda *ids: record.get(ids), now=sent.facts.expires_at + timedelta(days=1)
    )
    assert late.is_repeated


def test_package_id_used_for_another_package(parties):
    one = send(parties)
    other = send(parties, b"other content", package_id=one.facts.package_id)
    digest = receive(parties, one.envelope).manifest_sha256
    with refused("package-conflict", "6-freshness"):
        receive(parties, other.envelope, seen=lambda _originator, _package: digest)
