"""Submission of our checkpoints to the partners that witness our log: before each package,
shortly after it, and periodically.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from attache.client.exchange import WitnessReply
from attache.errors import AttacheError, IntegrityLost
from attache.package.ids import ParticipantId
from gateway.background import Pause, every
from gateway.delivery.link import Carrier
from gateway.exchange.kernel.consignment import Consignment, OutgoingPackage
from gateway.exchange.witnessing.be_cosigned import Witnessing
from gateway.partners import Partner

AFTER_DELIVERY_SECONDS = 2.0

log = structlog.get_logger("gateway.delivery")


class CheckpointLink(Protocol):
    """Sends a checkpoint to a witness."""

    async def add_checkpoint(self, witness: Partner, request: bytes) -> WitnessReply:
        """The witness's answer; raises AttacheError where there was none."""
        ...


class CheckpointSubmitter:
    """Submits our checkpoint to witnesses, to each at most once at a time.
    An unreachable witness is tried again at the next submission.

    For use on one event loop.
    """

    def __init__(
        self,
        own_log: Witnessing,
        link: CheckpointLink,
        *,
        cadence_seconds: float,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._log = own_log
        self._link = link
        self._cadence_seconds = cadence_seconds
        self._pause = pause
        self._locks: dict[str, asyncio.Lock] = {}
        self._covered: dict[str, int] = {}
        self._delivered = asyncio.Event()

    def delivered(self) -> None:
        """Note a delivery: its log entry is to be cosigned soon."""
        self._delivered.set()

    async def run(self) -> None:
        """Submit to every witness, periodically and shortly after deliveries,
        until cancelled. See `every` for errors.
        """
        await every(
            self._cadence_seconds,
            self.submit_to_all,
            name="witnessing",
            wake=self._delivered,
            after_wake_seconds=AFTER_DELIVERY_SECONDS,  # one submission for several deliveries
            pause=self._pause,
        )

    async def submit_to_all(self) -> None:
        """Submit once to every witness. Also logs an alarm where the newest cosignature has become too old."""
        await asyncio.gather(*(self.submit_to(witness) for witness in self._log.witnesses()))
        await self._log.note_stale()

    async def submit_to(self, witness: Partner, *, covering: int | None = None) -> None:
        """Have our newest checkpoint cosigned. Does nothing where this witness has
        already cosigned one of at least `covering` entries.
        """
        async with self._locks.setdefault(witness.participant, asyncio.Lock()):
            if covering is not None and self._covered.get(witness.participant, -1) >= covering:
                return
            try:
                await self._submit(witness)
            except IntegrityLost:
                raise
            except AttacheError as error:
                log.warning("not-cosigned", partner=witness.participant, code=error.code)

    async def submit_before(self, participant: ParticipantId) -> None:
        """Have all present entries of our log cosigned by this participant, if it is a witness."""
        witness = next((each for each in self._log.witnesses() if each.participant == participant), None)
        if witness is not None:
            await self.submit_to(witness, covering=await self._log.size())

    async def _submit(self, witness: Partner) -> None:
        submission = await self._log.begin(witness)
        while submission is not None:
            reply = await self._link.add_checkpoint(witness, await self._log.request(submission))
            sent = submission.checkpoint.size
            submission = await self._log.settle(witness, submission, reply)
            if reply.status == 200:  # noqa: PLR2004 -- tlog-witness
                self._covered[witness.participant] = sent


class CosignedCarrier:
    """A carrier that first has the recipient cosign our log with the entry of the release;
    the receipt then contains the cosignature.
    """

    def __init__(
        self, carrier: Carrier, submitter: CheckpointSubmitter, require_release: Callable[[ParticipantId], None]
    ) -> None:
        self._carrier = carrier
        self._submitter = submitter
        self._require_release = require_release

    async def carry(self, consignment: Consignment) -> bytes | None:
        """See `Carrier`. Raises AttacheError("release-stopped") where the
        cosigning raised an alarm; then nothing is sent.
        """
        partner = consignment.outbox.partner
        if isinstance(consignment.outgoing, OutgoingPackage):
            await self._submitter.submit_before(partner)
        self._require_release(partner)
        answer = await self._carrier.carry(consignment)
        self._submitter.delivered()
        return answer
