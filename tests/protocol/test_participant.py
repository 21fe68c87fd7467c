"""Descriptors: pinned by hand once, followed by signed successors, never rolled back."""

import ssl
from dataclasses import replace
from datetime import timedelta

import pytest

from attache.crypto import Algorithm, KeyRing, KeyUse, Suite, b64u, generate_private_key
from attache.errors import MalformedInput, Misconfigured
from attache.package import KeyStatement, KeyStatus
from attache.package.jws import sign_statement
from attache.participant import (
    PARTICIPANT,
    DescribedKey,
    fingerprint_of,
    fingerprint_words,
    sign_descriptor,
    verify_descriptor,
    verify_successor,
)
from attache.participant.fingerprint import WORDS
from attache.receipt import RECEIPT
from attache.strict_json import canonical, parse_object
from attache.translog.vkey import parse_vkey
from tests.protocol.making import ME, NOW, ORIGINATOR, receive, refused, send

LATER = NOW + timedelta(days=30)


@pytest.fixture
def first(parties):
    return parties[ORIGINATOR].descriptor


@pytest.fixture
def keys(parties) -> KeyRing:
    return parties[ORIGINATOR].keys


def stated(predecessor, **changes):
    following = {
        "serial": predecessor.serial + 1,
        "previous": predecessor.sha256,
        "issued_at": LATER,
        **changes,
    }
    return predecessor.stated.model_copy(update=following)


def successor(predecessor, ring, /, **changes):
    return verify_successor(sign_descriptor(stated(predecessor, **changes), ring), predecessor)


def resigned(raw_statement, keys, suite=Suite.HYBRID_1, type_=PARTICIPANT):
    return sign_statement(type_, canonical(raw_statement), keys, suite)


def test_the_first_is_pinned_by_its_fingerprint(first):
    assert verify_descriptor(first.raw, fingerprint=first.sha256).stated == first.stated
    assert fingerprint_of(first.raw) == first.sha256
    with refused("signature-invalid"):
        verify_descriptor(first.raw, fingerprint="0" * 64)


def test_the_first_is_signed_with_the_keys_it_lists(parties, first):
    """Pinning the content does not excuse a signature by somebody else."""
    foreign = sign_statement(
        PARTICIPANT, canonical(first.stated.model_dump(mode="json")), parties[ME].keys, Suite.HYBRID_1
    )
    with refused("unknown-key"):
        verify_descriptor(foreign, fingerprint=first.sha256)


def test_the_first_is_signed_with_the_strongest_suite(first, keys):
    weak = sign_statement(PARTICIPANT, canonical(first.stated.model_dump(mode="json")), keys, Suite.CLASSICAL_1)
    with refused("signature-invalid"):
        verify_descriptor(weak, fingerprint=first.sha256)


def test_what_it_states(parties, first):
    assert parse_vkey(first.stated.log).public_key == parties[ORIGINATOR].keys.log.public_key
    assert first.stated.endpoints.exchange == "https://127.0.0.1:8443"
    assert parties["partner-bogota"].descriptor.stated.endpoints.mailbox
    assert {key.use for key in first.keys} == {KeyUse.SIGN, KeyUse.SEAL}
    assert first.chains == parties[ORIGINATOR].keys.chains


def test_a_receipt_is_no_descriptor(first, keys):
    raw = resigned(first.stated.model_dump(mode="json"), keys, type_=RECEIPT)
    with refused("signature-invalid"):
        verify_descriptor(raw, fingerprint=first.sha256)


def test_a_successor_follows(first, keys):
    second = successor(first, keys, name="A new name")
    third = successor(second, keys, issued_at=LATER + timedelta(days=1))
    assert (third.serial, third.stated.previous, third.stated.name) == (3, second.sha256, "A new name")


def test_the_same_again_changes_nothing(first):
    assert verify_successor(first.raw, first) is first


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": 1, "previous": None},
        {"previous": "0" * 64},
        {"issued_at": NOW - timedelta(hours=1)},
        {"participant": "europol"},
        {"keys": ()},
    ],
    ids=["older-serial", "another-predecessor", "issued-before", "another-participant", "keys-gone"],
)
def test_rolled_back(first, keys, changes):
    if "keys" in changes:
        changes = {"keys": first.stated.keys[1:]}
    with refused("descriptor-rollback"):
        successor(first, keys, **changes)


def test_rolled_back_to_an_older_one(first, keys):
    second = successor(first, keys)
    third = successor(second, keys)
    for older in (first, second):
        with refused("descriptor-rollback"):
            verify_successor(older.raw, third)


def test_a_successor_by_another_signer(parties, first):
    with refused("descriptor-rollback"):
        successor(first, parties[ME].keys)


def test_a_successor_signed_with_its_own_new_keys_only(first, keys):
    """Whoever holds new keys alone cannot take over."""
    usurper, described = rotated(keys, first)
    with refused("descriptor-rollback"):
        successor(first, usurper, keys=described)


def test_a_successor_with_the_weaker_suite_alone(first, keys):
    raw = resigned(stated(first).model_dump(mode="json"), keys, Suite.CLASSICAL_1)
    with refused("signature-invalid"):
        verify_successor(raw, first)


def test_a_revoked_key_signs_no_successor(first, keys):
    revoked = tuple(
        key.model_copy(update={"status": KeyStatus.REVOKED}) if key.algorithm is Algorithm.ML_DSA_87 else key
        for key in first.stated.keys
    )
    second = successor(first, keys, keys=revoked)
    with refused("descriptor-rollback"):
        successor(second, keys)


def test_a_revoked_key_does_not_come_back(first, keys):
    sealing = [key for key in first.stated.keys if key.use is KeyUse.SEAL]
    revoked = tuple(
        key.model_copy(update={"status": KeyStatus.REVOKED}) if key == sealing[0] else key for key in first.stated.keys
    )
    second = successor(first, keys, keys=revoked)
    with refused("descriptor-rollback"):
        successor(second, keys, keys=first.stated.keys)


def rotated(keys, descriptor):
    """A second epoch: new signing keys besides the old, which retire."""
    new = [generate_private_key(algorithm) for algorithm in (Algorithm.ES384, Algorithm.ML_DSA_87)]
    old = tuple(
        key.model_copy(update={"status": KeyStatus.RETIRED, "not_after": LATER}) if key.use is KeyUse.SIGN else key
        for key in descriptor.stated.keys
    )
    described = tuple(
        DescribedKey.of(
            KeyStatement(KeyUse.SIGN, key.public_key, 2, LATER, LATER + timedelta(days=700), KeyStatus.ACTIVE)
        )
        for key in new
    )
    return replace(keys, signers={key.algorithm: key for key in new}, chains={}), (*old, *described)


def test_rotation_across_a_running_exchange(parties, first, keys):
    """The old epoch verifies what it signed; the new one signs from its day on, and the next descriptor."""
    before = send(parties)
    new_ring, described = rotated(keys, first)
    second = successor(first, keys, keys=described)
    assert receive(parties, before.envelope, originator=second).manifest.title

    third = successor(second, new_ring, issued_at=LATER + timedelta(days=2))
    assert third.serial == 3

    backdated = send({**parties, ORIGINATOR: replace(parties[ORIGINATOR], keys=new_ring)})
    with refused("unknown-key", "4-signatures"):
        receive(parties, backdated.envelope, originator=second)

    after = {"sealed_at": LATER + timedelta(days=1), "created_at": LATER, "expires_at": LATER + timedelta(days=9)}
    with_old = send(parties, **after)
    with refused("unknown-key", "4-signatures"):
        receive(parties, with_old.envelope, originator=second, now=LATER + timedelta(days=1))


def change_key(index, **members):
    def change(statement):
        statement["keys"][index].update(members)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(extra=1),
        lambda it: it.update(participant="Europol"),
        lambda it: it.update(participant="europol\n"),
        lambda it: it.update(jurisdiction="usa"),
        lambda it: it.update(serial=0),
        lambda it: it.update(serial=2),
        lambda it: it.update(suites=["hybrid-1", "hybrid-1"]),
        lambda it: it.update(suites=[]),
        lambda it: it.update(capabilities=["b", "a"]),
        lambda it: it.update(capabilities=["a", "a"]),
        lambda it: it.update(capabilities=["A mode"]),
        lambda it: it.update(capabilities=[f"mode-{number:02}" for number in range(65)]),
        lambda it: it["endpoints"].update(exchange="http://127.0.0.1"),
        lambda it: it["endpoints"].update(exchange="https://a b"),
        lambda it: it.update(log="not a vkey"),
        lambda it: it.update(certificate_authorities=["AAAA"]),
        lambda it: it.update(tls=["short"]),
        lambda it: it.update(keys=[]),
        lambda it: it["keys"].append(it["keys"][0]),
        change_key(0, key_id=b64u(bytes(32))),
        change_key(0, use="seal"),
        change_key(0, use="tls"),
        change_key(0, algorithm="HS256"),
        change_key(0, algorithm="Ed25519"),
        change_key(0, epoch=0),
        change_key(0, status="lost"),
        change_key(0, not_after="2020-01-01T00:00:00Z"),
        change_key(0, x5c=["!!!!"]),
        change_key(0, jwk={}),
        change_key(0, jwk={"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
        lambda it: it["keys"][0]["jwk"].update(d="AAAA"),
        lambda it: it["keys"][1].update(x5c=it["keys"][0]["x5c"]),
    ],
)
def test_malformed(first, keys, change):
    statement = parse_object(canonical(first.stated.model_dump(mode="json")))
    change(statement)
    raw = resigned(statement, keys)
    with refused("malformed-descriptor"):
        verify_descriptor(raw, fingerprint=fingerprint_of(raw))


def test_capabilities_that_nobody_here_knows_are_tolerated_and_kept(parties, first, keys):
    """D6: a successor that states more than this version knows is followed, and packages go as before."""
    second = successor(first, keys, capabilities=("a-mode-of-tomorrow", "another"))
    assert second.stated.capabilities == ("a-mode-of-tomorrow", "another")
    third = verify_successor(
        sign_descriptor(stated(second, serial=3, issued_at=LATER + timedelta(days=1)), keys), second
    )
    assert third.stated.capabilities == second.stated.capabilities
    sent = send(parties, sealed_at=LATER, created_at=LATER, expires_at=LATER + timedelta(days=9))
    receive(parties, sent.envelope, originator=second, now=LATER + timedelta(days=1))


def test_a_descriptor_without_capabilities_does_not_show_the_member(first, keys):
    """D6: versions that do not know the member refuse a descriptor that has it."""
    assert b"capabilities" not in canonical(first.stated.model_dump(mode="json"))
    unsaid = parse_object(canonical(first.stated.model_dump(mode="json")))
    empty = resigned({**unsaid, "capabilities": []}, keys)
    assert verify_descriptor(empty, fingerprint=fingerprint_of(empty)).stated.capabilities == ()


def test_fingerprints_in_words():
    assert len(set(WORDS)) == 256
    spoken = fingerprint_words("00" * 16 + "ff" * 16)
    assert spoken.split() == [WORDS[0]] * 16
    assert fingerprint_words("01" + "00" * 31) != spoken
    for wrong in ("", "00" * 31, "zz" * 32, "FF" * 32, "0 " * 32):
        with pytest.raises(MalformedInput):
            fingerprint_words(wrong)


def test_the_examples_files_are_private(parties):
    folder = parties[ORIGINATOR].folder
    private = [*(folder / "keys").iterdir(), *(folder / "authority").iterdir()]
    assert len(private) == 13
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "keys", folder / "authority")} == {0o700}


def test_the_examples_tls_keys_load_with_the_rings_passphrase(parties):
    example = parties[ORIGINATOR]
    for role in ("tls-server", "tls-client"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            example.folder / "certificates" / f"{role}.pem",
            example.folder / "keys" / f"{role}.pem",
            password=example.keys.tls_passphrase,
        )
        assert context.cert_store_stats()["x509"] == 0
        with pytest.raises(ssl.SSLError):
            context.load_cert_chain(
                example.folder / "certificates" / f"{role}.pem",
                example.folder / "keys" / f"{role}.pem",
                password=example.passphrase,
            )


def test_a_descriptor_has_one_spelling(first):
    for wrong in (b"", b"{}", first.raw[:-1], first.raw + b" ", first.raw.replace(b'":"', b'": "', 1)):
        with refused("malformed-descriptor"):
            verify_descriptor(wrong, fingerprint=first.sha256)


def test_nobody_signs_without_keys(first, keys):
    with pytest.raises(Misconfigured):
        sign_descriptor(first.stated, replace(keys, signers={}))
