"""An outbox that counts the result of each attempt."""

from collections.abc import Callable
from datetime import datetime

from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.consignment import Consignment

CountResult = Callable[[ParticipantId, str], None]
"""Receives the partner and the result."""


class CountedOutbox(Outbox):
    """As Outbox. A result is counted after it is committed."""

    def __init__(self, outbox: Outbox, count: CountResult) -> None:
        super().__init__(outbox.agency)
        self._count = count

    async def settle(self, consignment: Consignment, receipt: bytes | None) -> None:
        await super().settle(consignment, receipt)
        self._count(consignment.outbox.partner, "delivered")

    async def refuse(self, consignment: Consignment, error: AttacheError) -> None:
        await super().refuse(consignment, error)
        self._count(consignment.outbox.partner, "refused")

    async def postpone(self, consignment: Consignment, error: AttacheError, due_at: datetime) -> None:
        await super().postpone(consignment, error, due_at)
        self._count(consignment.outbox.partner, "postponed")
