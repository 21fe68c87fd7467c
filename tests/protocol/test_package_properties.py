"""Properties: no changed byte is accepted, and no bytes at all raise anything but an AttacheError."""

import contextlib
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attache.crypto import (
    Algorithm,
    Certificate,
    PrivateKey,
    PublicKey,
    Suite,
    b64u,
    certificates_of_pem,
    parse_b64u,
    parse_jwk,
    verify_crl,
)
from attache.errors import AttacheError
from attache.package import BLOCK_BYTES, encode_frame, parse_envelope, parse_frame, parse_statement, read_frame
from attache.package.blocks import BlockTree, VerifiedBlocks, root_of_blocks, root_of_leaf_hashes
from attache.package.instants import instant_text, parse_instant
from attache.package.jwe import parse_sealed_text
from attache.package.jws import MANIFEST
from attache.package.manifest import encode_manifest, parse_manifest
from attache.participant import PARTICIPANT, fingerprint_of, verify_descriptor
from attache.participant.statement import parse_descriptor_payload
from attache.receipt import Receipt, ReceiptKind, parse_receipt_payload, sign_receipt, verify_receipt
from attache.strict_json import canonical, parse_object
from attache.translog.merkle import root_of_leaf_hashes as log_root
from certs_example.authority import as_value
from tests.protocol.making import ME, NOW, ORIGINATOR, flipped, forge, manifest_for, receive, seal_part, send

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(SETTINGS, max_examples=300)

POSITION, BIT = st.integers(0, 10**9), st.integers(0, 7).map(lambda it: 1 << it)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def both(parties):
    return {suite: send(parties, b"content " * 10, suite=suite) for suite in Suite}


@pytest.mark.parametrize("suite", Suite)
@SETTINGS
@given(position=POSITION, bit=BIT)
def test_any_bit_of_the_frame(parties, both, suite, position, bit):
    frame = encode_frame(both[suite].envelope)
    changed = flipped(frame, position % len(frame), bit)
    with pytest.raises(AttacheError):
        receive(parties, parse_frame(changed))


@pytest.mark.parametrize("suite", Suite)
@SETTINGS
@given(position=POSITION, value=st.integers(0, 255))
def test_any_byte_of_the_frame(parties, both, suite, position, value):
    frame = encode_frame(both[suite].envelope)
    at = position % len(frame)
    changed = frame[:at] + bytes([value]) + frame[at + 1 :]
    if changed != frame:
        with pytest.raises(AttacheError):
            receive(parties, parse_frame(changed))


@pytest.mark.parametrize("suite", Suite)
@SETTINGS
@given(position=POSITION, bit=BIT)
def test_any_bit_of_the_signed_manifest(parties, both, suite, position, bit):
    """As only the originator or the recipient could change it: inside the encryption."""
    package = receive(parties, both[suite].envelope)
    changed = flipped(package.signed_manifest, position % len(package.signed_manifest), bit)
    envelope = forge(parties, package.manifest, raw_statement=changed)
    with pytest.raises(AttacheError):
        receive(parties, envelope)


@SETTINGS
@given(position=POSITION, bit=BIT)
def test_any_bit_of_a_part(parties, both, position, bit):
    sent = both[Suite.HYBRID_1]
    package = receive(parties, sent.envelope)
    ciphertext = sent.ciphertexts[0]
    changed = flipped(ciphertext, position % len(ciphertext), bit)
    for hashes in (None, sent.sealed_parts[0].block_hashes):
        taken = []
        with pytest.raises(AttacheError):
            taken.extend(package.open_part(0, [changed], hashes))
        assert taken == []


@SETTINGS
@given(cut=POSITION)
def test_any_part_cut_short(parties, both, cut):
    sent = both[Suite.HYBRID_1]
    package = receive(parties, sent.envelope)
    taken = []
    with pytest.raises(AttacheError):
        taken.extend(package.open_part(0, [sent.ciphertexts[0][: cut % len(sent.ciphertexts[0])]]))
    assert taken == []


@SETTINGS
@given(position=POSITION, bit=BIT)
def test_any_bit_of_a_receipt(parties, both, position, bit):
    envelope = both[Suite.HYBRID_1].envelope
    receipt = Receipt(
        receipt=ReceiptKind.DELIVERED,
        package_id=envelope.package_id,
        originator=ORIGINATOR,
        recipient=ME,
        envelope_sha256=envelope.sha256,
        manifest_sha256="0" * 64,
        parts=(envelope.parts[0].ciphertext_root,),
        at=NOW,
    )
    raw = sign_receipt(receipt, parties[ME].keys)
    with pytest.raises(AttacheError):
        verify_receipt(flipped(raw, position % len(raw), bit), parties[ME].descriptor)


@SETTINGS
@given(position=POSITION, bit=BIT)
def test_any_bit_of_a_descriptor(parties, position, bit):
    descriptor = parties[ME].descriptor
    raw = flipped(descriptor.raw, position % len(descriptor.raw), bit)
    with pytest.raises(AttacheError):
        verify_descriptor(raw, fingerprint=descriptor.sha256)


BYTES = st.binary(max_size=200) | JSON.map(canonical) | st.text(max_size=60).map(str.encode)


@MANY
@given(raw=BYTES)
def test_any_bytes_at_all(parties, raw):
    ca = as_value(parties[ME].authority.certificate)
    for parse in (
        parse_frame,
        parse_envelope,
        parse_manifest,
        parse_receipt_payload,
        parse_descriptor_payload,
        fingerprint_of,
        Certificate,
        certificates_of_pem,
        lambda it: read_frame(io.BytesIO(it)),
        lambda it: parse_statement(it, MANIFEST),
        lambda it: parse_statement(it, PARTICIPANT),
        lambda it: verify_receipt(it, parties[ME].descriptor),
        lambda it: verify_crl(it, ca, now=NOW),
        lambda it: verify_descriptor(it, fingerprint="0" * 64),
        lambda it: VerifiedBlocks(it, ciphertext_bytes=100, ciphertext_root="0" * 64),
    ):
        with pytest.raises(AttacheError):
            parse(raw)


@MANY
@given(raw=st.binary(max_size=40) | st.binary(min_size=97, max_size=97))
def test_any_bytes_for_a_key(raw):
    for algorithm in Algorithm:
        for make in (PublicKey, PrivateKey):
            with contextlib.suppress(AttacheError):
                assert make(algorithm, raw).algorithm is algorithm


@MANY
@given(raw=st.binary(max_size=300))
def test_any_bytes_behind_the_version_line(raw):
    framed = b"attache-package/1\n" + len(raw).to_bytes(4, "big") + raw
    for parse in (parse_frame, lambda it: read_frame(io.BytesIO(it))):
        with pytest.raises(AttacheError):
            parse(framed)


@MANY
@given(value=JSON)
def test_any_json_where_a_value_is_due(value):
    with contextlib.suppress(AttacheError):
        parse_b64u(value)
    with contextlib.suppress(AttacheError):
        parse_instant(value)
    for algorithm in Algorithm:
        with pytest.raises(AttacheError):
            parse_jwk(value, algorithm)
    with pytest.raises(AttacheError):
        parse_sealed_text(value)


PLACE = st.lists(st.integers(0, 50), min_size=1, max_size=5)


def put(document, place, value):
    """Replace what a walk by `place` comes to."""
    for step in place[:-1]:
        entries = list(document) if isinstance(document, dict) else range(len(document))
        if not entries or not isinstance(document[entries[step % len(entries)]], dict | list):
            break
        document = document[entries[step % len(entries)]]
    entries = list(document) if isinstance(document, dict) else range(len(document))
    if entries:
        document[entries[place[-1] % len(entries)]] = value


@MANY
@given(place=PLACE, value=JSON)
def test_any_json_anywhere_in_an_envelope(parties, both, place, value):
    document = parse_object(both[Suite.CLASSICAL_1].envelope.raw)
    put(document, place, value)
    raw = canonical(document)
    if raw != both[Suite.CLASSICAL_1].envelope.raw:
        with pytest.raises(AttacheError):
            receive(parties, parse_envelope(raw))


@SETTINGS
@given(place=PLACE, value=JSON)
def test_any_json_anywhere_in_a_signed_manifest(parties, both, place, value):
    """Even the originator cannot make the parser fall over."""
    manifest = manifest_for(parties, both[Suite.CLASSICAL_1].facts, Suite.CLASSICAL_1)
    document = parse_object(encode_manifest(manifest))
    put(document, place, value)
    envelope = forge(parties, manifest, payload=canonical(document))
    with contextlib.suppress(AttacheError):
        receive(parties, envelope)


@SETTINGS
@given(place=PLACE, value=JSON)
def test_any_json_anywhere_in_a_statement(parties, both, place, value):
    manifest = manifest_for(parties, both[Suite.CLASSICAL_1].facts, Suite.CLASSICAL_1)

    def change(statement):
        put(statement, place, value)
        return statement

    with contextlib.suppress(AttacheError):
        receive(parties, forge(parties, manifest, statement=change))


@MANY
@given(hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_block_tree_is_the_logs_tree(hashes):
    assert root_of_leaf_hashes(hashes) == log_root(hashes)


@SETTINGS
@given(data=st.binary(max_size=100), cuts=st.lists(st.integers(0, 100), max_size=5))
def test_the_block_tree_is_indifferent_to_pieces(data, cuts):
    whole, pieces = BlockTree(), BlockTree()
    whole.update(data)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        pieces.update(data[start:end])
    assert whole.bytes == pieces.bytes == len(data)
    assert whole.finish() == pieces.finish()


def test_blocks_verify_in_any_order():
    ciphertext, sealed = seal_part(bytes(2 * BLOCK_BYTES + 9))
    size, root = sealed.ciphertext_bytes, sealed.ciphertext_root
    blocks = VerifiedBlocks(sealed.block_hashes, ciphertext_bytes=size, ciphertext_root=root)
    assert len(blocks) == 3
    assert root_of_blocks(sealed.block_hashes) == root
    for index in (2, 0, 1):
        block = ciphertext[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]
        blocks.verify(index, block)
        for wrong_index, wrong in (
            (index, block[:-1]),
            (index, block + b"\x00"),
            ((index + 1) % 3, block),
            (3, block),
            (-1, block),
        ):
            with pytest.raises(AttacheError):
                blocks.verify(wrong_index, wrong)


@MANY
@given(instant=st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_instants_have_one_spelling(instant):
    text = instant_text(instant)
    assert parse_instant(text) == instant
    for other in (text.lower(), text[:-1] + "+00:00", text.replace("T", " "), text[:-1] + ".000000Z", text + "\n"):
        with pytest.raises(AttacheError):
            parse_instant(other)


@MANY
@given(data=st.binary(max_size=40))
def test_base64url_has_one_spelling(data):
    assert parse_b64u(b64u(data)) == data
