"""Which refusals are for good. Everything else is tried again until the deadline, and nothing is dropped silently."""

from attache.errors import AttacheError

FINAL_CODES = frozenset(
    {
        # The partner read it, and the very same bytes will be read the same way again
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
"""Not here, on purpose: unknown keys, certificates and suspensions, which an officer on either side mends; clocks that
differ; damaged blocks, which are sent again; and codes that this version does not know."""


def is_final(error: AttacheError) -> bool:
    """Whether sending the same bytes again cannot help."""
    # protocol F2
    return error.code in FINAL_CODES
