"""Attacks on the parts. A `Reader` stands for whoever stores: it publishes a part only when the part came to its end."""

import gzip

import pytest

from attache.crypto import b64u
from attache.errors import PayloadTooLarge
from attache.package import (
    BLOCK_BYTES,
    MAX_PART_BYTES,
    PartSealer,
)
from tests.protocol.making import (
    Reader,
    flipped,
    manifest_for,
    receive,
    refused,
    seal_part,
    send,
    signed_anew,
)

MIB = BLOCK_BYTES


def refused_part(parties, sent, ciphertext, code, step, *, index=0, hashes=None, prefix=None):
    reader = Reader()
    package = receive(parties, sent.envelope)
    with refused(code, step):
        reader.read(package, index, ciphertext, hashes)
    assert reader.published is None
    assert sent.contents[index].startswith(b"".join(reader.taken))
    assert len(b"".join(reader.taken)) < max(1, len(sent.contents[index]))


def blocks_of(ciphertext):
    return [ciphertext[start : start + MIB] for start in range(0, len(ciphertext), MIB)]


MANGLED = {
    "swapped": lambda it: [it[1], it[0], *it[2:]],
    "dropped": lambda it: [it[0], *it[2:]],
    "doubled": lambda it: [it[0], *it],
    "truncated-at-a-border": lambda it: it[:-1],
    "truncated": lambda it: [*it[:-1], it[-1][:-1]],
    "empty": lambda it: [],
    "appended": lambda it: [*it, b"\x00"],
    "appended-block": lambda it: [*it, bytes(MIB)],
    "first-byte": lambda it: [flipped(it[0], 0), *it[1:]],
    "last-byte": lambda it: [*it[:-1], flipped(it[-1], len(it[-1]) - 1)],
    "middle": lambda it: [it[0], flipped(it[1], MIB // 2), *it[2:]],
}


@pytest.mark.parametrize("with_hashes", [False, True], ids=["streamed", "block-by-block"])
@pytest.mark.parametrize("how", MANGLED)
def test_blocks(parties, how, with_hashes):
    sent = send(parties, bytes(3 * MIB))
    hashes = sent.sealed_parts[0].block_hashes if with_hashes else None
    mangled = MANGLED[how](blocks_of(sent.ciphertexts[0]))
    refused_part(parties, sent, mangled, "block-mismatch", "7-blocks", hashes=hashes)


def test_a_wrong_block_is_named(parties):
    sent = send(parties, bytes(3 * MIB))
    mangled = MANGLED["middle"](blocks_of(sent.ciphertexts[0]))
    package = receive(parties, sent.envelope)
    reader = Reader()
    with refused("block-mismatch", "7-blocks"):
        try:
            reader.read(package, 0, mangled, sent.sealed_parts[0].block_hashes)
        except Exception as error:
            assert error.extra == {"block": 1}
            raise
    assert reader.published is None


def test_block_hashes_that_do_not_lead_to_the_root(parties):
    sent = send(parties, bytes(3 * MIB))
    hashes = sent.sealed_parts[0].block_hashes
    refused_part(parties, sent, [], "block-mismatch", "7-blocks", hashes=flipped(hashes, 40))
    refused_part(parties, sent, [], "malformed-package", "7-blocks", hashes=hashes[:-32])
    refused_part(parties, sent, [], "malformed-package", "7-blocks", hashes=b"")


def test_parts_exchanged(parties):
    sent = send(parties, b"first part", b"other part")
    refused_part(parties, sent, [sent.ciphertexts[1]], "block-mismatch", "7-blocks", index=0)


def test_manifest_of_one_package_on_the_parts_of_another(parties):
    one, other = send(parties, b"one package"), send(parties, b"two package")
    refused_part(parties, one, [other.ciphertexts[0]], "block-mismatch", "7-blocks")


def test_content_forged_by_a_recipient_who_knows_the_key(parties):
    """AES-GCM alone would not stop it: the key is known to the recipient, the signed root and digest are not his to make."""
    sent = send(parties, b"true content")
    forged, _ = seal_part(b"fake content", sent.sealed_parts[0].key)
    refused_part(parties, sent, [forged], "block-mismatch", "7-blocks")


@pytest.mark.parametrize(
    ("member", "value"), [("sha256", "0" * 64), ("bytes", 13), ("bytes", 11), ("key", b64u(bytes(32)))]
)
def test_originator_signed_another_content_than_was_sealed(parties, member, value):
    """The ciphertext is the one under the root; what it opens to is not what was signed."""
    sent = send(parties, b"true content")
    manifest = manifest_for(parties, sent.facts)
    lying = signed_anew(parties, manifest, lambda it: it["parts"][0].update({member: value}))
    reader = Reader()
    with refused("part-mismatch", "8-content"):
        reader.read(receive(parties, lying), 0, [sent.ciphertexts[0]])
    assert (reader.taken, reader.published) == ([], None)


def test_wrong_key_is_told_from_wrong_blocks_in_a_long_part(parties):
    sent = send(parties, bytes(3 * MIB))
    manifest = manifest_for(parties, sent.facts)
    lying = signed_anew(parties, manifest, lambda it: it["parts"][0].update(key=b64u(bytes(32))))
    for hashes in (None, sent.sealed_parts[0].block_hashes):
        reader = Reader()
        with refused("part-mismatch", "8-content"):
            reader.read(receive(parties, lying), 0, blocks_of(sent.ciphertexts[0]), hashes)
        assert (reader.taken, reader.published) == ([], None)


def test_endless_ciphertext_is_not_read_to_its_end(parties):
    sent = send(parties, b"short")
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield bytes(MIB)

    refused_part(parties, sent, endless(), "block-mismatch", "7-blocks")
    assert len(taken) <= 2


def test_a_part_has_an_end():
    """After 1 TiB, which nobody here feeds it."""
    sealer = PartSealer()
    sealer._bytes = MAX_PART_BYTES - 1
    assert sealer.update(b"x") is not None
    with pytest.raises(PayloadTooLarge):
        sealer.update(b"x")


def test_zip_bomb_is_not_opened(parties):
    """Content is bytes: nothing here decompresses, so a bomb stays as small as it came."""
    bomb = gzip.compress(bytes(10 * MIB))
    sent = send(parties, bomb)
    reader = Reader()
    reader.read(receive(parties, sent.envelope), 0, [sent.ciphertexts[0]])
    assert reader.published == bomb
