"""The exit codes of `attache`."""

from collections.abc import Mapping

from attache.errors import (
    AttacheError,
    Conflict,
    IntegrityLost,
    MalformedInput,
    Misconfigured,
    NotAuthentic,
    NotFound,
    NotPermitted,
    Unreachable,
)

VERIFICATION_FAILED = 6

EXITS: Mapping[int, str] = {
    0: "done",
    1: "failed for another reason; the message says which",
    2: "usage: the command, an option or the configuration is wrong",
    3: "denied by policy, or not permitted to you",
    4: "authentication: no valid token or certificate",
    5: "not found",
    6: "verification failed: data are not authentic, or contradict each other",
    7: "conflict with the present state",
    8: "the time to wait ended before the result",
    9: "the server or partner is not reachable",
    130: "interrupted",
}

_BY_CODE: Mapping[str, int] = {
    "wait-timed-out": 8,
    **dict.fromkeys(
        [
            "not-authenticated",
            "token-invalid",
            "token-expired",
            "token-audience",
            "token-not-bound",
            "certificate-required",
            "certificate-rejected",
            "certificate-revoked",
        ],
        4,
    ),
    **dict.fromkeys(
        ["malformed-package", "malformed-receipt", "malformed-descriptor", "malformed-log", "malformed-proof"], 6
    ),
}

_BY_FAMILY: tuple[tuple[type[AttacheError], int], ...] = (
    (Misconfigured, 2),
    (NotPermitted, 3),
    (NotFound, 5),
    (NotAuthentic, 6),
    (IntegrityLost, 6),
    (Conflict, 7),
    (Unreachable, 9),
    (MalformedInput, 1),
    (AttacheError, 1),
)


def exit_code_of(error: AttacheError) -> int:
    """The exit code that an error ends with."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next(code for family, code in _BY_FAMILY if isinstance(error, family))
