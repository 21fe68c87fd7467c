"""The sealed manifest: JWE in JSON serialization (RFC 7516), A256GCM, one entry for each key of the one recipient.

    {"protected": b64u, "recipients": [{"header": {...}, "encrypted_key": b64u}, ...],
     "iv": b64u, "ciphertext": b64u, "tag": b64u, "aad": b64u}

    header, hybrid-1       {"alg": "HPKE-10-KE", "kid", "ek"}         ek: the HPKE encapsulation
    header, classical-1    {"alg": "ECDH-ES+A256KW", "kid", "epk"}    epk: the ephemeral key as a JWK

The protected header holds `enc`, `typ` and `key_commitment`, a digest over the content key and all recipients: AES-GCM
alone would let one ciphertext decrypt to different texts under two keys, and nothing else protects the entries of the
other recipient keys. JOSE libraries ignore a member that they do not know.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attache.crypto import (
    Algorithm,
    Opener,
    PublicKey,
    Random,
    WrappedKey,
    b64u,
    decrypt_content,
    encrypt_content,
    is_equal,
    parse_b64u,
    parse_jwk,
    sha256,
    wrap,
)
from attache.errors import MalformedInput, NotAuthentic
from attache.strict_json import canonical, parse_object

MAX_RECIPIENT_KEYS = 8

_ENC = "A256GCM"
_TYP = "attache-manifest+jwe"
_IV_BYTES = 12
_TAG_BYTES = 16
_COMMITMENT = b"attache-package/1 content key\x00"
_MALFORMED = "malformed-package"
_MEMBERS = {"protected", "recipients", "iv", "ciphertext", "tag", "aad"}


@dataclass(frozen=True)
class RecipientEntry:
    """The content key, encrypted to the key `key_id`."""

    algorithm: Algorithm
    key_id: str
    wrapped: WrappedKey


@dataclass(frozen=True)
class SealedText:
    """A well-formed JWE. Nothing in it is verified."""

    document: dict[str, Any]
    recipients: tuple[RecipientEntry, ...]
    aad: bytes

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(entry.key_id for entry in self.recipients)

    def open(self, opener: Opener) -> bytes:
        """The plaintext, for the holder of one of the recipient keys; raises NotAuthentic("decryption-failed")."""
        entry = next(entry for entry in self.recipients if entry.key_id == opener.key_id)
        if entry.algorithm is not opener.algorithm:
            raise NotAuthentic("decryption-failed", "sealed for an algorithm that is not the key's")
        content_key = opener.unwrap(entry.wrapped)
        document = self.document
        header = parse_object(parse_b64u(document["protected"], code=_MALFORMED), code=_MALFORMED)
        commitment = _commitment(content_key, document["recipients"])
        # protocol W4
        if not is_equal(commitment.encode(), header["key_commitment"].encode()):
            raise NotAuthentic("decryption-failed", "the recipients' keys are not the ones committed to")
        return decrypt_content(
            content_key,
            parse_b64u(document["ciphertext"]),
            parse_b64u(document["tag"]),
            f"{document['protected']}.{document['aad']}".encode("ascii"),
            parse_b64u(document["iv"]),
        )


def seal_text(
    plaintext: bytes, aad: bytes, recipients: Sequence[PublicKey], random: Random = os.urandom
) -> dict[str, Any]:
    """The JWE document over `plaintext` and `aad`, for the holder of any of the recipient keys."""
    content_key, iv = random(32), random(_IV_BYTES)
    entries = [_entry(content_key, key) for key in recipients]
    header = {"enc": _ENC, "typ": _TYP, "key_commitment": _commitment(content_key, entries)}
    protected, clear = b64u(canonical(header)), b64u(aad)
    ciphertext, tag = encrypt_content(content_key, plaintext, f"{protected}.{clear}".encode("ascii"), iv)
    return {
        "protected": protected,
        "recipients": entries,
        "iv": b64u(iv),
        "ciphertext": b64u(ciphertext),
        "tag": b64u(tag),
        "aad": clear,
    }


def parse_sealed_text(document: object) -> SealedText:
    """A well-formed JWE of exactly this profile; raises MalformedInput("malformed-package")."""
    if not isinstance(document, dict) or document.keys() != _MEMBERS:
        raise MalformedInput(_MALFORMED, "not a JWE in JSON serialization")
    header = parse_object(parse_b64u(document["protected"], code=_MALFORMED), code=_MALFORMED)
    # protocol W1
    if header.keys() != {"enc", "typ", "key_commitment"} or header["enc"] != _ENC or header["typ"] != _TYP:
        raise MalformedInput(_MALFORMED, "the JWE's protected header is not the required one")
    parse_b64u(header["key_commitment"], code=_MALFORMED, size=32)
    parse_b64u(document["iv"], code=_MALFORMED, size=_IV_BYTES)
    parse_b64u(document["tag"], code=_MALFORMED, size=_TAG_BYTES)
    parse_b64u(document["ciphertext"], code=_MALFORMED)
    recipients = document["recipients"]
    # protocol W2
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_RECIPIENT_KEYS:
        raise MalformedInput(_MALFORMED, f"not 1 to {MAX_RECIPIENT_KEYS} recipient keys")
    entries = tuple(_parse_entry(entry) for entry in recipients)
    # protocol W2
    if len({entry.key_id for entry in entries}) != len(entries):
        raise MalformedInput(_MALFORMED, "a recipient key occurs twice")
    return SealedText(document, entries, parse_b64u(document["aad"], code=_MALFORMED))


def _entry(content_key: bytes, key: PublicKey) -> dict[str, Any]:
    wrapped = wrap(content_key, key)
    header: dict[str, Any] = {"alg": key.algorithm.value, "kid": key.key_id}
    if key.algorithm is Algorithm.HPKE_10:
        header["ek"] = b64u(wrapped.encapsulated)
    else:
        header["epk"] = PublicKey(Algorithm.ECDH_P384, wrapped.encapsulated).jwk()
    return {"header": header, "encrypted_key": b64u(wrapped.encrypted_key)}


def _parse_entry(entry: object) -> RecipientEntry:
    if not isinstance(entry, dict) or entry.keys() != {"header", "encrypted_key"}:
        raise MalformedInput(_MALFORMED, "a recipient has other members than header and encrypted_key")
    header = entry["header"]
    encrypted_key = parse_b64u(entry["encrypted_key"], code=_MALFORMED)
    if not isinstance(header, dict) or not isinstance(header.get("kid"), str):
        raise MalformedInput(_MALFORMED, "a recipient without a key id")
    # protocol W2
    if header.keys() == {"alg", "kid", "ek"} and header["alg"] == Algorithm.HPKE_10:
        algorithm, encapsulated = Algorithm.HPKE_10, parse_b64u(header["ek"], code=_MALFORMED)
    elif header.keys() == {"alg", "kid", "epk"} and header["alg"] == Algorithm.ECDH_P384:
        algorithm = Algorithm.ECDH_P384
        encapsulated = parse_jwk(header["epk"], algorithm, code=_MALFORMED).raw
    else:
        raise MalformedInput(_MALFORMED, "a recipient's key encryption belongs to no suite")
    return RecipientEntry(algorithm, header["kid"], WrappedKey(encapsulated, encrypted_key))


def _commitment(content_key: bytes, recipients: list[dict[str, Any]]) -> str:
    return b64u(sha256(_COMMITMENT + content_key + canonical(recipients)))
