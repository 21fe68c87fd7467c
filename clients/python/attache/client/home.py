"""A participant's home folder: its keys, its descriptor, and the descriptors of others that it has pinned. No network.

HOME/keys/*.key                  private keys, wrapped under the passphrase (`attache.crypto`), mode 0600
     keys/passphrase             optional, mode 0600; otherwise the caller provides the passphrase
     keys/tls-client.pem         the TLS client key, encrypted under the TLS passphrase of the key ring
     certificates/tls-client.pem
     descriptor.jws              the participant's own descriptor
DESCRIPTORS/<participant>.jws    by default HOME/descriptors: the descriptors of other participants
            fingerprints.json    participant id -> fingerprint that people compared; only a descriptor listed here is trusted
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attache.crypto import KeyRing, load_private_keys
from attache.errors import AttacheError, Misconfigured, NotFound
from attache.participant import Descriptor, fingerprint_of, verify_descriptor
from attache.strict_json import parse_object

MAX_DESCRIPTOR_BYTES = 1 << 20
_FINGERPRINTS = "fingerprints.json"


@dataclass(frozen=True)
class Home:
    """A participant's own descriptor and keys, and the descriptors of others that it trusts."""

    folder: Path
    me: Descriptor
    keys: KeyRing
    descriptors: Mapping[str, Descriptor]

    @property
    def tls_certificate(self) -> Path:
        return self.folder / "certificates" / "tls-client.pem"

    @property
    def tls_key(self) -> Path:
        return self.folder / "keys" / "tls-client.pem"

    def descriptor_of(self, participant: str) -> Descriptor:
        """The pinned descriptor of a participant; raises NotFound("unknown-partner")."""
        try:
            return self.descriptors[participant]
        except KeyError:
            raise NotFound("unknown-partner", f"no pinned descriptor of {participant}") from None


def load_home(folder: Path, *, passphrase: bytes | None = None, descriptors: Path | None = None) -> Home:
    """The home in `folder`. Raises Misconfigured, naming the file that cannot be used."""
    raw = _read(folder / "descriptor.jws")
    me = _own_descriptor(raw)
    secret = _read_passphrase(folder / "keys" / "passphrase") if passphrase is None else passphrase
    keys = load_private_keys(folder / "keys", secret, participant=me.participant, chains=me.chains)
    return Home(folder, me, keys, load_descriptors(descriptors or folder / "descriptors"))


def load_descriptors(folder: Path) -> dict[str, Descriptor]:
    """Every descriptor whose fingerprint is pinned in `folder`. Raises Misconfigured if one is missing or does not match its fingerprint."""
    try:
        pins = parse_object(_read(folder / _FINGERPRINTS))
    except AttacheError as error:
        raise Misconfigured("misconfigured", f"{folder / _FINGERPRINTS}: {error.detail}") from None
    return {name: _pinned(folder / f"{name}.jws", name, pin) for name, pin in pins.items()}


def _pinned(path: Path, participant: str, fingerprint: object) -> Descriptor:
    raw = _read(path)
    try:
        descriptor = verify_descriptor(raw, fingerprint=str(fingerprint))
    except AttacheError as error:
        raise Misconfigured("misconfigured", f"{path}: {error}") from None
    if descriptor.participant != participant:
        raise Misconfigured("misconfigured", f"{path} is the descriptor of {descriptor.participant}")
    return descriptor


def _own_descriptor(raw: bytes) -> Descriptor:
    try:
        return verify_descriptor(raw, fingerprint=fingerprint_of(raw))
    except AttacheError as error:
        raise Misconfigured("misconfigured", f"descriptor.jws: {error}") from None


def _read_passphrase(path: Path) -> bytes:
    """The passphrase, without the newline at its end. Raises Misconfigured if others may read the file."""
    secret = _read(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured("misconfigured", f"{path} can be read or written by others: chmod 600")
    return secret.removesuffix(b"\n")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DESCRIPTOR_BYTES)
    except OSError as error:
        raise Misconfigured("misconfigured", f"{path}: {error.strerror}") from None
