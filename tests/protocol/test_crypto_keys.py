"""Keys: ids, spellings, signatures, key files, and what is refused."""

import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from attache.crypto import (
    Algorithm,
    KeyRing,
    KeyUse,
    PrivateKey,
    PublicKey,
    StoredKey,
    Suite,
    WrappedKey,
    b64u,
    choose_suite,
    generate_private_key,
    load_private_keys,
    load_stored_keys,
    open_at_rest,
    parse_b64u,
    parse_jwk,
    parse_suite,
    save_private_keys,
    seal_at_rest,
    wrap,
)
from attache.crypto.log_keys import Ed25519LogKey
from attache.errors import MalformedInput, Misconfigured, NotAuthentic, SignatureInvalid, UnknownKey, UnsupportedVersion
from tests.protocol.making import flipped

PASSPHRASE = b"correct horse battery staple"
COST = 2**4
SIGNING = [Algorithm.ES384, Algorithm.ML_DSA_87, Algorithm.ML_DSA_44, Algorithm.ED25519]
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


@pytest.fixture(scope="module")
def made():
    return {algorithm: generate_private_key(algorithm) for algorithm in Algorithm if algorithm is not Algorithm.A256GCM}


@pytest.mark.parametrize("algorithm", SIGNING)
def test_signature(made, algorithm):
    key = made[algorithm]
    signature = key.sign(b"message")
    key.public_key.verify(b"message", signature)
    for message, changed in ((b"Message", signature), (b"message", flipped(signature, 5)), (b"message", b"")):
        with pytest.raises(SignatureInvalid):
            key.public_key.verify(message, changed)


@pytest.mark.parametrize(
    "signature",
    [bytes(96), bytes(95), bytes(97), b"\xff" * 96, b"\x30\x06\x02\x01\x01\x02\x01\x01"],
    ids=["zero", "short", "long", "beyond-the-order", "der"],
)
def test_es384_signatures_that_are_none(made, signature):
    with pytest.raises(SignatureInvalid):
        made[Algorithm.ES384].public_key.verify(b"message", signature)


def test_es384_signatures_have_one_length(made):
    """A zero before s means the same number, in another spelling."""
    signature = made[Algorithm.ES384].sign(b"message")
    for longer in (signature[:48] + b"\x00" + signature[48:], signature + b"\x00"):
        with pytest.raises(SignatureInvalid):
            made[Algorithm.ES384].public_key.verify(b"message", longer)


def test_a_sealing_key_does_not_verify(made):
    for algorithm in (Algorithm.ECDH_P384, Algorithm.HPKE_10):
        with pytest.raises(SignatureInvalid):
            made[algorithm].public_key.verify(b"message", bytes(96))


@pytest.mark.parametrize("algorithm", [each for each in Algorithm if each is not Algorithm.A256GCM])
def test_public_key_survives_its_jwk(made, algorithm):
    key = made[algorithm].public_key
    assert parse_jwk(key.jwk(), algorithm) == key
    assert len(key.key_id) == 43
    with pytest.raises(MalformedInput):
        parse_jwk({**key.jwk(), "d": "AAAA"}, algorithm)
    with pytest.raises(MalformedInput):
        parse_jwk({**key.jwk(), "kty": "oct"}, algorithm)
    for value in (None, [], "text", {}, {"kty": "EC"}):
        with pytest.raises(MalformedInput):
            parse_jwk(value, algorithm)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_bytes_that_are_no_key(algorithm):
    for raw in (b"", bytes(97), b"\x04" + bytes(96), bytes(1665), bytes(2591)):
        with pytest.raises(MalformedInput):
            PublicKey(algorithm, raw)
    for raw in (b"", bytes(31), bytes(48), b"\xff" * 48, bytes(112)):
        with pytest.raises(MalformedInput):
            PrivateKey(algorithm, raw)


def test_compressed_point_is_another_spelling_and_refused():
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    compressed = bytes([2 + (point.y & 1)]) + point.x.to_bytes(48, "big")
    with pytest.raises(MalformedInput):
        PublicKey(Algorithm.ECDH_P384, compressed)


def test_scalars_are_sampled_by_rejection():
    draws = iter([b"\xff" * 48, bytes(48), P384_ORDER.to_bytes(48, "big"), bytes(47) + b"\x05"])
    key = generate_private_key(Algorithm.ES384, lambda _count: next(draws))
    assert key.secret_bytes() == bytes(47) + b"\x05"


def test_a_private_key_does_not_show(made):
    for key in made.values():
        assert key.secret_bytes().hex() not in repr(key)
        assert repr(key.secret_bytes()) not in repr(StoredKey.of(KeyUse.SIGN, key))


# --- base64url


@pytest.mark.parametrize(
    "text", ["A", "AB", "AA=", "AA==", "AA\n", " AA", "A+", "A/", "AAB", "é", "AAAAA", None, 1, b"AA"]
)
def test_spellings_that_are_refused(text):
    with pytest.raises(MalformedInput):
        parse_b64u(text)


def test_every_value_has_its_spelling():
    for length in range(5):
        data = os.urandom(length)
        assert parse_b64u(b64u(data), size=length) == data
        with pytest.raises(MalformedInput):
            parse_b64u(b64u(data), size=length + 1)


# --- suites


def test_suites():
    assert choose_suite(Suite, [Suite.CLASSICAL_1, Suite.HYBRID_1]) is Suite.CLASSICAL_1
    assert choose_suite([Suite.HYBRID_1], Suite) is Suite.HYBRID_1
    with pytest.raises(UnsupportedVersion):
        choose_suite([], Suite)
    for name in ("", "hybrid-2", None, [], {}):
        with pytest.raises(UnsupportedVersion):
            parse_suite(name)


# --- wrapped keys


def test_an_encapsulation_has_one_length(made):
    """A compressed point is the same point, and another spelling."""
    key = made[Algorithm.ECDH_P384]
    good = wrap(bytes(32), key.public_key)
    assert key.unwrap(good) == bytes(32)
    compressed = bytes([2 + (good.encapsulated[-1] & 1)]) + good.encapsulated[1:49]
    for encapsulated in (compressed, good.encapsulated + b"\x00", b""):
        with pytest.raises(NotAuthentic):
            key.unwrap(WrappedKey(encapsulated, good.encrypted_key))


@pytest.mark.parametrize("algorithm", [Algorithm.ECDH_P384, Algorithm.HPKE_10])
@pytest.mark.parametrize("size", [16, 24, 40])
def test_a_content_key_has_one_length(made, algorithm, size):
    key = made[algorithm]
    with pytest.raises(NotAuthentic):
        key.unwrap(wrap(bytes(size), key.public_key))


# --- at rest


def test_sealed_at_rest_opens_only_in_its_context():
    key = bytes(range(32))
    sealed = seal_at_rest(key, b"part key", b"package 1 part 0")
    assert open_at_rest(key, sealed, b"package 1 part 0") == b"part key"
    assert seal_at_rest(key, b"part key", b"package 1 part 0") != sealed
    wrong = [
        (key, sealed, b"package 1 part 1"),
        (bytes(32), sealed, b"package 1 part 0"),
        (key, flipped(sealed, 0), b"package 1 part 0"),
        (key, flipped(sealed, len(sealed) - 1), b"package 1 part 0"),
        (key, sealed[:10], b"package 1 part 0"),
        (key, b"", b"package 1 part 0"),
        (key, sealed[:12], b"package 1 part 0"),
    ]
    for arguments in wrong:
        with pytest.raises(NotAuthentic) as caught:
            open_at_rest(*arguments)
        assert caught.value.code == "decryption-failed"


# --- key files


@pytest.fixture
def folder(tmp_path, made):
    keys = [
        StoredKey.of(KeyUse.SIGN, made[Algorithm.ES384]),
        StoredKey.of(KeyUse.SIGN, made[Algorithm.ML_DSA_87]),
        StoredKey.of(KeyUse.SEAL, made[Algorithm.HPKE_10]),
        StoredKey.of(KeyUse.SEAL, made[Algorithm.ECDH_P384]),
        StoredKey.of(KeyUse.LOG, made[Algorithm.ED25519]),
        StoredKey.symmetric(KeyUse.STORAGE, bytes(range(32))),
    ]
    save_private_keys(tmp_path / "keys", keys, PASSPHRASE, cost=COST)
    return tmp_path / "keys"


def load(folder, passphrase=PASSPHRASE):
    return load_private_keys(folder, passphrase, participant="europol")


def test_a_ring_comes_back(folder, made):
    ring = load(folder)
    assert {signer.key_id for signer in ring.signers.values()} == {
        made[Algorithm.ES384].key_id,
        made[Algorithm.ML_DSA_87].key_id,
    }
    assert set(ring.openers) == {made[Algorithm.HPKE_10].key_id, made[Algorithm.ECDH_P384].key_id}
    assert ring.storage_key == bytes(range(32))
    assert ring.log.public_key == made[Algorithm.ED25519].public_key.raw
    assert (ring.witness, ring.tls_passphrase) == (None, None)
    assert ring.suites() == tuple(Suite)
    with pytest.raises(UnknownKey):
        ring.opener("nobody's")


def test_files_are_private_and_never_replaced(folder, made):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError):
        save_private_keys(folder, [StoredKey.of(KeyUse.SIGN, made[Algorithm.ES384])], PASSPHRASE, cost=COST)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_no_secret_is_in_the_clear(folder, made):
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    for key in made.values():
        for spelling in (key.secret_bytes(), key.secret_bytes().hex().encode(), b64u(key.secret_bytes()).encode()):
            assert spelling not in content


def test_wrong_passphrase(folder):
    with pytest.raises(Misconfigured, match="passphrase"):
        load(folder, b"another")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read(folder, mode):
    next(folder.iterdir()).chmod(mode)
    with pytest.raises(Misconfigured, match="chmod 600"):
        load(folder)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("use", "seal"),
        ("epoch", 2),
        ("key_id", "A" * 43),
        ("algorithm", "Ed25519"),
        ("format", "attache-key/2"),
        ("scrypt_n", 32),
        ("scrypt_n", 3),
        ("scrypt_n", 2**40),
        ("scrypt_n", "16"),
        ("scrypt_n", []),
        ("salt", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("salt", []),
        ("wrapped", "AAAA"),
        ("wrapped", 5),
        ("more", 1),
    ],
)
def test_a_changed_file(folder, member, value):
    path = folder / "sign-ml-dsa-87-1.key"
    path.write_bytes(json.dumps({**json.loads(path.read_bytes()), member: value}).encode())
    with pytest.raises(Misconfigured):
        load(folder)


def test_a_key_file_under_another_keys_name_is_what_it_says_inside(folder):
    """A file's name decides nothing."""
    (folder / "sign-es384-1.key").rename(folder / "seal-es384-9.key")
    stored = {(key.use, key.algorithm, key.epoch) for key in load_stored_keys(folder, PASSPHRASE)}
    assert (KeyUse.SIGN, Algorithm.ES384, 1) in stored


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100, b"x" * 20_000])
def test_a_file_that_is_none(folder, content):
    (folder / "sign-es384-1.key").write_bytes(content)
    with pytest.raises(Misconfigured):
        load(folder)


def test_an_empty_folder(tmp_path):
    with pytest.raises(Misconfigured):
        load(tmp_path)


def test_the_newest_epoch_signs_and_all_open(folder, made):
    newer = [generate_private_key(Algorithm.ES384), generate_private_key(Algorithm.HPKE_10)]
    uses = (KeyUse.SIGN, KeyUse.SEAL)
    stored = [StoredKey.of(use, key, 2) for use, key in zip(uses, newer, strict=True)]
    save_private_keys(folder, stored, PASSPHRASE, cost=COST)
    ring = load(folder)
    assert ring.signers[Algorithm.ES384].key_id == newer[0].key_id
    assert {newer[1].key_id, made[Algorithm.HPKE_10].key_id} <= set(ring.openers)


def test_a_ring_without_a_signing_key_says_so(folder):
    (folder / "sign-ml-dsa-87-1.key").unlink()
    ring = load(folder)
    assert ring.suites() == (Suite.CLASSICAL_1,)
    with pytest.raises(Misconfigured, match="ML-DSA-87"):
        ring.signers_for(Suite.HYBRID_1)


def test_a_log_does_not_cosign_with_its_own_key():
    log, other = (Ed25519LogKey(bytes([n]) * 32) for n in (1, 2))
    assert KeyRing("irs-ci", {}, {}, log=log, witness=other).witness is other
    with pytest.raises(Misconfigured, match="the same key"):
        KeyRing("irs-ci", {}, {}, log=log, witness=Ed25519LogKey(bytes([1]) * 32))
