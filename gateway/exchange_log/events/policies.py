"""Policy sets."""

from dataclasses import dataclass

from gateway.exchange_log.events.base import PARTNERS, Event, Reason
from gateway.exchange_log.events.codes import EventCode


@dataclass(frozen=True, kw_only=True)
class PolicyProposed(Event):
    """An officer proposed a policy set; it loads, and all its cases give the expected decisions."""

    event_code = EventCode.POLICY_PROPOSED
    readers = PARTNERS
    policy_sha256: str
    cases: int
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PolicyActivated(Event):
    """A policy set came into force."""

    event_code = EventCode.POLICY_ACTIVATED
    readers = PARTNERS
    policy_sha256: str
    previous_sha256: str | None
    cases: int
    note: Reason[str]


@dataclass(frozen=True, kw_only=True)
class PolicyRefused(Event):
    """A policy set did not load, and did not come into force."""

    event_code = EventCode.POLICY_REFUSED
    readers = PARTNERS
    policy_sha256: str
    code: str
    note: Reason[str]
