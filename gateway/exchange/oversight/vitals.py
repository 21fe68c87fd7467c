"""How the gateway is doing, as numbers: queues, approvals, witnesses and its own check. Partners and posts are named,
persons never.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from attache.package.ids import ParticipantId
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader, Tallies
from gateway.exchange.kernel.records import WitnessRecord
from gateway.exchange.oversight.self_check import CheckProgress


@dataclass(frozen=True)
class WitnessVitals:
    """One witness of our log."""

    cosigned_at: datetime | None
    alarm: str | None


@dataclass(frozen=True)
class Vitals:
    """One moment. `suspects`: partners whose own log has shown two histories."""

    at: datetime
    log_size: int
    tallies: Tallies
    witnesses: Mapping[ParticipantId, WitnessVitals]
    suspects: frozenset[ParticipantId]
    check: CheckProgress
    findings: int
    partners: frozenset[str] = field(default_factory=frozenset)


async def vitals_of(agency: Agency, check: CheckProgress) -> Vitals:
    """Read from one committed state."""
    now = agency.clock()

    def query(reader: Reader) -> tuple[Tallies, dict[ParticipantId, WitnessVitals]]:
        witnesses = {
            each.participant: WitnessVitals(each.cosigned_at, each.alarm) for each in reader.find(WitnessRecord.every())
        }
        return reader.tallies(now), witnesses

    tallies, witnesses = await agency.store.read(query)
    return Vitals(
        at=now,
        log_size=await agency.store.read_log(lambda log: log.size),
        tallies=tallies,
        witnesses=witnesses,
        suspects=agency.in_force.witnesses.suspects,
        check=check,
        findings=len(agency.in_force.check.findings),
        partners=frozenset(agency.directory.partners) - {agency.participant},
    )
