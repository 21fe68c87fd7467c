"""What an offline check found."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from attache.errors import AttacheError

MAX_FINDINGS = 1000


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the step that found it, its code from `attache.errors.PROBLEMS`, where, and in words."""

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
        """Whether to stop looking."""
        # exchange-log D1
        return len(self.kept) >= MAX_FINDINGS

    def add(self, step: str, code: str, where: str, detail: str) -> None:
        """Record one."""
        if not self.is_full:
            self.kept.append(Finding(step, code, where, detail))

    @contextmanager
    def at(self, step: str, where: str) -> Iterator[None]:
        """Record whatever AttacheError the block raises, at `step`, and go on behind the block."""
        try:
            yield
        # exchange-log D1, D3
        except AttacheError as error:
            self.add(step, error.code, where, error.detail or error.title)
