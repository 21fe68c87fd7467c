"""What an exchange log is kept with."""

from collections.abc import Sequence
from dataclasses import dataclass

from attache.translog.signing import NoteSigner
from attache.translog.vkey import VerifierKey
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange_log.leaf import Pseudonyms


@dataclass(frozen=True)
class LogKeys:
    """Signers of the checkpoint (the first one's name is the log's origin), pseudonyms,
    and the vault for what is private.
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
