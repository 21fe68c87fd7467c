"""The closed registry of suites: which algorithms protect a package. Single algorithms are not negotiated."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from attache.errors import UnsupportedVersion


class Algorithm(StrEnum):
    """What a key is for, by its JOSE name. A key belongs to exactly one algorithm."""

    ES384 = "ES384"  # RFC 7518, 3.4
    ML_DSA_87 = "ML-DSA-87"  # RFC 9964
    ED25519 = "Ed25519"  # RFC 8032; the exchange log and witnesses
    ML_DSA_44 = "ML-DSA-44"  # RFC 9964; the exchange log, post-quantum
    ECDH_P384 = "ECDH-ES+A256KW"  # RFC 7518, 4.6, on P-384
    HPKE_10 = "HPKE-10-KE"  # draft-ietf-jose-hpke-pq-pqt: ML-KEM-1024 + P-384, SHAKE256, AES-256-GCM
    A256GCM = "A256GCM"  # a symmetric key, for the participant's own data at rest


class Suite(StrEnum):
    """A suite; the strongest first."""

    HYBRID_1 = "hybrid-1"
    CLASSICAL_1 = "classical-1"


@dataclass(frozen=True)
class SuiteRule:
    """Exactly these signatures, in this order, no fewer and no more; and this key encryption."""

    signatures: tuple[Algorithm, ...]
    sealing: Algorithm


SUITES: dict[Suite, SuiteRule] = {
    Suite.HYBRID_1: SuiteRule((Algorithm.ES384, Algorithm.ML_DSA_87), Algorithm.HPKE_10),
    Suite.CLASSICAL_1: SuiteRule((Algorithm.ES384,), Algorithm.ECDH_P384),
}


def parse_suite(text: object) -> Suite:
    """The suite of that name; raises UnsupportedVersion for any other."""
    for suite in Suite:
        if suite == text:
            return suite
    # protocol S1
    raise UnsupportedVersion(detail="an unknown suite")


def choose_suite(mine: Iterable[Suite], theirs: Iterable[Suite]) -> Suite:
    """The suite to seal with: the first of theirs that is also mine.

    A participant's descriptor lists its suites best first, and the recipient's order decides.
    Raises UnsupportedVersion where the two have none in common.
    """
    acceptable = set(mine)
    # protocol S4
    for suite in theirs:
        if suite in acceptable:
            return suite
    raise UnsupportedVersion(detail="no suite in common")
