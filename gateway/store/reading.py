"""The Reader port: what a connection sees."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, literal, select, tuple_

from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from gateway.exchange.kernel.consent_records import ConsentRequestRecord, ConsentState
from gateway.exchange.kernel.own_records import SignInRecord, SubmittedCheckpointRecord
from gateway.exchange.kernel.ports import LogProof, Tallies
from gateway.exchange.kernel.purge_records import HoldRecord, PurgedRecord, PurgeRecord, PurgeState
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ApprovalState,
    ArrivalRecord,
    ConsentRecord,
    PackageRecord,
    Record,
    ReleaseRecord,
)
from gateway.exchange.kernel.state import ArrivalState, ReleaseState
from gateway.store.log_view import LogView
from gateway.store.opening import driver_of
from gateway.store.outbox import outbox_due
from gateway.store.statements import FIND_LIMIT, SQL, records_of
from gateway.store.tallies import tallies

R = TypeVar("R", bound=Record)

EXPIRABLE = (ReleaseState.HELD, ReleaseState.RELEASED, ReleaseState.DELIVERING)


class SqlReader:
    """Answers from one connection, and so from one state of the database."""

    def __init__(self, connection: Connection, log: LogView) -> None:
        self._connection = connection
        self._driver = driver_of(connection)
        self._log = log

    def get(self, kind: type[R], /, *key: Any) -> R | None:
        """See exchange.ports.Reader."""
        found = records_of(kind, SQL[kind].by_key.rows(self._driver, dict(zip(kind.KEY, key, strict=True))))
        return found[0] if found else None

    def find(self, kind: type[R], /, **equal: Any) -> list[R]:
        """See exchange.ports.Reader. Raises AttacheError where more than FIND_LIMIT records match."""
        found = records_of(kind, SQL[kind].equal(equal).rows(self._driver, equal))
        if len(found) > FIND_LIMIT:
            raise AttacheError(detail=f"a search for {kind.__name__} is not bounded")
        return found

    def packages_after(self, after: str, limit: int, submitter: str | None) -> list[PackageRecord]:
        """See exchange.ports.Reader."""
        package = SQL[PackageRecord].table.c
        query = SQL[PackageRecord].all.order_by(package.package_id.desc()).limit(limit)
        if after:
            query = query.where(package.package_id < after)
        if submitter is not None:
            query = query.where(package.submitter == submitter)
        return self._all(PackageRecord, query)

    def arrivals_after(self, after: tuple[datetime, str] | None, limit: int) -> list[ArrivalRecord]:
        """See exchange.ports.Reader."""
        arrival = SQL[ArrivalRecord].table.c
        query = (
            SQL[ArrivalRecord]
            .all.where(arrival.state.in_((ArrivalState.RECEIVED, ArrivalState.OPENED)))
            .order_by(arrival.changed_at.desc(), arrival.package_id.desc())
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(arrival.changed_at, arrival.package_id) < after)
        return self._all(ArrivalRecord, query)

    def approvals_at(self, posts: Sequence[str], limit: int) -> list[ApprovalRecord]:
        """See exchange.ports.Reader."""
        approval = SQL[ApprovalRecord].table.c
        query = (
            SQL[ApprovalRecord]
            .all.where(approval.state == ApprovalState.PENDING, approval.post.in_(posts))
            .order_by(approval.requested_at, approval.approval_id)
            .limit(limit)
        )
        return self._all(ApprovalRecord, query)

    def approvals_lapsed(self, now: datetime, limit: int) -> list[ApprovalRecord]:
        """See exchange.ports.Reader."""
        approval = SQL[ApprovalRecord].table.c
        query = (
            SQL[ApprovalRecord]
            .all.where(approval.state == ApprovalState.PENDING, approval.expires_at <= now)
            .order_by(approval.expires_at, approval.approval_id)
            .limit(limit)
        )
        return self._all(ApprovalRecord, query)

    def releases_expired(self, now: datetime, limit: int) -> list[ReleaseRecord]:
        """See exchange.ports.Reader."""
        release = SQL[ReleaseRecord].table.c
        query = (
            SQL[ReleaseRecord]
            .all.where(release.state.in_(EXPIRABLE), release.expires_at <= now)
            .order_by(release.expires_at, release.package_id, release.recipient)
            .limit(limit)
        )
        return self._all(ReleaseRecord, query)

    def packages_due(self, own: str, now: datetime, limit: int) -> list[PackageRecord]:
        """See exchange.ports.Reader."""
        package = SQL[PackageRecord].table.c
        query = SQL[PackageRecord].all.where(package.purge_at <= now, ~_held(literal(own), package.package_id))
        return self._all(PackageRecord, query.order_by(package.purge_at, package.package_id).limit(limit))

    def arrivals_due(self, now: datetime, limit: int) -> list[ArrivalRecord]:
        """See exchange.ports.Reader."""
        arrival = SQL[ArrivalRecord].table.c
        query = SQL[ArrivalRecord].all.where(arrival.purge_at <= now, ~_held(arrival.originator, arrival.package_id))
        return self._all(ArrivalRecord, query.order_by(arrival.purge_at, arrival.package_id).limit(limit))

    def purges_after(self, after: str, limit: int) -> list[PurgeRecord]:
        """See exchange.ports.Reader."""
        purge = SQL[PurgeRecord].table.c
        query = SQL[PurgeRecord].all.order_by(purge.purge_id.desc()).limit(limit)
        return self._all(PurgeRecord, query.where(purge.purge_id < after) if after else query)

    def purges_lapsed(self, now: datetime, limit: int) -> list[PurgeRecord]:
        """See exchange.ports.Reader."""
        purge = SQL[PurgeRecord].table.c
        query = SQL[PurgeRecord].all.where(purge.state == PurgeState.ORDERED, purge.expires_at <= now)
        return self._all(PurgeRecord, query.order_by(purge.expires_at, purge.purge_id).limit(limit))

    def holds_after(self, after: str, limit: int) -> list[HoldRecord]:
        """See exchange.ports.Reader."""
        hold = SQL[HoldRecord].table.c
        ids = select(hold.hold_id).distinct().order_by(hold.hold_id.desc()).limit(limit)
        wanted = ids.where(hold.hold_id < after) if after else ids
        query = SQL[HoldRecord].all.where(hold.hold_id.in_(wanted.subquery().select()))
        return self._all(HoldRecord, query.order_by(hold.hold_id.desc(), hold.originator, hold.package_id))

    def purges_unfinished(self, limit: int) -> list[PurgedRecord]:
        """See exchange.ports.Reader."""
        purged = SQL[PurgedRecord].table.c
        query = SQL[PurgedRecord].all.where(purged.destroyed_at.is_(None))
        return self._all(PurgedRecord, query.order_by(purged.originator, purged.package_id).limit(limit))

    def consents_after(self, after: str, limit: int, holder: ParticipantId | None = None) -> list[ConsentRecord]:
        """See exchange.ports.Reader."""
        consent = SQL[ConsentRecord].table.c
        query = SQL[ConsentRecord].all.where(consent.consent_id > after).order_by(consent.consent_id).limit(limit)
        return self._all(ConsentRecord, query if holder is None else query.where(consent.holder == holder))

    def consent_requests_after(
        self,
        after: str,
        limit: int,
        *,
        asked_by: str | None = None,
        holder: ParticipantId | None = None,
        state: ConsentState | None = None,
    ) -> list[ConsentRequestRecord]:
        """See exchange.ports.Reader."""
        request = SQL[ConsentRequestRecord].table.c
        query = SQL[ConsentRequestRecord].all.where(request.request_id > after)
        for column, value in ((request.asked_by, asked_by), (request.holder, holder), (request.state, state)):
            query = query if value is None else query.where(column == value)
        return self._all(ConsentRequestRecord, query.order_by(request.request_id).limit(limit))

    def mailbox_after(self, recipient: ParticipantId, after: str, limit: int) -> list[ReleaseRecord]:
        """See exchange.ports.Reader."""
        release = SQL[ReleaseRecord].table.c
        query = (
            SQL[ReleaseRecord]
            .all.where(
                release.recipient == recipient,
                release.state == ReleaseState.RELEASED,
                release.package_id > after,
            )
            .order_by(release.package_id)
            .limit(limit)
        )
        return self._all(ReleaseRecord, query)

    def submitted_checkpoints(self, participant: ParticipantId, limit: int) -> list[SubmittedCheckpointRecord]:
        """See exchange.ports.Reader."""
        submitted = SQL[SubmittedCheckpointRecord].table.c
        query = (
            SQL[SubmittedCheckpointRecord]
            .all.where(submitted.participant == participant)
            .order_by(submitted.size.desc())
            .limit(limit)
        )
        return self._all(SubmittedCheckpointRecord, query)

    def tallies(self, now: datetime) -> Tallies:
        """See exchange.ports.Reader."""
        return tallies(self._connection, now)

    def sign_ins_expired(self, now: datetime, limit: int) -> list[SignInRecord]:
        """See exchange.ports.Reader."""
        sign_in = SQL[SignInRecord].table.c
        query = SQL[SignInRecord].all.where(sign_in.expires_at <= now).order_by(sign_in.expires_at).limit(limit)
        return self._all(SignInRecord, query)

    def outbox_due(self, busy: frozenset[str] = frozenset()) -> datetime | None:
        """See exchange.ports.Reader."""
        return outbox_due(self._connection, busy)

    def prove_entry(self, index: int) -> LogProof:
        """See exchange.ports.Reader. Raises NotFound for an entry that the newest locked checkpoint does not hold."""
        return self._log.prove_entry(index)

    def _all(self, kind: type[R], query: Select[Any], parameters: dict[str, Any] | None = None) -> list[R]:
        return records_of(kind, self._connection.execute(query, parameters or {}))


def _held(originator: ColumnElement[str], package_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a legal hold keeps the package."""
    hold = SQL[HoldRecord].table.c
    same = (hold.originator == originator, hold.package_id == package_id)
    return select(hold.hold_id).where(*same, hold.lifted_at.is_(None)).exists()
