"""What sealing and opening need to know about a participant: its keys, when they are valid, and who certified them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attache.crypto import SUITES, Algorithm, Certificate, KeyUse, PublicKey, Suite
from attache.errors import UnknownKey
from attache.package.ids import ParticipantId


class KeyStatus(StrEnum):
    """A retired key still verifies and opens what was made before its `not_after`; a revoked key is not used at all."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class KeyStatement:
    """A participant's statement that a public key is its own, for one use, from `not_before` to `not_after`.

    `chain` is the X.509 chain of the key, leaf first, without the CA; empty where there is none.
    """

    use: KeyUse
    public_key: PublicKey
    epoch: int
    not_before: datetime
    not_after: datetime
    status: KeyStatus
    chain: tuple[Certificate, ...] = ()

    @property
    def key_id(self) -> str:
        return self.public_key.key_id

    @property
    def algorithm(self) -> Algorithm:
        return self.public_key.algorithm

    def is_usable(self, at: datetime) -> bool:
        """Whether the key is valid for `at`: within its time, and not revoked, then or later."""
        # protocol O3
        return self.status is not KeyStatus.REVOKED and self.not_before <= at <= self.not_after


class Party(Protocol):
    """The facts about a participant that sealing and opening use; `attache.participant.Descriptor` is one."""

    @property
    def participant(self) -> ParticipantId: ...

    @property
    def suites(self) -> tuple[Suite, ...]: ...

    @property
    def keys(self) -> tuple[KeyStatement, ...]: ...

    @property
    def certificate_authorities(self) -> tuple[Certificate, ...]: ...


def key_of(party: Party, key_id: str, use: KeyUse, algorithm: Algorithm, at: datetime) -> KeyStatement:
    """The party's key of that id, for that use and algorithm, valid at `at`; raises UnknownKey."""
    for key in party.keys:
        # protocol J3
        if key.key_id == key_id and key.use is use and key.algorithm is algorithm and key.is_usable(at):
            return key
    raise UnknownKey(detail=f"{party.participant} lists no such key for {algorithm} that was active at that time")


def sealing_keys(party: Party, suite: Suite, at: datetime) -> tuple[KeyStatement, ...]:
    """The keys to seal to: every active one of the newest epoch; there is more than one if the party has several readers.

    Raises UnknownKey where the party has none.
    """
    usable = [
        key
        for key in party.keys
        if key.use is KeyUse.SEAL
        and key.algorithm is SUITES[suite].sealing
        and key.status is KeyStatus.ACTIVE
        and key.is_usable(at)
    ]
    if not usable:
        raise UnknownKey(detail=f"{party.participant} has no active key to seal to with {suite}")
    newest = max(key.epoch for key in usable)
    # protocol D4
    return tuple(key for key in usable if key.epoch == newest)


def strongest_suite(party: Party, at: datetime) -> Suite:
    """The strongest suite whose signing keys the party lists as active at `at`; raises UnknownKey where none is.

    A party signs what every participant may read (descriptors, receipts) with this suite, so that a signature of a weaker
    suite alone is never accepted.
    """
    for suite in Suite:
        if all(_has_signing_key(party.keys, algorithm, at) for algorithm in SUITES[suite].signatures):
            return suite
    raise UnknownKey(detail=f"{party.participant} lists no signing keys of any suite that were active at that time")


def _has_signing_key(keys: Sequence[KeyStatement], algorithm: Algorithm, at: datetime) -> bool:
    return any(key.use is KeyUse.SIGN and key.algorithm is algorithm and key.is_usable(at) for key in keys)
