"""Claiming outbox rows with a lease, in one SQL statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select, update
from sqlalchemy.sql.dml import ReturningUpdate, Update

from gateway.exchange.kernel.records import OutboxRecord
from gateway.exchange.kernel.state import OutboxState
from gateway.store.columns import Instant
from gateway.store.statements import SQL, records_of

_OUTBOX = SQL[OutboxRecord].table


def claim_outbox(
    connection: Connection, now: datetime, lease_until: datetime, limit: int, busy: frozenset[str]
) -> list[OutboxRecord]:
    """See exchange.kernel.ports.Transaction. Rows of different partners alternate; of each partner, the longest due
    row comes first.
    """
    parameters = {"now": now, "leased": lease_until, "most": limit, "busy": sorted(busy)}
    claimed = records_of(OutboxRecord, connection.execute(_CLAIM, parameters))
    return sorted(claimed, key=lambda each: (each.due_at, each.outbox_id))


def outbox_due(connection: Connection, busy: frozenset[str]) -> datetime | None:
    """See exchange.kernel.ports.Reader."""
    due: datetime | None = connection.execute(_DUE, {"busy": sorted(busy)}).scalar_one()
    return due


def free_outbox(connection: Connection, now: datetime) -> int:
    """See exchange.kernel.ports.Transaction."""
    return connection.execute(_FREE, {"now": now}).rowcount


def _claim() -> ReturningUpdate[Any]:
    row, now = _OUTBOX.c, bindparam("now", type_=Instant)
    turn = func.row_number().over(partition_by=row.partner, order_by=(row.due_at, row.outbox_id))
    due = (
        select(row.outbox_id, row.due_at, turn.label("turn"))
        .where(
            row.state == OutboxState.PENDING,
            row.due_at <= now,
            # protocol N4
            row.lease_until <= now,
            row.partner.not_in(bindparam("busy", expanding=True)),
        )
        .subquery("due")
    )
    chosen = select(due.c.outbox_id).order_by(due.c.turn, due.c.due_at, due.c.outbox_id).limit(bindparam("most"))
    return (
        update(_OUTBOX)
        .where(row.outbox_id.in_(chosen))
        .values(lease_until=bindparam("leased", type_=Instant))
        .returning(*(row[name] for name in SQL[OutboxRecord].names))
    )


def _due() -> Select[Any]:
    row = _OUTBOX.c
    free_at = case((row.due_at < row.lease_until, row.lease_until), else_=row.due_at)
    not_busy = row.partner.not_in(bindparam("busy", expanding=True))
    return select(func.min(free_at)).where(row.state == OutboxState.PENDING, not_busy)


def _free() -> Update:
    row, now = _OUTBOX.c, bindparam("now", type_=Instant)
    return (
        update(_OUTBOX)
        .where(row.state == OutboxState.PENDING, row.lease_until > now)
        .values(lease_until=bindparam("now", type_=Instant))
        .execution_options(preserve_rowcount=True)
    )


_CLAIM = _claim()
_DUE = _due()
_FREE = _free()
