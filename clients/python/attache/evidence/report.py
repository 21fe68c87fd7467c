"""The result of an offline verification: its findings, and for evidence every check with its outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from attache.errors import AttacheError

MAX_FINDINGS = 1000


@dataclass(frozen=True)
class Finding:
    """One error that a verification found: the step, a code of `attache.errors.PROBLEMS`, the place, and an explanation."""

    step: str
    code: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.step}: {self.where}: {self.code}: {self.detail}"

    def to_json(self) -> dict[str, str]:
        """As the command line prints it."""
        return {"step": self.step, "code": self.code, "where": self.where, "detail": self.detail}


@dataclass
class Findings:
    """Findings in the order in which they were made; at most 1,000 are kept."""

    kept: list[Finding] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether the verification should stop."""
        # exchange-log D1
        return len(self.kept) >= MAX_FINDINGS

    def add(self, step: str, code: str, where: str, detail: str) -> None:
        """Record a finding, unless there are 1,000 already."""
        if not self.is_full:
            self.kept.append(Finding(step, code, where, detail))

    @contextmanager
    def at(self, step: str, where: str) -> Iterator[None]:
        """Record an AttacheError that the block raises as a finding at `step`; it is not raised further."""
        try:
            yield
        # exchange-log D1, D3
        except AttacheError as error:
            self.add(step, error.code, where, error.detail or error.title)


class CheckOutcome(StrEnum):
    """The outcome of one check."""

    PROVEN = "proven"
    FAILED = "failed"
    ABSENT = "absent"
    """The bundle does not hold the material for this check; that alone is not an error."""


@dataclass(frozen=True)
class Check:
    """One check: its step, what was checked, the outcome, and an explanation. `code` is set if it failed."""

    step: str
    where: str
    outcome: CheckOutcome
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
    """The result of the verification of a bundle, a proof or an export. Trust `facts` only if `is_sound`.

    `facts`: the verified members, for people. `timeline`: the proven log entries in order, each with participant, index, time and code.
    """

    kind: str
    facts: dict[str, Any]
    checks: tuple[Check, ...]
    timeline: tuple[dict[str, Any], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        failed = (check for check in self.checks if check.outcome is CheckOutcome.FAILED)
        return tuple(Finding(check.step, check.code or "", check.where, check.detail) for check in failed)

    @property
    def is_sound(self) -> bool:
        """Whether no check failed. A report without a failed check has at least one that is proven."""
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
        """Whether the verification should stop."""
        return len(self.made) >= 10 * MAX_FINDINGS

    def proven(self, step: str, where: str, detail: str) -> None:
        """Record a check that passed."""
        self.made.append(Check(step, where, CheckOutcome.PROVEN, detail))

    def absent(self, step: str, where: str, detail: str) -> None:
        """Record a check that was not possible because its material is absent."""
        self.made.append(Check(step, where, CheckOutcome.ABSENT, detail))

    def failed(self, step: str, code: str, where: str, detail: str) -> None:
        """Record a check that failed."""
        self.made.append(Check(step, where, CheckOutcome.FAILED, detail, code))

    @contextmanager
    def proving(self, step: str, where: str, detail: str) -> Iterator[None]:
        """Record the check as proven, with `detail`; or as failed, if the block raises an AttacheError, which is not raised further."""
        try:
            yield
        except AttacheError as error:
            self.failed(step, error.code, where, error.detail or error.title)
        else:
            self.proven(step, where, detail)
