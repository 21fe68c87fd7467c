"""The refusals that are final. After any other error, delivery is retried until the deadline."""

from attache.errors import AttacheError

FINAL_CODES = frozenset(
    {
        # The partner has read the bytes, and would refuse the same bytes again
        # protocol F1
        "malformed-package",
        "malformed-receipt",
        "malformed-consent",
        "payload-too-large",
        "unsupported-version",
        "not-a-recipient",
        "decryption-failed",
        "signature-invalid",
        "envelope-mismatch",
        "part-mismatch",
        "package-expired",
        "package-conflict",
        "purged",
        "replay-detected",
    },
)
"""Deliberately not here: unknown keys, certificates and suspensions, which an officer on either side can correct;
differing clocks; damaged blocks, which are sent again; and codes that this version does not know."""


def is_final(error: AttacheError) -> bool:
    """Whether sending the same bytes again cannot help."""
    # protocol F2
    return error.code in FINAL_CODES
