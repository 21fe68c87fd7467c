"""Other people's libraries open what we seal: the manifest with jwcrypto and npm `jose`, the parts by the book.

Nothing of attache takes part in opening here, except for parsing the vectors' own files.
"""

import base64
import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from jwcrypto import jwe, jwk, jws

from attache.crypto import Algorithm, Suite
from attache.package.manifest import encode_manifest
from tests.protocol.making import ME, ORIGINATOR, receive, send

OUTSIDE = Path(__file__).parent / "outside.mjs"


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sealing_jwk(party):
    key = next(key for key in party.keys.openers.values() if key.algorithm is Algorithm.ECDH_P384)
    return {**key.public_key.jwk(), "d": unpadded(key.secret_bytes())}


def signing_jwk(party, algorithm):
    return party.keys.signers[algorithm].public_key.jwk()


@pytest.fixture
def classical(parties):
    return send(parties, b"for everybody's libraries", suite=Suite.CLASSICAL_1)


def manifest_jwe(sent):
    return json.loads(sent.envelope.raw)["manifest"]


def test_jwcrypto_opens_the_classical_manifest(parties, classical):
    sealed = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    sealed.deserialize(json.dumps(manifest_jwe(classical)), jwk.JWK(**sealing_jwk(parties[ME])))

    signed = jws.JWS()
    signed.allowed_algs = ["ES384"]
    signed.deserialize(sealed.payload.decode(), jwk.JWK(**signing_jwk(parties[ORIGINATOR], Algorithm.ES384)))

    assert signed.payload == encode_manifest(receive(parties, classical.envelope).manifest)
    clear = {name: value for name, value in json.loads(classical.envelope.raw).items() if name != "manifest"}
    assert json.loads(sealed.objects["aad"]) == clear


def test_jwcrypto_verifies_both_signatures_of_the_hybrid_manifest(parties):
    package = receive(parties, send(parties).envelope)
    for algorithm in (Algorithm.ES384, Algorithm.ML_DSA_87):
        signed = jws.JWS()
        signed.allowed_algs = [algorithm.value]
        document = json.loads(package.signed_manifest)
        document["signatures"] = [
            entry
            for entry in document["signatures"]
            if json.loads(from_unpadded(entry["protected"]))["alg"] == algorithm.value
        ]
        signed.deserialize(json.dumps(document), jwk.JWK(**signing_jwk(parties[ORIGINATOR], algorithm)))
        assert signed.payload == encode_manifest(package.manifest)


def test_npm_jose_opens_the_classical_manifest(parties, classical, tmp_path):
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not on this machine")
    install = [npm, "install", "--prefix", str(tmp_path), "--no-audit", "--no-fund", "--silent", "jose@6"]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("npm cannot install jose here")
    given = {
        "jwe": manifest_jwe(classical),
        "recipient": sealing_jwk(parties[ME]),
        "signer": signing_jwk(parties[ORIGINATOR], Algorithm.ES384),
    }
    command = [node, str(OUTSIDE), str(tmp_path)]
    opened = subprocess.run(command, input=json.dumps(given).encode(), check=True, capture_output=True, timeout=60)
    assert opened.stdout == encode_manifest(receive(parties, classical.envelope).manifest)


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 50_000])
def test_parts_open_by_the_book(parties, size):
    """C2SP chunked-encryption with SHA-512 and AES-256-GCM, from its text."""
    content = bytes(index % 251 for index in range(size))
    sent = send(parties, content)
    key = from_unpadded(receive(parties, sent.envelope).manifest.parts[0].key)
    assert by_the_book(key, b"attache-package/1 part", sent.ciphertexts[0]) == content


def by_the_book(key, context, ciphertext):
    salt, commitment, rest = ciphertext[:24], ciphertext[24:56], ciphertext[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    derived = HKDFExpand(SHA512(), 32 + 12 + 32, info).derive(key)
    aead, base_nonce = AESGCM(derived[:32]), derived[32:44]
    assert derived[44:] == commitment
    plaintext = b""
    for number, start in enumerate(range(0, len(rest) or 1, 16384 + 16)):
        counter = struct.pack(">4xQ", number)
        nonce = bytes(one ^ other for one, other in zip(base_nonce, counter, strict=True))
        plaintext += aead.decrypt(nonce, rest[start : start + 16384 + 16], None)
    return plaintext
