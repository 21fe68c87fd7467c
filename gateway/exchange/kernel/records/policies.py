"""Policy sets and their files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Self

from gateway.exchange.kernel.records.record import KEY, Index, Key, Query, Record
from gateway.exchange.kernel.state import PolicySetState


@dataclass(frozen=True)
class PolicyFileRecord(Record):
    """A file of a policy set. It contains nothing about a package, is kept in the clear, and is never removed."""

    TABLE: ClassVar = "policy_file"

    sha256: Annotated[str, KEY]
    content: bytes

    @classmethod
    def key(cls, sha256: str) -> Key[Self]:
        return Key(cls, (sha256,))


@dataclass(frozen=True)
class PolicySetRecord(Record):
    """A policy set that was proposed, and what became of it. At most one is active; none is ever removed."""

    TABLE: ClassVar = "policy_set"
    INDEXES: ClassVar = (Index("policy_set_by_state", ("state",)),)

    policy_sha256: Annotated[str, KEY]
    state: PolicySetState
    files: str
    """Canonical JSON: the SHA-256 of each file, by its path."""
    cases: int
    """How many cases held when it was proposed."""
    proposed_by: str
    proposed_at: datetime
    activated_by: str = ""
    activated_at: datetime | None = None

    @classmethod
    def key(cls, policy_sha256: str) -> Key[Self]:
        return Key(cls, (policy_sha256,))

    @classmethod
    def every(cls) -> Query[Self]:
        return Query(cls)

    @classmethod
    def active(cls) -> Query[Self]:
        """The one that decides, if there is one."""
        return Query(cls, equal={"state": PolicySetState.ACTIVE})
