"""Packages as their submitters, and those who oversee them, see them: listed, or one with its releases and receipts."""

import json
from collections.abc import Mapping, Sequence

from attache.package import SealedPart
from attache.package.ids import PackageId
from attache.wire.decisions import DecisionView
from attache.wire.packages import PackageFilter, PackageView, PartFacts, PartView, ReceiptView, ReleaseView, Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_PACKAGES_LISTED, Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import DecisionRecord, PackageRecord, PartRecord, ReceiptRecord, ReleaseRecord
from gateway.exchange.kernel.sealed import DECISION, PART
from gateway.exchange.kernel.search import wanted_digests
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.visibility import visible_package
from gateway.exchange.outgoing.created import Created, CreatedRelease, pending_approval
from gateway.exchange.outgoing.decided import decision_view
from gateway.exchange.outgoing.proposal import addressee_of
from gateway.identity.caller import Caller
from gateway.identity.permissions import sees_all
from gateway.policy import Decision, without_hidden
from gateway.policy.record import parse_decision

PURGED = "purged"


async def list_packages(
    agency: Agency, caller: Caller, wanted: PackageFilter, after: str, limit: int
) -> Page[PackageView]:
    """The caller's packages that fit the filter, newest first; of all packages for a caller that sees all."""
    only = None if sees_all(caller) else agency.officer(caller)
    digests = wanted_digests(agency, PackageRecord, wanted)

    def query(reader: Reader, size: int) -> list[PackageView]:
        return [
            _package_view(agency, reader, record, caller)
            for record in reader.find(PackageRecord.newest(after, size, submitter=only, digests=digests))
        ]

    return await read_page(agency, limit, query, lambda view: view.package_id, MAX_PACKAGES_LISTED)


async def package_view(agency: Agency, caller: Caller, package_id: PackageId) -> PackageView:
    """One package; raises NotFound for one that the caller may not know of."""
    return await agency.store.read(
        lambda reader: _package_view(agency, reader, visible_package(agency, reader, caller, package_id), caller)
    )


async def receipts_of(agency: Agency, caller: Caller, package_id: PackageId) -> list[ReceiptView]:
    """Every signed receipt for a package of ours."""

    def query(reader: Reader) -> list[ReceiptRecord]:
        visible_package(agency, reader, caller, package_id)
        return reader.find(ReceiptRecord.of_package(agency.participant, package_id))

    return [ReceiptView.of(record, signed=json.loads(record.signed)) for record in await agency.store.read(query)]


def created_view(created: Created, caller: Caller) -> PackageView:
    """A package as it was committed, to its submitter: what `package_view` shows until something else happens to it."""
    releases = [_created_release(created.submission, release, caller) for release in created.releases]
    return _full_view(created.record, created.submission, created.parts, releases)


def _created_release(submission: Submission, release: CreatedRelease, caller: Caller) -> ReleaseView:
    desk = addressee_of(submission, release.record.recipient).desk
    decision = _seen_by(caller, release.decision, release.record, desk)
    return ReleaseView.of(release.record, desk=desk, decision=decision, approval_id=release.approval_id, receipts=())


def _package_view(agency: Agency, reader: Reader, record: PackageRecord, caller: Caller) -> PackageView:
    releases = reader.find(ReleaseRecord.of_package(record.package_id))
    if record.purged_at is not None:
        return _purged_view(agency, reader, record, releases)
    submission = submission_of(agency, record)
    parts = {part.number: agency.open(PART, part) for part in reader.find(PartRecord.of_package(record.package_id))}
    shown = [_release_view(agency, reader, submission, release, caller) for release in releases]
    return _full_view(record, submission, parts, shown)


def _full_view(
    record: PackageRecord, submission: Submission, parts: Mapping[int, SealedPart], releases: Sequence[ReleaseView]
) -> PackageView:
    shown = [_part_view(facts, parts.get(number)) for number, facts in enumerate(submission.parts)]
    return PackageView.of(record, submission, parts=shown, recipients=releases)


def _purged_view(
    agency: Agency, reader: Reader, record: PackageRecord, releases: Sequence[ReleaseRecord]
) -> PackageView:
    gone = {"desk": None, "decision": None, "approval_id": None}
    shown = [ReleaseView.of(release, gone, receipts=_receipts(agency, reader, release)) for release in releases]
    # Made without `of`: what was submitted is gone, and its members have their defaults.
    return PackageView(
        package_id=record.package_id,
        state=PURGED,
        kind=record.kind,
        title="",
        created_at=record.created_at,
        submitted_at=record.submitted_at,
        recipients=tuple(shown),
        purged_at=record.purged_at,
    )


def _part_view(facts: PartFacts, sealed: SealedPart | None) -> PartView:
    if sealed is None:
        return PartView.of(facts, uploaded=False)
    return PartView.of(sealed, facts, uploaded=True)


def _release_view(
    agency: Agency, reader: Reader, submission: Submission, release: ReleaseRecord, caller: Caller
) -> ReleaseView:
    decision = _stored_decision(agency, reader, release)
    desk = addressee_of(submission, release.recipient).desk
    return ReleaseView.of(
        release,
        desk=desk,
        decision=_seen_by(caller, decision, release, desk) if decision else None,
        approval_id=pending_approval(reader, release),
        receipts=_receipts(agency, reader, release),
    )


def _receipts(agency: Agency, reader: Reader, release: ReleaseRecord) -> list[str]:
    stored = reader.find(ReceiptRecord.of_release(agency.participant, release.package_id, recipient=release.recipient))
    return [record.receipt for record in stored]


def _stored_decision(agency: Agency, reader: Reader, release: ReleaseRecord) -> Decision | None:
    record = reader.get(DecisionRecord.key(release.decision_id))
    if record is None:
        return None
    return parse_decision(agency.open(DECISION, record))


def _seen_by(caller: Caller, decision: Decision, release: ReleaseRecord, desk: str | None) -> DecisionView:
    """The decision; what must look absent is shown only to a caller that sees all."""
    shown = decision if sees_all(caller) else without_hidden(decision)
    return decision_view(shown, recipient=release.recipient, desk=desk, decision_id=release.decision_id)
