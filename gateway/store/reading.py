"""The Reader port on one connection."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, literal, select

from attache.errors import AttacheError
from gateway.exchange.kernel.ports import LogProof, Tallies
from gateway.exchange.kernel.records import (
    ArrivalRecord,
    HoldRecord,
    Key,
    PackageRecord,
    Query,
    Record,
    key_names,
)
from gateway.store.log_view import LogView
from gateway.store.opening import driver_of
from gateway.store.outbox import outbox_due
from gateway.store.statements import FIND_LIMIT, SQL, records_of
from gateway.store.tallies import tallies

R = TypeVar("R", bound=Record)


class SqlReader:
    """Reads records through one connection, and so from one state of the database."""

    def __init__(self, connection: Connection, log: LogView) -> None:
        self._connection = connection
        self._driver = driver_of(connection)
        self._log = log

    def get(self, key: Key[R]) -> R | None:
        """See exchange.kernel.ports.Reader."""
        named = dict(zip(key_names(key.kind), key.values, strict=True))
        found = records_of(key.kind, SQL[key.kind].by_key.rows(self._driver, named))
        return found[0] if found else None

    def find(self, query: Query[R]) -> list[R]:
        """See exchange.kernel.ports.Reader. Raises AttacheError where more than
        FIND_LIMIT records match a query without a limit.
        """
        sql = SQL[query.kind]
        if query == Query(query.kind, equal=query.equal):  # the common case has a prepared statement
            found = records_of(query.kind, sql.equal(query.equal).rows(self._driver, query.equal))
        else:
            found = self._all(query.kind, sql.select(query))
        if query.limit is None and len(found) > FIND_LIMIT:
            raise AttacheError(
                detail=f"a query for {query.kind.__name__} without a limit found more than {FIND_LIMIT} records"
            )
        return found

    def packages_due(self, own: str, now: datetime, limit: int) -> list[PackageRecord]:
        """See exchange.kernel.ports.Reader."""
        package = SQL[PackageRecord].table.c
        query = SQL[PackageRecord].all.where(package.purge_at <= now, ~_held(literal(own), package.package_id))
        return self._all(PackageRecord, query.order_by(package.purge_at, package.package_id).limit(limit))

    def arrivals_due(self, now: datetime, limit: int) -> list[ArrivalRecord]:
        """See exchange.kernel.ports.Reader."""
        arrival = SQL[ArrivalRecord].table.c
        query = SQL[ArrivalRecord].all.where(arrival.purge_at <= now, ~_held(arrival.originator, arrival.package_id))
        return self._all(ArrivalRecord, query.order_by(arrival.purge_at, arrival.package_id).limit(limit))

    def holds_after(self, after: str, limit: int) -> list[HoldRecord]:
        """See exchange.kernel.ports.Reader."""
        hold = SQL[HoldRecord].table.c
        ids = select(hold.hold_id).distinct().order_by(hold.hold_id.desc()).limit(limit)
        wanted = ids.where(hold.hold_id < after) if after else ids
        query = SQL[HoldRecord].all.where(hold.hold_id.in_(wanted.subquery().select()))
        return self._all(HoldRecord, query.order_by(hold.hold_id.desc(), hold.originator, hold.package_id))

    def tallies(self, now: datetime) -> Tallies:
        """See exchange.kernel.ports.Reader."""
        return tallies(self._connection, now)

    def outbox_due(self, busy: frozenset[str] = frozenset()) -> datetime | None:
        """See exchange.kernel.ports.Reader."""
        return outbox_due(self._connection, busy)

    def prove_entry(self, index: int) -> LogProof:
        """See exchange.kernel.ports.Reader. Raises NotFound for an entry beyond the checkpoint lock."""
        return self._log.prove_entry(index)

    def _all(self, kind: type[R], query: Select[Any], parameters: dict[str, Any] | None = None) -> list[R]:
        return records_of(kind, self._connection.execute(query, parameters or {}))


def _held(originator: ColumnElement[str], package_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a legal hold keeps the package."""
    hold = SQL[HoldRecord].table.c
    is_of_package = (hold.originator == originator, hold.package_id == package_id)
    return select(hold.hold_id).where(*is_of_package, hold.lifted_at.is_(None)).exists()
