"""Private keys on disk: one file a key, each wrapped under a key derived from the folder's passphrase with scrypt.

    DIR/<use>-<algorithm>-<epoch>.key    JSON, format `attache-key/1`, mode 0600

All files written at once share one salt, so that a folder opens with one derivation (RFC 7914; n = 2^17, r = 8, p = 1:
about 0.4 s and 128 MiB). The clear members are authenticated along with the key.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from attache.crypto.certificates import Certificate
from attache.crypto.digests import sha256
from attache.crypto.encoding import b64u, parse_b64u
from attache.crypto.key_ring import KeyRing, KeyUse
from attache.crypto.key_wrap import open_at_rest, seal_at_rest
from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey
from attache.crypto.private_keys import PrivateKey, Random
from attache.crypto.suites import Algorithm
from attache.errors import AttacheError, Misconfigured
from attache.strict_json import canonical, parse_object

FORMAT = "attache-key/1"
DEFAULT_COST = 2**17
MAX_COST = 2**18
MAX_FILE_BYTES = 16 * 1024
_SALT_BYTES = 16
_MEMBERS = {"format", "use", "algorithm", "epoch", "key_id", "scrypt_n", "salt", "wrapped"}


@dataclass(frozen=True)
class StoredKey:
    """A private key, with its use, algorithm and epoch. `secret` is the raw private key; `key_id` its public key's id."""

    use: KeyUse
    algorithm: Algorithm
    epoch: int
    key_id: str
    secret: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        return f"{self.use}-{self.algorithm.lower()}-{self.epoch}.key".replace("+", "-")

    @classmethod
    def of(cls, use: KeyUse, key: PrivateKey, epoch: int = 1) -> "StoredKey":
        return cls(use, key.algorithm, epoch, key.key_id, key.secret_bytes())

    @classmethod
    def symmetric(cls, use: KeyUse, secret: bytes, epoch: int = 1) -> "StoredKey":
        """A key of 32 random bytes; its id is a digest of it under a label."""
        return cls(use, Algorithm.A256GCM, epoch, b64u(sha256(b"attache-key/1 id\x00" + secret)), secret)


def save_private_keys(
    folder: Path,
    keys: Iterable[StoredKey],
    passphrase: bytes,
    *,
    cost: int = DEFAULT_COST,
    random: Random = os.urandom,
) -> None:
    """Write each key to its own new file, mode 0600, in `folder`, mode 0700. Existing files are never replaced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    salt = random(_SALT_BYTES)
    wrapping_key = _derive(passphrase, salt, cost)
    for key in keys:
        clear: dict[str, Any] = {
            "format": FORMAT,
            "use": key.use.value,
            "algorithm": key.algorithm.value,
            "epoch": key.epoch,
            "key_id": key.key_id,
            "scrypt_n": cost,
            "salt": b64u(salt),
        }
        wrapped = seal_at_rest(wrapping_key, key.secret, canonical(clear), random)
        write_private(folder / key.file_name, canonical({**clear, "wrapped": b64u(wrapped)}) + b"\n")


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, durably."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def load_stored_keys(folder: Path, passphrase: bytes) -> tuple[StoredKey, ...]:
    """Every key of the folder. Raises Misconfigured for a file that others can read, is damaged, or does not open."""
    derived: dict[tuple[bytes, int], bytes] = {}
    return tuple(_load(path, passphrase, derived) for path in sorted(folder.glob("*.key")))


def load_private_keys(
    folder: Path, passphrase: bytes, *, participant: str, chains: Mapping[str, tuple[Certificate, ...]] | None = None
) -> KeyRing:
    """The key ring of a participant's folder: of several epochs, the newest key signs, and every key opens.

    Raises Misconfigured as `load_stored_keys` does, and for a folder without a key.
    """
    stored = sorted(load_stored_keys(folder, passphrase), key=lambda key: key.epoch)
    if not stored:
        raise Misconfigured(detail=f"no private keys in {folder.name}")

    def private(use: KeyUse) -> list[PrivateKey]:
        return [PrivateKey(key.algorithm, key.secret) for key in stored if key.use is use]

    secrets = {
        key.use: key.secret for key in stored if key.algorithm is not Algorithm.ML_DSA_44
    }  # the newest of each use
    mldsa44 = {key.use: key.secret for key in stored if key.algorithm is Algorithm.ML_DSA_44}
    return KeyRing(
        participant,
        {key.algorithm: key for key in private(KeyUse.SIGN)},
        {key.key_id: key for key in private(KeyUse.SEAL)},
        chains or {},
        Ed25519LogKey(secrets[KeyUse.LOG]) if KeyUse.LOG in secrets else None,
        Ed25519LogKey(secrets[KeyUse.WITNESS]) if KeyUse.WITNESS in secrets else None,
        secrets.get(KeyUse.STORAGE),
        b64u(secrets[KeyUse.TLS]).encode() if KeyUse.TLS in secrets else None,
        log_mldsa44=MLDSA44LogKey(mldsa44[KeyUse.LOG]) if KeyUse.LOG in mldsa44 else None,
    )


def _load(path: Path, passphrase: bytes, derived: dict[tuple[bytes, int], bytes]) -> StoredKey:
    # protocol K4
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(detail=f"{path.name} can be read or written by others: chmod 600")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Misconfigured(detail=f"{path.name} is not a key file")
    try:
        return _parse(path.read_bytes(), passphrase, derived)
    except (AttacheError, ValueError, KeyError, TypeError):
        raise Misconfigured(detail=f"{path.name} is damaged or under another passphrase") from None


def _parse(raw: bytes, passphrase: bytes, derived: dict[tuple[bytes, int], bytes]) -> StoredKey:
    document = parse_object(raw)
    if document.keys() != _MEMBERS or document["format"] != FORMAT:
        raise Misconfigured
    wrapped = parse_b64u(document.pop("wrapped"))
    salt, cost = parse_b64u(document["salt"], size=_SALT_BYTES), document["scrypt_n"]
    if (salt, cost) not in derived:
        derived[salt, cost] = _derive(passphrase, salt, cost)
    secret = open_at_rest(derived[salt, cost], wrapped, canonical(document))
    algorithm = Algorithm(document["algorithm"])
    key = StoredKey(KeyUse(document["use"]), algorithm, document["epoch"], document["key_id"], secret)
    if algorithm is not Algorithm.A256GCM and PrivateKey(algorithm, secret).key_id != key.key_id:
        raise Misconfigured
    return key


def _derive(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    if not 2 <= cost <= MAX_COST:  # noqa: PLR2004 -- scrypt's own lower bound
        raise Misconfigured(detail="an scrypt cost out of bounds")
    # protocol K4
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase)
