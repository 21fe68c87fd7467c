"""What the verification of evidence says: one line for each check, whatever its outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from attache.errors import AttacheError
from attache.evidence.finding import MAX_FINDINGS, Finding


class Outcome(StrEnum):
    """Of one check."""

    PROVEN = "proven"
    FAILED = "failed"
    ABSENT = "absent"
    """The bundle does not hold what could be checked; that by itself is no fault."""


@dataclass(frozen=True)
class Check:
    """One check: the numbered step, what was checked, the outcome, and in words. `code` is set where it failed."""

    step: str
    where: str
    outcome: Outcome
    detail: str
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.outcome:<7}{self.step}: {self.where}: {self.detail}"

    def to_json(self) -> dict[str, str | None]:
        """As the command line prints it."""
        return {
            "step": self.step,
            "where": self.where,
            "outcome": self.outcome.value,
            "code": self.code,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class EvidenceReport:
    """What the verification of a bundle or a proof says. Believe `facts` only where `is_sound`.

    `facts`: what is proven, for people. `timeline`: the proven log entries in order, each with participant, index, time and code.
    """

    kind: str
    facts: dict[str, Any]
    checks: tuple[Check, ...]
    timeline: tuple[dict[str, Any], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        failed = (check for check in self.checks if check.outcome is Outcome.FAILED)
        return tuple(Finding(check.step, check.code or "", check.where, check.detail) for check in failed)

    @property
    def is_sound(self) -> bool:
        """Whether no check failed. Every report without a failure holds at least one proof."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "kind": self.kind,
            "sound": self.is_sound,
            **self.facts,
            "timeline": list(self.timeline),
            "checks": [check.to_json() for check in self.checks],
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass
class Checks:
    """Checks in the order in which they were made."""

    made: list[Check] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether to stop looking."""
        return len(self.made) >= 10 * MAX_FINDINGS

    def proven(self, step: str, where: str, detail: str) -> None:
        """Record a check that passed."""
        self.made.append(Check(step, where, Outcome.PROVEN, detail))

    def absent(self, step: str, where: str, detail: str) -> None:
        """Record what could not be checked because it is not there."""
        self.made.append(Check(step, where, Outcome.ABSENT, detail))

    def failed(self, step: str, code: str, where: str, detail: str) -> None:
        """Record a check that failed."""
        self.made.append(Check(step, where, Outcome.FAILED, detail, code))

    @contextmanager
    def proving(self, step: str, where: str, detail: str) -> Iterator[None]:
        """Record `detail` as proven, unless the block raises an AttacheError, which is recorded as a failure. Goes on either way."""
        try:
            yield
        except AttacheError as error:
            self.failed(step, error.code, where, error.detail or error.title)
        else:
            self.proven(step, where, detail)
