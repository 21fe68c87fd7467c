"""The composition root: the only module that builds the gateway's parts from the settings and connects them."""

import asyncio
import hmac
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from attache import clock as system_clock
from attache.client.connect import Timeouts
from attache.clock import Clock
from attache.crypto import Certificate, KeyRing, load_private_keys
from attache.errors import Misconfigured
from attache.participant import Descriptor, accepted_descriptor, fingerprint_of
from attache.translog.signing import signer_of
from attache.translog.vkey import SignatureType
from gateway.admission import CallerAuthentication, RateLimit
from gateway.admission.health import Check
from gateway.api import create_agency_api
from gateway.background import background
from gateway.delivery.counted import CountedOutbox
from gateway.delivery.link import TIMEOUTS, ClientCertificate, PartnerLinks, Transport, real_network
from gateway.delivery.schedule import Backoff
from gateway.delivery.witnessing import CheckpointSubmitter, CosignedCarrier
from gateway.delivery.worker import DeliveryWorker
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.agency import Agency, InForce, Limits
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.refusals import Refusals
from gateway.exchange.kernel.sign_ins import SignIns
from gateway.exchange.kernel.standing import WitnessTerms
from gateway.exchange.outgoing.review import require_reviewed
from gateway.exchange.oversight.lifecycle import note_started, note_stopped
from gateway.exchange.oversight.participants import load_directory
from gateway.exchange.oversight.policies import load_policies_in_force
from gateway.exchange.oversight.self_check import SelfCheck
from gateway.exchange.witnessing.be_cosigned import OwnLog
from gateway.exchange_api import create_exchange_api
from gateway.exchange_api.refused import CertificateRefusals
from gateway.exchange_log.leaf import Pseudonyms
from gateway.identity import AccessTokens, parse_jwks
from gateway.measuring import Measuring
from gateway.metrics import Metrics
from gateway.policy import read_policy_folder
from gateway.settings import Settings, read_secret
from gateway.store import LogKeys, SqlStore, open_store
from gateway.tls import Listener, LiveTrust, agency_trust, connection_limits, exchange_trust, serve
from gateway.upkeep import run_upkeep


@dataclass(frozen=True)
class Gateway:
    """One gateway, ready to run: everything but its listeners is built."""

    agency: Agency
    agency_api: FastAPI
    exchange_api: FastAPI
    agency_trust: LiveTrust
    exchange_trust: LiveTrust
    worker: DeliveryWorker
    submitter: CheckpointSubmitter
    self_check: SelfCheck
    refusals: Refusals

    def in_background(self) -> AbstractAsyncContextManager[None]:
        """A context in which all background tasks run: everything that is not an answer to a request."""
        return background(
            self.worker.run(),
            self.submitter.run(),
            self.self_check.run(),
            run_upkeep(self.agency),
            self.refusals.run(),
        )


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, clock: Clock = system_clock.now, transport: Transport = real_network
) -> AsyncIterator[Gateway]:
    """Build a gateway on an initialised state folder; leaving the context closes everything it opened.

    `transport` replaces the network in tests. Raises Misconfigured, or IntegrityLost where the records on disk are
    inconsistent; then nothing runs.
    """
    ring = load_ring(settings)
    trust = exchange_trust(settings, clock, ring.tls_passphrase)
    folder = read_policy_folder(settings.policies_dir)
    metrics = Metrics()
    async with open_own_store(settings, ring, clock, metrics) as store:
        directory = await load_directory(store)
        policy = await load_policies_in_force(store, folder, settings.participant, clock)
        agency = _agency(settings, ring, store, InForce(directory, policy), trust, clock)
        await agency.reload_standing()
        links = PartnerLinks(
            _client_certificate(settings, ring), store.blobs, timeouts=_timeouts(settings), transport=transport
        )
        submitter = CheckpointSubmitter(OwnLog(agency), links, cadence_seconds=settings.witness_cadence_seconds)
        refusals = Refusals(store, clock, counted=metrics.refusal)
        refused = CertificateRefusals(agency, refusals)
        trust.note_refused = refused.handshake
        self_check = SelfCheck(agency, cadence_seconds=settings.self_check_seconds)
        worker = DeliveryWorker(
            CountedOutbox(Outbox(agency), metrics.delivery),
            CosignedCarrier(links, submitter, agency.require_release),
            now=clock,
            backoff=_backoff(settings),
        )
        measuring = Measuring(agency, metrics, self_check, trust, settings)
        agency_api = create_agency_api(
            agency,
            _authentication(settings, agency, clock, refusals),
            settings,
            _checks(agency, store),
            measuring.render,
        )
        exchange_api = create_exchange_api(agency, settings, _exchange_rate(settings), trust.verify_current, refused)
        agency_api.state.metrics = exchange_api.state.metrics = metrics
        try:
            yield Gateway(
                agency,
                agency_api,
                exchange_api,
                agency_trust(settings, clock, ring.tls_passphrase),
                trust,
                worker,
                submitter,
                self_check,
                refusals,
            )
        finally:
            await links.close()


async def run_gateway(settings: Settings, stop: asyncio.Event, on_ready: Callable[[Mapping[str, int]], None]) -> None:
    """Serve both listeners and deliver packages until `stop` is set.
    `on_ready` receives the ports by the listener's name.
    """
    async with open_gateway(settings) as gateway, logged_run(gateway, settings):
        listeners = (
            Listener("agency", gateway.agency_api, settings.agency_host, settings.agency_port, gateway.agency_trust),
            Listener(
                "exchange", gateway.exchange_api, settings.exchange_host, settings.exchange_port, gateway.exchange_trust
            ),
        )
        async with gateway.in_background():
            await serve(
                listeners,
                limits=connection_limits(settings),
                reload_seconds=settings.crl_reload_seconds,
                stop=stop,
                on_ready=on_ready,
            )


@asynccontextmanager
async def logged_run(gateway: Gateway, settings: Settings) -> AsyncIterator[None]:
    """Log the start of the gateway on entry, and its orderly stop on exit. After a crash, the log holds two
    starts without a stop between them.
    """
    release = version("attache")
    await note_started(gateway.agency, version=release, settings=settings.model_dump(mode="json"))
    yield
    await gateway.refusals.flush(is_last=True)
    await note_stopped(gateway.agency, version=release)


def load_ring(settings: Settings) -> KeyRing:
    """Our private keys; raises Misconfigured where they cannot be loaded,
    or where the log key or the storage key is missing.
    """
    ring = load_private_keys(settings.keys_dir, read_secret(settings.passphrase_file), participant=settings.participant)
    if ring.log is None or ring.storage_key is None:
        raise Misconfigured(detail=f"{settings.keys_dir} lacks a log key or a storage key")
    return ring


def log_keys(settings: Settings, ring: KeyRing) -> LogKeys:
    """The keys of our exchange log. The log's origin is the name that our descriptor gives to it."""
    public_keys = own_descriptor(settings, ring).log_keys
    private_keys = {SignatureType.ED25519: ring.log, SignatureType.MLDSA44: ring.log_mldsa44}
    # exchange-log T6
    signers = tuple(
        signer_of(key.name, key.type, own) for key in public_keys if (own := private_keys[key.type]) is not None
    )
    storage_key = storage_key_of(ring)
    return LogKeys(signers, Pseudonyms(derived_key(storage_key, "pseudonyms")), Vault(storage_key))


def storage_key_of(ring: KeyRing) -> bytes:
    """The key that encrypts our stored data; raises Misconfigured where the ring has none."""
    if ring.storage_key is None:
        raise Misconfigured(detail=f"{ring.participant} has no storage key")
    return ring.storage_key


def open_own_store(settings: Settings, ring: KeyRing, clock: Clock, metrics: Metrics | None = None) -> SqlStore:
    """The store, with our keys. Creates the state folder, accessible to its owner only, if it does not exist."""
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_store(
        settings.database_url,
        blobs_dir=settings.blobs_dir,
        lock_path=settings.checkpoint_lock_file,
        keys=log_keys(settings, ring),
        clock=clock,
        key_store_path=settings.key_shelf_file,
        committed=(metrics or Metrics()).committed,
    )


def own_descriptor(settings: Settings, ring: KeyRing) -> Descriptor:
    """Our own descriptor on file; raises Misconfigured where it lists other log keys than those we hold."""
    raw = (settings.descriptors_dir / f"{settings.participant}.jws").read_bytes()
    descriptor = accepted_descriptor(raw, fingerprint=fingerprint_of(raw))
    listed = {key.type: key.public_key for key in descriptor.log_keys}
    private_keys = {SignatureType.ED25519: ring.log, SignatureType.MLDSA44: ring.log_mldsa44}
    ours = {
        kind: key.public_key
        for kind, key in private_keys.items()
        if key is not None and (kind in listed or kind is SignatureType.ED25519)
    }
    if listed != ours:
        raise Misconfigured(detail="our descriptor lists a log key that is not ours")
    return descriptor


def derived_key(storage_key: bytes, label: str) -> bytes:
    """A key for another purpose, derived from the storage key with HMAC-SHA-256.
    Without the storage key it cannot be derived again.
    """
    return hmac.digest(storage_key, f"attache/1 {label}".encode(), "sha256")


def _agency(
    settings: Settings, ring: KeyRing, store: SqlStore, in_force: InForce, trust: LiveTrust, clock: Clock
) -> Agency:
    me = in_force.directory.partner(settings.participant)
    return Agency(
        participant=settings.participant,
        post=settings.post,
        keys=replace(ring, chains=me.descriptor.chains),
        vault=store.vault,
        pseudonyms=Pseudonyms(derived_key(storage_key_of(ring), "pseudonyms")),
        store=store,
        blobs=store.blobs,
        in_force=in_force,
        clock=clock,
        limits=Limits(
            max_part_bytes=settings.max_part_bytes,
            max_content_bytes=settings.max_content_bytes,
            max_parts=settings.max_parts,
            max_recipients=settings.max_recipients,
            individual_desks=frozenset(settings.individual_desks),
            delivery_deadline=timedelta(seconds=settings.delivery_deadline_seconds),
            retention=timedelta(days=settings.retention_days),
            arrival_deadline=timedelta(seconds=settings.arrival_deadline_seconds),
            delivery_lease=timedelta(seconds=settings.delivery_lease_seconds),
            witness=_witness_terms(settings),
        ),
        revoked=_revocation(trust),
        random=os.urandom,
        revocation_lists=trust.raw_lists,
    )


def _revocation(trust: LiveTrust) -> Callable[[Certificate], bool]:
    """A function that says whether a signing certificate is revoked,
    by the same lists that connections are checked against.
    """

    def is_revoked(certificate: Certificate) -> bool:
        issuer = certificate.native.issuer.public_bytes()
        return any(crl.issuer == issuer and crl.is_revoked(certificate) for crl in trust.trust.lists)

    return is_revoked


def _authentication(settings: Settings, agency: Agency, clock: Clock, refusals: Refusals) -> CallerAuthentication:
    tokens = AccessTokens(
        keys=parse_jwks(settings.token_jwks_file.read_bytes()),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=timedelta(seconds=settings.clock_skew_seconds),
        pseudonym_key=derived_key(agency.vault.storage_key, "callers"),
        clock=clock,
        capacity=settings.token_cache_entries,
    )
    rate = RateLimit(settings.agency_requests_per_minute, settings.request_burst)
    failure_rate = RateLimit(settings.agency_requests_per_minute, settings.request_burst)
    sign_ins = SignIns(agency.store, clock, capacity=settings.token_cache_entries)
    return CallerAuthentication(tokens, rate, failure_rate, sign_ins, refusals)


def _exchange_rate(settings: Settings) -> RateLimit:
    return RateLimit(settings.exchange_requests_per_minute, settings.request_burst)


def _backoff(settings: Settings) -> Backoff:
    return Backoff(
        timedelta(seconds=settings.delivery_backoff_base_seconds),
        timedelta(seconds=settings.delivery_backoff_max_seconds),
    )


def _timeouts(settings: Settings) -> Timeouts:
    seconds = float(settings.delivery_timeout_seconds)
    return replace(TIMEOUTS, read=seconds, write=seconds)


def _client_certificate(settings: Settings, ring: KeyRing) -> ClientCertificate:
    return ClientCertificate(settings.client_certificate_file, settings.client_key_file, ring.tls_passphrase)


def _witness_terms(settings: Settings) -> WitnessTerms:
    seconds = settings.witness_max_age_seconds
    max_age = timedelta(seconds=seconds) if seconds else None
    return WitnessTerms(max_age, alarm_stops_release=settings.witness_alarm_stops_release)


def _checks(agency: Agency, store: SqlStore) -> dict[str, Check]:
    async def store_is_available() -> None:
        store.require_writable()
        await store.read_log(lambda log: log.size)

    async def witnesses_have_no_alarm() -> None:
        agency.in_force.witnesses.require_quiet(agency.limits.witness, agency.clock())

    async def records_are_consistent() -> None:
        agency.in_force.check.require_sound()

    async def reviews_are_done() -> None:
        await require_reviewed(agency)

    return {
        "store": store_is_available,
        "witness": witnesses_have_no_alarm,
        "records": records_are_consistent,
        "reviews": reviews_are_done,
    }


def write_contracts(folder: Path) -> Iterator[Path]:
    """Write the OpenAPI contract of each API to `folder`. Opens neither a database nor keys."""
    unused: Any = None
    contracts = {
        "agency-api.json": create_agency_api(unused, unused, unused, {}, unused),
        "exchange-api.json": create_exchange_api(unused, unused, unused, unused, unused),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, api in contracts.items():
        (folder / name).write_text(json.dumps(api.openapi(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        yield folder / name
