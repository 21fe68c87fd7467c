"""Our own side of the exchange: who we are, and what the use cases are given to work with."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from attache.clock import Clock
from attache.crypto import KeyRing, Revoked
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Post
from gateway.exchange.kernel.at_rest import PackageVault, Vault
from gateway.exchange.kernel.ports import Blobs, Reader, Store
from gateway.exchange.kernel.records import Record, WitnessedLogRecord, WitnessRecord
from gateway.exchange.kernel.sealed import SealedField
from gateway.exchange.kernel.standing import CheckStanding, WitnessStanding, WitnessTerms
from gateway.exchange.kernel.work import Work, commit
from gateway.exchange_log.leaf import Pseudonyms
from gateway.identity.caller import Caller
from gateway.partners import Directory, Partner
from gateway.policy import PolicySet

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """Bounds and terms that the operator sets."""

    max_part_bytes: int = 16 << 30
    max_content_bytes: int = 8 << 20
    max_parts: int = 256
    max_recipients: int = 64
    approval_term: timedelta = timedelta(days=14)
    package_term: timedelta = timedelta(days=90)
    delivery_deadline: timedelta = timedelta(days=7)
    retention: timedelta = timedelta(days=3650)
    arrival_deadline: timedelta = timedelta(days=7)
    purge_term: timedelta = timedelta(days=14)
    individual_desks: frozenset[str] = frozenset()
    delivery_lease: timedelta = timedelta(minutes=2)
    witness: WitnessTerms = field(default_factory=WitnessTerms)


@dataclass
class InForce:
    """What may be replaced while the gateway runs, each as a whole."""

    directory: Directory
    policy: PolicySet
    witnesses: WitnessStanding = field(default_factory=WitnessStanding)
    check: CheckStanding = field(default_factory=CheckStanding)
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Held while something is read anew and put here, so that an older reading never replaces a newer one."""


@dataclass(frozen=True)
class Agency:
    """Everything that a use case may touch."""

    participant: ParticipantId
    post: Post
    keys: KeyRing = field(repr=False)
    vault: Vault = field(repr=False)
    pseudonyms: Pseudonyms = field(repr=False)
    store: Store
    blobs: Blobs
    in_force: InForce
    clock: Clock
    limits: Limits
    revoked: Revoked
    random: Callable[[int], bytes]
    revocation_lists: Callable[[], Sequence[bytes]]
    """The revocation lists that connections are checked against, as they are on file."""

    @property
    def directory(self) -> Directory:
        return self.in_force.directory

    @property
    def me(self) -> Partner:
        """Ourselves, as the others know us."""
        return self.directory.partner(self.participant)

    def vault_of(self, package_id: PackageId) -> PackageVault:
        """For what is about one package of ours."""
        return self.vault.of(self.participant, package_id)

    def open(self, field: SealedField[R, T], record: R) -> T:
        """What is sealed in a record. Raises Gone where its package is purged,
        IntegrityLost where it was not sealed for this record.
        """
        return field.open(self.vault, self.participant, record)

    def seal(self, field: SealedField[R, T], record: R, value: T) -> R:
        """The record with this value sealed in it. Raises Gone where its package is purged."""
        return field.seal(self.vault, self.participant, record, value)

    async def commit(self, by: Caller | str, unit: Callable[[Work], T], *, at: datetime | None = None) -> T:
        """Run a unit of work; see gateway.exchange.kernel.work.commit."""
        return await commit(self.store, self.clock, by, unit, at=at)

    async def reload_standing(self) -> None:
        """Read anew how our log stands with its witnesses, and put it in force."""
        async with self.in_force.reloading:
            self.in_force.witnesses = await self.store.read(_standing)

    def require_release(self, recipient: ParticipantId) -> None:
        """Raise AttacheError("release-stopped") where our records,
        our exchange log or this recipient's are in doubt.
        """
        self.in_force.check.require_sound()
        self.in_force.witnesses.require_release(self.limits.witness, recipient, self.clock())

    def officer(self, caller: Caller) -> str:
        """The caller's pseudonymous id: the same one that the exchange log's leaves carry."""
        return self.pseudonyms.of("actor", caller.subject)


def _standing(reader: Reader) -> WitnessStanding:
    return WitnessStanding.of(reader.find(WitnessRecord.every()), reader.find(WitnessedLogRecord.every()))
