"""A package is sealed, travels, and opens: both suites, all sizes, and what the recipient learns."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from attache.crypto import SUITES, Algorithm, KeyUse, Suite, sha256_hex
from attache.errors import Misconfigured, NotAuthentic, UnknownKey, UnsupportedVersion
from attache.package import (
    BLOCK_BYTES,
    KeyStatus,
    encode_frame,
    parse_frame,
    read_frame,
    reopen_manifest,
    seal,
    uuid7,
)
from attache.package.manifest import encode_manifest, parse_manifest
from tests.protocol.making import ME, NOW, ORIGINATOR, Reader, StubParty, make_facts, part_of, receive, seal_part, send

MIB = BLOCK_BYTES


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("size", [0, 1, 16 * 1024, MIB - 56, MIB - 55, MIB, 2 * MIB + 7])
def test_round_trip(parties, suite, size):
    content = bytes(range(256)) * (size // 256 + 1)
    sent = send(parties, content[:size], b"a second part", suite=suite)
    stream = io.BytesIO(encode_frame(sent.envelope) + b"".join(sent.ciphertexts))

    package = receive(parties, read_frame(stream))

    assert package.manifest.suite is suite
    assert {name: getattr(package.manifest, name) for name in type(sent.facts).model_fields} == dict(sent.facts)
    for index, part in enumerate(package.envelope.parts):
        reader = Reader()
        reader.read(package, index, [stream.read(part.ciphertext_bytes)])
        assert reader.published == sent.contents[index]
    assert stream.read() == b""


def test_what_was_accepted_opens_again_by_its_digest_and_nothing_else_does(parties):
    sent, other = send(parties, b"accepted"), send(parties, b"another")
    keys, digest = parties[ME].keys, receive(parties, sent.envelope).manifest_sha256
    again = reopen_manifest(sent.envelope, keys=keys, manifest_sha256=digest)
    assert (again.manifest, again.is_repeated) == (receive(parties, sent.envelope).manifest, True)
    for envelope in (other.envelope, replace(sent.envelope, clear=other.envelope.clear)):
        with pytest.raises(NotAuthentic) as caught:
            reopen_manifest(envelope, keys=keys, manifest_sha256=digest)
        assert (caught.value.code, caught.value.step) == ("envelope-mismatch", "5-manifest")
    with pytest.raises(UnknownKey):
        reopen_manifest(sent.envelope, keys=parties[ORIGINATOR].keys, manifest_sha256=digest)


@pytest.mark.parametrize("chunk", [1, 17, 4096, MIB - 1, MIB, MIB + 1, 10 * MIB])
def test_chunks_may_have_any_size(parties, chunk):
    content = bytes(300) if chunk == 1 else bytes(2 * MIB + 3)
    sent = send(parties, content)
    package = receive(parties, sent.envelope)
    whole = sent.ciphertexts[0]
    pieces = [whole[start : start + chunk] for start in range(0, len(whole), chunk)]
    for hashes in (None, sent.sealed_parts[0].block_hashes):
        reader = Reader()
        reader.read(package, 0, pieces, hashes)
        assert reader.published == content


def test_sealer_is_indifferent_to_how_bytes_arrive():
    key, content = bytes(range(32)), bytes(MIB + 5000)
    from attache.package import PartSealer

    whole = PartSealer(key)
    pieces = PartSealer(key)
    head = whole.update(content)
    for start in range(0, len(content), 700):
        pieces.update(content[start : start + 700])
    (_, one), (_, other) = whole.finish(), pieces.finish()
    assert head
    assert (one.bytes, one.sha256, one.ciphertext_bytes) == (other.bytes, other.sha256, other.ciphertext_bytes)
    assert one.sha256 == sha256_hex(content)


def test_a_part_is_sealed_once_for_all_recipients(parties):
    ciphertext, sealed = seal_part(b"shared")
    facts = make_facts([part_of(sealed)])
    envelopes = {
        name: seal(facts, keys=parties[ORIGINATOR].keys, recipient=parties[name].descriptor, sealed_at=NOW)
        for name in (ME, "partner-sydney")
    }
    for name, envelope in envelopes.items():
        reader = Reader()
        reader.read(receive(parties, envelope, at=name), 0, [ciphertext])
        assert reader.published == b"shared"
    assert envelopes[ME].package_id == envelopes["partner-sydney"].package_id


def test_the_best_common_suite_is_taken_and_the_offer_is_signed(parties):
    both = send(parties).facts
    theirs = parties[ME].descriptor

    def suite_of(recipient, suites):
        keys = parties[ORIGINATOR].keys
        envelope = seal(both, keys=keys, recipient=recipient, sealed_at=NOW, suites=suites)
        manifest = receive(parties, envelope, me=recipient).manifest
        return manifest.suite, manifest.offered_suites

    assert suite_of(theirs, tuple(Suite)) == (Suite.HYBRID_1, tuple(Suite))
    assert suite_of(theirs, (Suite.CLASSICAL_1,)) == (Suite.CLASSICAL_1, tuple(Suite))
    only_classical = StubParty.like(theirs, suites=(Suite.CLASSICAL_1,))
    assert suite_of(only_classical, tuple(Suite)) == (Suite.CLASSICAL_1, (Suite.CLASSICAL_1,))
    with pytest.raises(UnsupportedVersion):
        suite_of(only_classical, (Suite.HYBRID_1,))


def test_a_second_reader_opens_the_same_package(parties):
    """Two keys of one epoch, in two hands."""
    mine, archive = parties[ME], parties["europol"]
    algorithm = SUITES[Suite.HYBRID_1].sealing
    second = next(key for key in archive.descriptor.keys if key.algorithm is algorithm)
    shared = StubParty.like(mine.descriptor, keys=(*mine.descriptor.keys, second))
    sent = send(parties, to=shared)
    first = receive(parties, sent.envelope, me=shared)
    other = receive(parties, sent.envelope, me=shared, keys=archive.keys)
    assert first.manifest == other.manifest
    assert len(first.manifest.recipient_key_ids) == 2


def test_only_the_newest_epoch_is_sealed_to(parties):
    mine = parties[ME].descriptor
    newer = next(key for key in parties["europol"].descriptor.keys if key.algorithm is Algorithm.HPKE_10)
    rotated = StubParty.like(mine, keys=(*mine.keys, replace(newer, epoch=2)))
    sent = send(parties, to=rotated)
    assert sent.envelope.sealed_manifest.key_ids == (newer.key_id,)


def test_an_old_epoch_still_opens_what_was_sealed_to_it(parties):
    sent = send(parties)
    retired = StubParty.like(
        parties[ME].descriptor,
        keys=tuple(
            replace(key, status=KeyStatus.RETIRED, not_after=NOW + timedelta(days=1))
            for key in parties[ME].descriptor.keys
        ),
    )
    assert receive(parties, sent.envelope, me=retired, now=NOW + timedelta(days=3)).manifest.title
    with pytest.raises(UnknownKey):
        send(parties, to=retired)


def test_nobody_is_sealed_to_without_an_active_key(parties):
    mine = parties[ME].descriptor
    without = StubParty.like(mine, keys=tuple(key for key in mine.keys if key.use is not KeyUse.SEAL))
    with pytest.raises(UnknownKey):
        send(parties, to=without)


def test_only_the_originators_own_keys_seal(parties):
    facts = send(parties).facts
    with pytest.raises(Misconfigured):
        seal(facts, keys=parties["europol"].keys, recipient=parties[ME].descriptor, sealed_at=NOW)


def test_sizes_add_up(parties):
    sent = send(parties, b"x" * 10, b"y" * 100)
    frame = encode_frame(sent.envelope)
    assert sent.envelope.parts_bytes == sum(len(ciphertext) for ciphertext in sent.ciphertexts)
    assert parse_frame(frame) == sent.envelope


def test_desk_is_signed(parties):
    facts = send(parties).facts
    keys, recipient = parties[ORIGINATOR].keys, parties[ME].descriptor
    envelope = seal(facts, keys=keys, recipient=recipient, sealed_at=NOW, desk="cyber-unit")
    assert receive(parties, envelope).manifest.recipient_desk == "cyber-unit"
    assert "cyber-unit" not in str(envelope.clear)


def test_manifest_survives_its_encoding(parties):
    manifest = receive(parties, send(parties).envelope).manifest
    assert parse_manifest(encode_manifest(manifest)) == manifest


def test_ids_sort_by_time_and_are_uuid7():
    earlier, later = uuid7(NOW), uuid7(NOW + timedelta(milliseconds=1))
    assert earlier < later
    assert earlier[14] == "7"
    assert uuid7(NOW, lambda count: b"\xff" * count)[19] == "b"


def test_secrets_do_not_show(parties):
    sent = send(parties)
    package = receive(parties, sent.envelope)
    key = sent.sealed_parts[0].key
    shown = repr((sent.sealed_parts, package.manifest, parties[ME].keys))
    assert package.manifest.parts[0].key not in shown
    assert repr(key) not in shown
