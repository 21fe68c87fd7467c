"""What the sealed package resists. Each attack is refused with its code at its step, and nothing is given to a reader.

A refusal in steps 1 to 6 leaves no `VerifiedPackage`, so there is nothing to read from. In steps 7 and 8 a `Reader`
stands for whoever stores: it publishes a part only when the part came to its end.
"""

import gzip
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from attache.crypto import Algorithm, KeyUse, Suite, b64u, parse_b64u
from attache.errors import MalformedInput, PayloadTooLarge
from attache.package import (
    BLOCK_BYTES,
    MAX_PART_BYTES,
    KeyStatus,
    PartSealer,
    encode_frame,
    parse_envelope,
    parse_frame,
)
from attache.package.envelope import MAGIC, MAX_ENVELOPE_BYTES
from attache.package.jws import SignedType, sign_statement
from attache.package.manifest import encode_manifest, parse_manifest
from attache.participant import PARTICIPANT
from attache.receipt import RECEIPT, Receipt, ReceiptKind, sign_receipt
from attache.strict_json import canonical, parse_object
from tests.protocol.making import (
    ME,
    NOW,
    ORIGINATOR,
    THIRD,
    Reader,
    StubParty,
    flipped,
    forge,
    keys_by_id,
    make_facts,
    manifest_for,
    part_of,
    receive,
    refused,
    reworked,
    seal_part,
    send,
    signed,
    with_keys,
)

MIB = BLOCK_BYTES


@pytest.fixture
def manifest(parties):
    return manifest_for(parties, send(parties).facts)


# --- signatures: exactly the suite's


@pytest.mark.parametrize("kept", [[0], [1], [1, 0], [0, 0], [1, 1], [0, 1, 0], [0, 1, 1], []])
def test_signature_stripped_doubled_or_reordered(parties, manifest, kept):
    def strip(statement):
        return {**statement, "signatures": [statement["signatures"][index] for index in kept]}

    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=strip))


def test_surplus_signature_in_classical(parties):
    manifest = manifest_for(parties, send(parties).facts, Suite.CLASSICAL_1)
    envelope = forge(
        parties, manifest, statement=lambda it: {**it, "signatures": [*it["signatures"], *it["signatures"]]}
    )
    with refused("signature-invalid", "4-signatures"):
        receive(parties, envelope)


def test_one_of_two_signatures_is_by_somebody_else(parties, manifest):
    by_another = parse_object(signed(parties, encode_manifest(manifest), Suite.HYBRID_1, by="europol"))["signatures"]
    for index in (0, 1):

        def mix(statement, index=index):
            signatures = list(statement["signatures"])
            signatures[index] = by_another[index]
            return {**statement, "signatures": signatures}

        with refused("unknown-key", "4-signatures"):
            receive(parties, forge(parties, manifest, statement=mix))


def test_one_of_two_signatures_is_over_something_else(parties, manifest):
    other = manifest.model_copy(update={"title": "Something else"})
    elsewhere = parse_object(signed(parties, encode_manifest(other), Suite.HYBRID_1))["signatures"]
    for index in (0, 1):

        def mix(statement, index=index):
            signatures = list(statement["signatures"])
            signatures[index] = elsewhere[index]
            return {**statement, "signatures": signatures}

        with refused("signature-invalid", "4-signatures"):
            receive(parties, forge(parties, manifest, statement=mix))


def test_payload_replaced_under_good_signatures(parties, manifest):
    other = manifest.model_copy(update={"title": "Something else"})
    envelope = forge(parties, manifest, statement=lambda it: {**it, "payload": b64u(encode_manifest(other))})
    with refused("signature-invalid", "4-signatures"):
        receive(parties, envelope)


def change_header(index, **members):
    def change(statement):
        signatures = [dict(entry) for entry in statement["signatures"]]
        header = parse_object(parse_b64u(signatures[index]["protected"]))
        header = {name: value for name, value in {**header, **members}.items() if value is not None}
        signatures[index]["protected"] = b64u(canonical(header))
        return {**statement, "signatures": signatures}

    return change


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES256", "EdDSA", "RS256", "ML-DSA-44", "ML-DSA-87", ""])
def test_alg_swapped(parties, manifest, alg):
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(0, alg=alg)))


def test_alg_none_without_signature(parties, manifest):
    def unsigned(statement):
        statement = change_header(0, alg="none")(statement)
        statement["signatures"][0]["signature"] = ""
        return statement

    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=unsigned))


def test_hs256_keyed_with_the_public_key(parties, manifest):
    public = keys_by_id(parties[ORIGINATOR].descriptor, [parties[ORIGINATOR].keys.signers[Algorithm.ES384].key_id])[0]

    def resign(statement):
        statement = change_header(0, alg="HS256")(statement)
        entry = statement["signatures"][0]
        over = f"{entry['protected']}.{statement['payload']}".encode()
        entry["signature"] = b64u(hmac.new(public.raw, over, hashlib.sha256).digest())
        return statement

    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=resign))


@pytest.mark.parametrize(
    ("true", "index", "claimed"),
    [(Suite.HYBRID_1, 0, "classical-1"), (Suite.HYBRID_1, 1, "classical-1"), (Suite.CLASSICAL_1, 0, "hybrid-1")],
)
def test_suite_in_headers_disagrees(parties, true, index, claimed):
    """A header that names the weaker suite does not make one signature enough."""
    manifest = manifest_for(parties, send(parties).facts, true)
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(index, suite=claimed)))


def test_downgrade_to_the_classical_signature(parties, manifest):
    """A hybrid envelope around a manifest that is signed with ES384 alone, in earnest."""
    weak = signed(parties, encode_manifest(manifest), Suite.CLASSICAL_1)
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, raw_statement=weak))


def test_unknown_suite_in_header(parties, manifest):
    with refused("unsupported-version", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(0, suite="hybrid-0")))


@pytest.mark.parametrize("member", ["crit", "jwk", "jku", "x5u", "b64", "zip"])
def test_surplus_header_member(parties, manifest, member):
    with refused("malformed-package", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(1, **{member: ["b64"]})))


def test_unprotected_header(parties, manifest):
    def add(statement):
        statement["signatures"][0]["header"] = {"alg": "ES384"}
        return statement

    with refused("malformed-package", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=add))


# --- a signature of one kind never stands for another


@pytest.mark.parametrize("typ", [RECEIPT, PARTICIPANT, SignedType("at+jwt"), SignedType("JWT")], ids=lambda it: it.typ)
def test_signed_as_another_kind(parties, manifest, typ):
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, type_=typ))


def test_receipt_presented_as_manifest(parties, manifest):
    receipt = Receipt(
        receipt=ReceiptKind.DELIVERED,
        package_id=manifest.package_id,
        originator="europol",
        recipient=ORIGINATOR,
        envelope_sha256="0" * 64,
        manifest_sha256="0" * 64,
        parts=("0" * 64,),
        at=NOW,
    )
    raw = sign_receipt(receipt, parties[ORIGINATOR].keys)
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, raw_statement=raw))


def test_descriptor_presented_as_manifest(parties, manifest):
    with refused("signature-invalid", "4-signatures"):
        receive(parties, forge(parties, manifest, raw_statement=parties[ORIGINATOR].descriptor.raw))


def test_access_token_presented_as_manifest(parties, manifest):
    with refused("malformed-package", "4-signatures"):
        receive(parties, forge(parties, manifest, raw_statement=b"eyJhbGciOiJFUzM4NCJ9.e30.AAAA"))


# --- keys and certificates


def revoke(of):
    return lambda key: replace(key, status=KeyStatus.REVOKED) if key.use is of else key


def limit(of, /, **changes):
    return lambda key: replace(key, **changes) if key.use is of else key


@pytest.mark.parametrize(
    "change",
    [
        revoke(KeyUse.SIGN),
        limit(KeyUse.SIGN, not_before=NOW + timedelta(seconds=1)),
        limit(KeyUse.SIGN, not_after=NOW - timedelta(seconds=1)),
        limit(KeyUse.SIGN, not_after=NOW - timedelta(seconds=1), status=KeyStatus.RETIRED),
        limit(KeyUse.SIGN, use=KeyUse.SEAL),
    ],
    ids=["revoked", "not-yet-valid", "over", "retired-before", "for-another-use"],
)
def test_signing_key_that_did_not_hold(parties, change):
    originator = with_keys(parties[ORIGINATOR].descriptor, change)
    with refused("unknown-key", "4-signatures"):
        receive(parties, send(parties).envelope, originator=originator)


@pytest.mark.parametrize(
    "change",
    [
        revoke(KeyUse.SEAL),
        limit(KeyUse.SEAL, not_before=NOW + timedelta(seconds=1)),
        limit(KeyUse.SEAL, not_after=NOW - timedelta(seconds=1)),
        limit(KeyUse.SEAL, use=KeyUse.SIGN),
    ],
    ids=["revoked", "not-yet-valid", "over", "for-another-use"],
)
def test_sealing_key_that_did_not_hold(parties, change):
    me = with_keys(parties[ME].descriptor, change)
    with refused("unknown-key", "2-address"):
        receive(parties, send(parties).envelope, me=me)


def test_key_id_confusion_between_algorithms(parties, manifest):
    """The ES384 header names the ML-DSA key, and the other way round."""
    signers = parties[ORIGINATOR].keys.signers
    with refused("unknown-key", "4-signatures"):
        wrong = change_header(0, kid=signers[Algorithm.ML_DSA_87].key_id)
        receive(parties, forge(parties, manifest, statement=wrong))
    with refused("unknown-key", "4-signatures"):
        wrong = change_header(1, kid=signers[Algorithm.ES384].key_id)
        receive(parties, forge(parties, manifest, statement=wrong))


def test_key_id_of_another_participant(parties, manifest):
    kid = parties["europol"].keys.signers[Algorithm.ES384].key_id
    with refused("unknown-key", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(0, kid=kid)))


def test_key_id_confusion_between_recipient_keys(parties):
    """The entry for my hybrid key is labelled as my classical one, and is then none of the suite's."""
    classical = next(key for key in parties[ME].descriptor.keys if key.algorithm is Algorithm.ECDH_P384)

    def relabel(document):
        document["manifest"]["recipients"][0]["header"]["kid"] = classical.key_id

    raw = reworked(send(parties).envelope, relabel)
    with refused("unknown-key", "2-address"):
        receive(parties, parse_envelope(raw))


def test_certificate_revoked(parties):
    with refused("certificate-revoked", "4-signatures"):
        receive(parties, send(parties).envelope, revoked=lambda certificate: True)


def test_certificate_of_a_ca_that_is_not_pinned(parties):
    stolen = StubParty.like(
        parties[ORIGINATOR].descriptor,
        certificate_authorities=parties["europol"].descriptor.certificate_authorities,
    )
    with refused("certificate-rejected", "4-signatures"):
        receive(parties, send(parties).envelope, originator=stolen)


def test_certificate_left_out(parties, manifest):
    with refused("certificate-rejected", "4-signatures"):
        receive(parties, forge(parties, manifest, statement=change_header(0, x5c=None)))


def test_certificate_for_another_key(parties, manifest):
    """A chain of the same CA that certifies the TLS key."""
    tls = parties[ORIGINATOR].tls_certificates["tls-server"]
    from certs_example.authority import as_value

    keys = parties[ORIGINATOR].keys
    chained = replace(keys, chains={keys.signers[Algorithm.ES384].key_id: (as_value(tls),)})
    raw = sign_statement(SignedType("attache-manifest+json"), encode_manifest(manifest), chained, Suite.HYBRID_1)
    with refused("certificate-rejected", "4-signatures"):
        receive(parties, forge(parties, manifest, raw_statement=raw))


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


def signed_anew(parties, manifest, change):
    document = parse_object(encode_manifest(manifest))
    change(document)
    return forge(parties, manifest, payload=canonical(document))


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


# --- parts


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
