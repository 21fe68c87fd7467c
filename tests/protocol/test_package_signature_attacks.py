"""Attacks on the signatures of a manifest, on the keys and certificates behind them, and on which kind of statement was signed."""

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta

import pytest

from attache.crypto import Algorithm, KeyUse, Suite, b64u, parse_b64u
from attache.package import (
    KeyStatus,
    parse_envelope,
)
from attache.package.jws import SignedType, sign_statement
from attache.package.manifest import encode_manifest
from attache.participant import PARTICIPANT
from attache.receipt import RECEIPT, Receipt, ReceiptKind, sign_receipt
from attache.strict_json import canonical, parse_object
from tests.protocol.making import (
    ME,
    NOW,
    ORIGINATOR,
    StubParty,
    forge,
    keys_by_id,
    manifest_for,
    receive,
    refused,
    reworked,
    send,
    signed,
    with_keys,
)

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
