"""What delivery is given to carry, and where it reports the result. gateway.exchange.delivering implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from attache.errors import AttacheError
from attache.participant import Descriptor
from gateway.exchange.kernel.records import OutboxRecord


@dataclass(frozen=True)
class OutgoingPart:
    """One released part: the ciphertext's blob, its size, and the leaf hashes (32 bytes each) of its 1 MiB blocks."""

    blob_id: str
    ciphertext_bytes: int
    block_hashes: bytes


@dataclass(frozen=True)
class OutgoingPackage:
    """A sealed package: line 1 with the envelope, and the parts in manifest order."""

    frame: bytes
    parts: tuple[OutgoingPart, ...]


@dataclass(frozen=True)
class Statement:
    """A signed statement (JWS), and the path below the partner's exchange API that takes it, as `/receipts`."""

    path: str
    signed: bytes


Outgoing = OutgoingPackage | Statement


@dataclass(frozen=True)
class Consignment:
    """One claimed outbox row with all it takes to deliver it: no further look into the store is needed.

    `endpoint` is the base of the partner's exchange API, as `https://host:port/exchange/v1`;
    `descriptor` is the verified one now in force.
    """

    outbox: OutboxRecord
    endpoint: str
    descriptor: Descriptor
    outgoing: Outgoing


class Deliver(Protocol):
    """The outbox as the delivery worker sees it. Each answer is one transaction."""

    async def claim(self, limit: int, busy: frozenset[str]) -> list[Consignment]:
        """Lease at most `limit` due rows, fair between partners, none of them for a partner in `busy`."""
        ...

    async def settle(self, consignment: Consignment, receipt: bytes | None) -> None:
        """The partner has it. For a package `receipt` is its answer, not yet verified; for a receipt it is None.

        Raises AttacheError, and changes nothing, if the receipt does not verify.
        """
        ...

    async def refuse(self, consignment: Consignment, error: AttacheError) -> None:
        """The partner refused for good. `error.extra["receipt"]` may hold its signed refusal, not yet verified."""
        ...

    async def postpone(self, consignment: Consignment, error: AttacheError, due_at: datetime) -> None:
        """Not this time: try again at `due_at`, or give up if that is after the row's deadline."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next row without a lease is due, or the first lease ends; None if the outbox is empty."""
        ...

    async def changed(self) -> None:
        """Return when something was added to the outbox since the last call."""
        ...
