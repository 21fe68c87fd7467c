"""A participant's private keys: which key signs, which opens, which belongs to the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from attache.crypto.certificates import Certificate
from attache.crypto.log_keys import LogKey
from attache.crypto.private_keys import Opener, Signer
from attache.crypto.suites import SUITES, Algorithm, Suite
from attache.errors import Misconfigured, UnknownKey


class KeyUse(StrEnum):
    """What a key is for; no key has two uses."""

    SIGN = "sign"
    SEAL = "seal"
    LOG = "log"
    WITNESS = "witness"
    STORAGE = "storage"
    TLS = "tls"
    AUTHORITY = "authority"  # an agency CA, kept apart from all others


@dataclass(frozen=True)
class KeyRing:
    """The private keys of one participant, by use. They may be in files or in a hardware token.

    `signers` holds the current key of each signature algorithm, `openers` every key that still opens something,
    `chains` the X.509 chain (leaf first, without the CA) of the signing keys that have one, by key id.
    `storage_key` (32 bytes) wraps the participant's own data at rest; `tls_passphrase` opens the PEM files of the TLS keys, which
    Python's ssl loads itself: those files are only as weak as a random passphrase of 32 bytes.
    Raises Misconfigured if the log and the witness have the same key.
    """

    participant: str
    signers: Mapping[Algorithm, Signer] = field(repr=False)
    openers: Mapping[str, Opener] = field(repr=False)
    chains: Mapping[str, tuple[Certificate, ...]] = field(default_factory=dict, repr=False)
    log: LogKey | None = field(default=None, repr=False)
    log_mldsa44: LogKey | None = field(default=None, repr=False, kw_only=True)
    witness: LogKey | None = field(default=None, repr=False)
    storage_key: bytes | None = field(default=None, repr=False)
    tls_passphrase: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # exchange-log T9: a cosignature could otherwise pass for the log's own signature, or that for a cosignature
        if self.log and self.witness and self.log.public_key == self.witness.public_key:
            raise Misconfigured(detail=f"{self.participant} has the same key for its log and for its witness")

    def signers_for(self, suite: Suite) -> tuple[Signer, ...]:
        """One signer for each signature of the suite, in its order; raises Misconfigured where one is missing."""
        missing = [algorithm for algorithm in SUITES[suite].signatures if algorithm not in self.signers]
        if missing:
            raise Misconfigured(detail=f"{self.participant} has no signing key for {', '.join(missing)}")
        return tuple(self.signers[algorithm] for algorithm in SUITES[suite].signatures)

    def opener(self, key_id: str) -> Opener:
        """The key of that id; raises UnknownKey."""
        try:
            return self.openers[key_id]
        except KeyError:
            raise UnknownKey(detail="no private key of that id") from None

    def suites(self) -> tuple[Suite, ...]:
        """The suites that the signing keys suffice for, strongest first."""
        return tuple(suite for suite in Suite if all(a in self.signers for a in SUITES[suite].signatures))
