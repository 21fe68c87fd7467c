"""The example exchange in memory and on disk: six participants, each with its CA, keys, certificates and descriptor.

DIR/<participant>/keys/*.key            private keys, wrapped, 0600 (`attache.crypto.key_files`)
                  keys/tls-server.pem   TLS private keys as PKCS #8, encrypted, 0600
                  keys/tls-client.pem
                  keys/passphrase       0600; an operator would type it, or take it from a secret store
                  authority/*.key       the CA's private key, wrapped, 0600
                  certificates/         authority.pem, authority.crl, sign.pem, tls-server.pem, tls-client.pem
                  descriptor.jws
DIR/descriptors/<participant>.jws       what every participant pins
DIR/descriptors/fingerprints.json       participant id -> fingerprint
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from attache.crypto import (
    Algorithm,
    KeyRing,
    KeyUse,
    PrivateKey,
    StoredKey,
    Suite,
    b64u,
    generate_private_key,
    load_private_keys,
    save_private_keys,
    write_private,
)
from attache.errors import Misconfigured
from attache.package.ids import ParticipantId
from attache.package.party import KeyStatement, KeyStatus
from attache.participant import (
    DescribedKey,
    Descriptor,
    DescriptorStatement,
    Endpoints,
    fingerprint_of,
    sign_descriptor,
    verify_descriptor,
)
from attache.translog.vkey import SignatureType, VerifierKey
from attache.vocabulary import Post
from certs_example.authority import BACKDATED, CERTIFICATE_LIFETIME, Authority, as_value, make_authority

FAST_COST = 2**10
"""An scrypt cost for the demo and the tests, where the passphrase lies beside the keys anyway."""

_SIGNING = (Algorithm.ES384, Algorithm.ML_DSA_87)
_SEALING = (Algorithm.HPKE_10, Algorithm.ECDH_P384)


@dataclass(frozen=True)
class Profile:
    """Who a participant of the example is. All partners are fictional."""

    participant: str
    name: str
    jurisdiction: str
    post: Post
    exchange_url: str | None = None


PROFILES = (
    Profile("irs-ci", "IRS Criminal Investigation (example)", "US", Post.WASHINGTON),
    Profile("partner-sydney", "Sydney partner agency (fictional example)", "AU", Post.SYDNEY),
    Profile("partner-singapore", "Singapore partner agency (fictional example)", "SG", Post.SINGAPORE),
    Profile("partner-bogota", "Bogotá partner agency (fictional example)", "CO", Post.BOGOTA),
    Profile("partner-frankfurt", "Frankfurt partner agency (fictional example)", "DE", Post.FRANKFURT),
    Profile("europol", "Europol (fictional example)", "EU", Post.THE_HAGUE),
)


@dataclass(frozen=True)
class ExampleParticipant:
    """One participant, all of it: what a test needs, and where the demo's processes find it."""

    profile: Profile
    folder: Path
    keys: KeyRing
    descriptor: Descriptor
    authority: Authority = field(repr=False)
    sign_certificate: x509.Certificate
    tls_certificates: Mapping[str, x509.Certificate]

    @property
    def participant(self) -> str:
        return self.profile.participant

    @property
    def passphrase(self) -> bytes:
        return (self.folder / "keys" / "passphrase").read_bytes()


def make_exchange(
    folder: Path,
    *,
    now: datetime,
    ports: Mapping[str, int] | None = None,
    cost: int = FAST_COST,
    suites: tuple[Suite, ...] = tuple(Suite),
) -> dict[str, ExampleParticipant]:
    """All six participants under `folder`, which must not hold an exchange yet.

    `ports` gives the port of each participant that runs a gateway's exchange API on 127.0.0.1;
    the others have mailboxes.
    """
    made = {}
    for profile in PROFILES:
        port = (ports or {}).get(profile.participant)
        url = f"https://127.0.0.1:{port}" if port else None
        reached = Profile(profile.participant, profile.name, profile.jurisdiction, profile.post, url)
        made[profile.participant] = make_participant(
            reached, folder / profile.participant, now=now, cost=cost, suites=suites
        )
    publish_descriptors(folder / "descriptors", made)
    return made


def publish_descriptors(folder: Path, participants: Mapping[str, ExampleParticipant]) -> None:
    """Put down what every participant would have been handed by the others, and compared by telephone."""
    folder.mkdir(mode=0o700, parents=True)
    for name, participant in participants.items():
        (folder / f"{name}.jws").write_bytes(participant.descriptor.raw)
    fingerprints = {name: participant.descriptor.sha256 for name, participant in participants.items()}
    (folder / "fingerprints.json").write_text(json.dumps(fingerprints, indent=1) + "\n")


def make_participant(
    profile: Profile, folder: Path, *, now: datetime, cost: int = FAST_COST, suites: tuple[Suite, ...] = tuple(Suite)
) -> ExampleParticipant:
    """One participant: its CA, keys of both suites, certificates and first descriptor, in memory and in `folder`."""
    folder.mkdir(mode=0o700, parents=True)
    authority = make_authority(profile.name, now)
    keys = {algorithm: generate_private_key(algorithm) for algorithm in (*_SIGNING, *_SEALING)}
    sign_certificate = authority.issue_signing(f"{profile.name} signing", _native(keys[Algorithm.ES384]), now)
    passphrase = _write_keys(folder, keys, authority, cost)
    chain = (as_value(sign_certificate),)
    chains = {keys[Algorithm.ES384].key_id: chain}
    ring = load_private_keys(folder / "keys", passphrase, participant=profile.participant, chains=chains)
    tls = _make_tls(folder / "keys", profile, authority, ring, now)
    _write_certificates(folder / "certificates", authority, {"sign": sign_certificate, **tls}, now)
    log, log_mldsa44, witness = verifier_keys(profile.participant, ring)
    statement = DescriptorStatement(
        participant=ParticipantId(profile.participant),
        name=profile.name,
        jurisdiction=profile.jurisdiction,
        post=profile.post,
        serial=1,
        suites=suites,
        endpoints=Endpoints(exchange=profile.exchange_url, mailbox=profile.exchange_url is None),
        log=log,
        log_mldsa44=log_mldsa44,
        witness=witness,
        certificate_authorities=(as_value(authority.certificate).text,),
        tls=tuple(as_value(certificate).thumbprint for certificate in tls.values()),
        keys=_describe(keys, sign_certificate, now),
        issued_at=_whole_seconds(now),
    )
    raw = sign_descriptor(statement, ring)
    (folder / "descriptor.jws").write_bytes(raw)
    descriptor = verify_descriptor(raw, fingerprint=fingerprint_of(raw))
    return ExampleParticipant(profile, folder, ring, descriptor, authority, sign_certificate, tls)


def verifier_keys(participant: str, ring: KeyRing) -> tuple[str, str, str]:
    """The vkeys of a participant's exchange log, Ed25519 and ML-DSA-44, and of its witness."""
    if ring.log is None or ring.log_mldsa44 is None or ring.witness is None:
        raise Misconfigured(detail=f"{participant} lacks a log key or a witness key")
    origin = f"{participant}.attache.example/log"
    log = VerifierKey(origin, SignatureType.ED25519, ring.log.public_key)
    second = VerifierKey(origin, SignatureType.MLDSA44, ring.log_mldsa44.public_key)
    witness = VerifierKey(
        f"{participant}.attache.example/witness", SignatureType.COSIGNATURE_V1, ring.witness.public_key
    )
    return str(log), str(second), str(witness)


def _native(key: PrivateKey) -> ec.EllipticCurvePublicKey:
    native = key.public_key.native
    if not isinstance(native, ec.EllipticCurvePublicKey):
        raise Misconfigured(detail=f"a certificate is for an {Algorithm.ES384} key")
    return native


def _write_keys(folder: Path, keys: Mapping[Algorithm, PrivateKey], authority: Authority, cost: int) -> bytes:
    passphrase = b64u(secrets.token_bytes(24)).encode()
    stored = [
        *(StoredKey.of(KeyUse.SIGN, keys[algorithm]) for algorithm in _SIGNING),
        *(StoredKey.of(KeyUse.SEAL, keys[algorithm]) for algorithm in _SEALING),
        *(StoredKey.of(use, generate_private_key(Algorithm.ED25519)) for use in (KeyUse.LOG, KeyUse.WITNESS)),
        StoredKey.of(KeyUse.LOG, generate_private_key(Algorithm.ML_DSA_44)),
        *(StoredKey.symmetric(use, secrets.token_bytes(32)) for use in (KeyUse.STORAGE, KeyUse.TLS)),
    ]
    save_private_keys(folder / "keys", stored, passphrase, cost=cost)
    scalar = authority.private_key.private_numbers().private_value.to_bytes(48, "big")
    ca_key = StoredKey.of(KeyUse.AUTHORITY, PrivateKey(Algorithm.ES384, scalar))
    save_private_keys(folder / "authority", [ca_key], passphrase, cost=cost)
    write_private(folder / "keys" / "passphrase", passphrase)
    return passphrase


def _make_tls(
    folder: Path, profile: Profile, authority: Authority, ring: KeyRing, now: datetime
) -> dict[str, x509.Certificate]:
    """A key and certificate each for TLS server and client; the keys' PEM files in `folder`."""
    if ring.tls_passphrase is None:
        raise Misconfigured(detail=f"{profile.participant} lacks a passphrase for TLS keys")
    certificates = {}
    for role in ("tls-server", "tls-client"):
        key = ec.generate_private_key(ec.SECP384R1())
        encryption = BestAvailableEncryption(ring.tls_passphrase)
        write_private(folder / f"{role}.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        certificates[role] = authority.issue_tls(
            profile.participant, key.public_key(), now, is_server=role == "tls-server"
        )
    return certificates


def _write_certificates(
    folder: Path, authority: Authority, certificates: Mapping[str, x509.Certificate], now: datetime
) -> None:
    folder.mkdir(mode=0o700)
    (folder / "authority.pem").write_bytes(authority.pem)
    (folder / "authority.crl").write_bytes(authority.revoke([], now))
    for name, certificate in certificates.items():
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def _describe(
    keys: Mapping[Algorithm, PrivateKey], sign_certificate: x509.Certificate, now: datetime
) -> tuple[DescribedKey, ...]:
    """The keys of the first epoch, each valid as long as the certificate."""
    return tuple(
        DescribedKey.of(
            KeyStatement(
                use=KeyUse.SIGN if algorithm in _SIGNING else KeyUse.SEAL,
                public_key=key.public_key,
                epoch=1,
                not_before=_whole_seconds(now) - BACKDATED,
                not_after=_whole_seconds(now) + CERTIFICATE_LIFETIME,
                status=KeyStatus.ACTIVE,
                chain=(as_value(sign_certificate),) if algorithm is Algorithm.ES384 else (),
            )
        )
        for algorithm, key in keys.items()
    )


def _whole_seconds(instant: datetime) -> datetime:
    """X.509 times have no fractions; key times follow suit, so that both begin and end together."""
    return instant - timedelta(microseconds=instant.microsecond)
