"""Known answers: what standards publish, and packages that were sealed once and must open for ever."""

import io
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from attache.crypto import (
    Algorithm,
    KeyRing,
    PrivateKey,
    PublicKey,
    Suite,
    WrappedKey,
    b64u,
    ciphertext_bytes,
    decrypt_content,
    parse_b64u,
)
from attache.crypto.key_wrap import concat_kdf
from attache.package import open_manifest, parse_instant, read_frame
from attache.package.manifest import parse_manifest
from attache.participant import verify_descriptor
from attache.receipt import require_receipt_for, verify_receipt
from attache.strict_json import canonical

VECTORS = Path(__file__).parent.parent / "vectors"


def vector(name):
    return json.loads((VECTORS / name).read_bytes())


def test_es384():
    known = vector("primitives.json")["es384"]
    key = PrivateKey(Algorithm.ES384, bytes.fromhex(known["private_key"]))
    assert key.public_key.raw == b"\x04" + bytes.fromhex(known["x"]) + bytes.fromhex(known["y"])
    key.public_key.verify(known["message"].encode(), bytes.fromhex(known["r"]) + bytes.fromhex(known["s"]))


def test_concat_kdf():
    """Alice's side of RFC 7518's example, which is on P-256; the derivation is the same."""
    known = vector("primitives.json")["concat_kdf"]
    alice = ec.derive_private_key(int.from_bytes(parse_b64u(known["alice_private"]), "big"), ec.SECP256R1())
    point = b"\x04" + parse_b64u(known["bob_x"]) + parse_b64u(known["bob_y"])
    shared = alice.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    derived = concat_kdf(
        shared, known["algorithm_id"], known["key_bytes"], known["apu"].encode(), known["apv"].encode()
    )
    assert b64u(derived) == known["derived"]


def test_ed25519_thumbprint():
    known = vector("primitives.json")["ed25519_thumbprint"]
    key = PrivateKey(Algorithm.ED25519, parse_b64u(known["private_key"]))
    assert b64u(key.public_key.raw) == known["x"]
    assert key.key_id == known["thumbprint"]


def test_jose_hpke_10_ke():
    """The draft's own example: private key form, key id, KEM, KDF, info and AEAD, all at once."""
    known = vector("jose-hpke-10-ke.json")
    key, jwe = PrivateKey(Algorithm.HPKE_10, parse_b64u(known["priv"])), known["jwe"]
    header = json.loads(parse_b64u(jwe["protected"]))
    assert key.key_id == known["kid"] == header["kid"]
    content_key = key.unwrap(WrappedKey(parse_b64u(header["ek"]), parse_b64u(jwe["encrypted_key"])))
    aad = f"{jwe['protected']}.{jwe['aad']}".encode()
    sealed = (parse_b64u(jwe["ciphertext"]), parse_b64u(jwe["tag"]))
    assert decrypt_content(content_key, *sealed, aad, parse_b64u(jwe["iv"])).decode() == known["plaintext"]


@pytest.fixture(scope="module")
def parties():
    made = []
    for known in vector("participants.json"):
        descriptor = verify_descriptor(canonical(known["descriptor"]), fingerprint=known["fingerprint"])
        private = [
            (key["use"], PrivateKey(Algorithm(key["algorithm"]), bytes.fromhex(key["secret"])))
            for key in known["private_keys"]
        ]
        assert [key.key_id for _, key in private] == [key["key_id"] for key in known["private_keys"]]
        signers = {key.algorithm: key for use, key in private if use == "sign"}
        openers = {key.key_id: key for use, key in private if use == "seal"}
        made.append((descriptor, KeyRing(descriptor.participant, signers, openers)))
    return made


@pytest.mark.parametrize("suite", Suite)
def test_package(parties, suite):
    (originator, _), (recipient, ring) = parties
    known = vector(f"package-{suite}.json")
    stream = io.BytesIO(bytes.fromhex(known["package"]))
    package = open_manifest(
        read_frame(stream),
        keys=ring,
        me=recipient,
        originator=originator,
        now=parse_instant(known["now"]),
        seen=lambda _originator, _package: None,
    )
    assert package.manifest_sha256 == known["manifest_sha256"]
    assert package.manifest == parse_manifest(canonical(known["manifest"]))
    assert package.manifest.suite is suite
    for index, part in enumerate(package.manifest.parts):
        assert part.ciphertext_bytes == ciphertext_bytes(part.bytes)
        content = b"".join(package.open_part(index, [stream.read(part.ciphertext_bytes)]))
        assert content == bytes.fromhex(known["parts"][part.name])
    assert stream.read() == b""
    receipt = verify_receipt(canonical(known["receipt"]), recipient)
    require_receipt_for(receipt, package.envelope, package.manifest_sha256)


def test_every_vector_says_where_it_is_from():
    for path in VECTORS.glob("*.json"):
        known = vector(path.name)
        entries = known if isinstance(known, list) else known.values() if path.name == "primitives.json" else [known]
        for entry in entries:
            assert entry.get("source") or entry.get("note"), path.name


def test_a_public_key_of_one_curve_is_none_of_another():
    known = vector("primitives.json")["concat_kdf"]
    point = b"\x04" + parse_b64u(known["bob_x"]) + parse_b64u(known["bob_y"])
    from attache.errors import MalformedInput

    with pytest.raises(MalformedInput):
        PublicKey(Algorithm.ECDH_P384, point)
