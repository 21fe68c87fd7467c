"""Claiming outbox rows with leases, in one statement that SQLite and PostgreSQL both read."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, func, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from gateway.exchange.records import OutboxRecord, OutboxState
from gateway.store.columns import Instant
from gateway.store.statements import field_names, record_of, table_of


def claim_outbox(connection: Connection, now: datetime, lease_until: datetime, limit: int) -> list[OutboxRecord]:
    """Lease up to `limit` rows that are due: see exchange.ports.Transaction.

    Of rows for one partner and package the oldest comes first, and none while another is leased. Partners take turns.
    """
    parameters = {"now": now, "leased": lease_until, "most": limit}
    rows = connection.execute(_CLAIM, parameters)
    return sorted((record_of(OutboxRecord, row) for row in rows), key=lambda each: (each.due_at, each.outbox_id))


def _claim() -> ReturningUpdate[tuple[object, ...]]:
    outbox = table_of(OutboxRecord)
    held = outbox.alias("held")
    now = bindparam("now", type_=Instant)
    package = (outbox.c.partner, outbox.c.originator, outbox.c.package_id)
    is_held = exists().where(
        held.c.partner == outbox.c.partner,
        held.c.originator == outbox.c.originator,
        held.c.package_id == outbox.c.package_id,
        held.c.state == OutboxState.PENDING,
        held.c.lease_until > now,
    )
    due = (
        select(
            outbox.c.outbox_id,
            outbox.c.partner,
            outbox.c.due_at,
            func.row_number()
            .over(partition_by=package, order_by=(outbox.c.created_at, outbox.c.outbox_id))
            .label("place"),
        )
        .where(outbox.c.state == OutboxState.PENDING, outbox.c.due_at <= now, ~is_held)
        .subquery("due")
    )
    first = (
        select(
            due.c.outbox_id,
            due.c.due_at,
            func.row_number().over(partition_by=due.c.partner, order_by=(due.c.due_at, due.c.outbox_id)).label("turn"),
        )
        .where(due.c.place == 1)
        .subquery("first")
    )
    chosen = (
        select(first.c.outbox_id).order_by(first.c.turn, first.c.due_at, first.c.outbox_id).limit(bindparam("most"))
    )
    return (
        update(outbox)
        .where(outbox.c.outbox_id.in_(chosen))
        .values(lease_until=bindparam("leased", type_=Instant))
        .returning(*(outbox.c[name] for name in field_names(OutboxRecord)))
    )


_CLAIM = _claim()
