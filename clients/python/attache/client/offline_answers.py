"""Signed consents and refusals as files: which of them it is, and whose signature it bears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from attache.consent import CONSENT, verify_consent
from attache.consent_refusal import REFUSAL, verify_refusal
from attache.errors import AttacheError, NotFound
from attache.package import parse_statement
from attache.package.jws import SignedType
from attache.package.values import Statement
from attache.participant import Descriptor

ANSWER_NOT_CHECKED = ("that it answers a request of yours", "that it has not expired")

T = TypeVar("T", bound=Statement)


@dataclass(frozen=True)
class AnswerType:
    """A kind of signed answer to a request for consent, and how it is verified."""

    kind: str
    type: SignedType
    verify: Callable[[bytes, Descriptor], Statement]

    def is_it(self, raw: bytes) -> bool:
        """Whether the file is a statement of this type. Says nothing of its signatures."""
        try:
            parse_statement(raw, self.type)
        except AttacheError:
            return False
        return True

    def by_one_of(self, raw: bytes, descriptors: Mapping[str, Descriptor]) -> Statement:
        """The statement, verified under the one of these descriptors whose keys it names."""
        return by_one_of(descriptors, lambda descriptor: self.verify(raw, descriptor))


ANSWERS = (
    AnswerType("consent", CONSENT, verify_consent),
    AnswerType("consent-refusal", REFUSAL, verify_refusal),
)


def by_one_of(descriptors: Mapping[str, Descriptor], verify: Callable[[Descriptor], T]) -> T:
    """A statement names its signer only inside what is signed, so each known participant is tried."""
    unknown: AttacheError = NotFound("unknown-partner", "no descriptors are at hand")
    for descriptor in descriptors.values():
        try:
            return verify(descriptor)
        except AttacheError as error:
            if error.code != "unknown-key":
                raise
            unknown = error
    raise unknown
