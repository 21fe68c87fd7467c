"""The keys of an exchange log."""

from collections.abc import Sequence
from dataclasses import dataclass

from attache.translog.signing import NoteSigner
from attache.translog.vkey import VerifierKey
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange_log.leaf import Pseudonyms


@dataclass(frozen=True)
class LogKeys:
    """The signers of checkpoints (the first one's name is the log's origin), the pseudonyms, and the vault for private
    sides.
    """

    signers: Sequence[NoteSigner]
    pseudonyms: Pseudonyms
    vault: Vault

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.signers[0].verifier_key.name

    @property
    def verifier_keys(self) -> list[VerifierKey]:
        """The keys that verify our own checkpoints."""
        return [signer.verifier_key for signer in self.signers]
