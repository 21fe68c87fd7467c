"""The gateway checks itself: one pass after the other over its log and its records, a bounded slice at a time.

A pass that finds nothing is one entry, `log.checked`. What it finds is an alarm: an entry,
a gateway that is not ready, and no release.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from attache.errors import IntegrityLost
from gateway.background import Pause, every
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import LogAudit
from gateway.exchange.kernel.standing import CheckStanding
from gateway.exchange.kernel.work import SYSTEM
from gateway.exchange_log import Event
from gateway.exchange_log.events.oversight import LogAlarm, LogChecked

BETWEEN_SLICES_SECONDS = 0.5

log = structlog.get_logger("gateway.self-check")


@dataclass
class CheckProgress:
    """How far the present pass is, and what the last whole one said. `size` 0 before the first."""

    entries: int = 0
    checked_at: datetime | None = None
    size: int = 0


class SelfCheck:
    """Passes over the log and the records. For one event loop."""

    def __init__(self, agency: Agency, *, cadence_seconds: float, pause: Pause = asyncio.sleep) -> None:
        self._agency = agency
        self._cadence_seconds = cadence_seconds
        self._pause = pause
        self.progress = CheckProgress()

    async def run(self) -> None:
        """A pass, a rest, the next pass, until cancelled, by the rules of `every`."""

        async def turn() -> None:
            await self.run_pass()

        await every(self._cadence_seconds, turn, name="self-check", pause=self._pause)

    async def run_pass(self) -> CheckStanding:
        """One whole pass, with pauses. Returns what is in force after it."""
        check = self._agency.store.begin_check()
        audit: LogAudit | None = None
        try:
            while audit is None:
                audit = await check.step()
                self.progress.entries = check.checked
                await self._pause(BETWEEN_SLICES_SECONDS)
        except IntegrityLost as error:
            return await self._conclude(check.checked, b"", (error.detail,), error.step)
        return await self._conclude(audit.size, audit.root, audit.findings, "log-audit")

    async def _conclude(self, size: int, root: bytes, findings: tuple[str, ...], step: str | None) -> CheckStanding:
        agency, before = self._agency, self._agency.in_force.check
        now = agency.clock()
        # exchange-log A5
        after = agency.in_force.check = CheckStanding(findings)
        self.progress.checked_at, self.progress.size = now, size
        event: Event = LogChecked(size=size, root=root.hex(), findings=len(findings))
        if findings:
            log.critical("records-do-not-add-up", findings=len(findings))
            event = LogAlarm(size=size, code="integrity-lost", step=step)
        if findings != before.findings or not findings:
            await agency.commit(SYSTEM, lambda work: work.log(event))
        return after
