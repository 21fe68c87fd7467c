"""Primitives, keys and certificates: the only package that imports `cryptography`.

It does not depend on packages, receipts or participants. Randomness is an argument with `os.urandom` as default.
The algorithms are FIPS-approved ones; the wheel's module is not itself FIPS-validated.
"""

from attache.crypto.certificates import (
    MAX_CHAIN,
    Certificate,
    Revoked,
    certificates_of_pem,
    nothing_revoked,
    parse_certificate_text,
    verify_chain,
)
from attache.crypto.digests import BackgroundSha256, is_equal, sha256, sha256_hex
from attache.crypto.encoding import b64u, parse_b64u
from attache.crypto.key_files import (
    StoredKey,
    load_private_keys,
    load_stored_keys,
    save_private_keys,
    write_private,
)
from attache.crypto.key_ring import KeyRing, KeyUse
from attache.crypto.key_wrap import (
    WrappedKey,
    decrypt_content,
    encrypt_content,
    open_at_rest,
    seal_at_rest,
    wrap,
)
from attache.crypto.private_keys import Opener, PrivateKey, Random, Signer, generate_private_key
from attache.crypto.public_keys import PublicKey, parse_jwk
from attache.crypto.revocation import RevocationList, verify_crl
from attache.crypto.streams import StreamDecryptor, StreamEncryptor, ciphertext_bytes, generate_key
from attache.crypto.suites import SUITES, Algorithm, Suite, SuiteRule, choose_suite, parse_suite

__all__ = [
    "MAX_CHAIN",
    "SUITES",
    "Algorithm",
    "BackgroundSha256",
    "Certificate",
    "KeyRing",
    "KeyUse",
    "Opener",
    "PrivateKey",
    "PublicKey",
    "Random",
    "RevocationList",
    "Revoked",
    "Signer",
    "StoredKey",
    "StreamDecryptor",
    "StreamEncryptor",
    "Suite",
    "SuiteRule",
    "WrappedKey",
    "b64u",
    "certificates_of_pem",
    "choose_suite",
    "ciphertext_bytes",
    "decrypt_content",
    "encrypt_content",
    "generate_key",
    "generate_private_key",
    "is_equal",
    "load_private_keys",
    "load_stored_keys",
    "nothing_revoked",
    "open_at_rest",
    "parse_b64u",
    "parse_certificate_text",
    "parse_jwk",
    "parse_suite",
    "save_private_keys",
    "seal_at_rest",
    "sha256",
    "sha256_hex",
    "verify_chain",
    "verify_crl",
    "wrap",
    "write_private",
]
