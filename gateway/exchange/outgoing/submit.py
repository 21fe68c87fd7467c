"""Submit: a package and its parts come in, are encrypted on arrival, decided, and released or held.

The plaintext of a part exists in memory only, a block at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from attache.crypto import is_equal
from attache.errors import Conflict, Gone, IllegalTransition, MalformedInput, NotFound, NotPermitted, PayloadTooLarge
from attache.package import SealedPart, uuid7
from attache.package.ids import PackageId, ParticipantId
from attache.wire.packages import PartFacts, Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.provenance import provenance_of
from gateway.exchange.kernel.provisional import ProvisionalBlobs
from gateway.exchange.kernel.records import IdempotencyRecord, PackageRecord, PartRecord
from gateway.exchange.kernel.refusals import NotForCaller
from gateway.exchange.kernel.refused_requests import ENGINE_FAILED
from gateway.exchange.kernel.sealed import PACKAGE_FACTS, PART
from gateway.exchange.kernel.search import searchable
from gateway.exchange.kernel.state import PACKAGE, PackageEvent, PackageState, advance
from gateway.exchange.kernel.submission import submission_of
from gateway.exchange.kernel.work import Work
from gateway.exchange.outgoing.created import Created, CreatedRelease, created_release
from gateway.exchange.outgoing.encrypt import encrypt_inline, encrypt_stream
from gateway.exchange.outgoing.engine_failures import engine_failure_logged
from gateway.exchange.outgoing.fields import Content, fields_foreseen, fields_of
from gateway.exchange.outgoing.proposal import UNKNOWN_DIGEST, release_requests
from gateway.exchange.outgoing.release import (
    Verdict,
    carry_out,
    decide_and_seal,
    decide_foreseen,
    new_release,
)
from gateway.exchange_log.events.base import PackageIds, with_facts
from gateway.exchange_log.events.packages import DecisionDryRun, PackageSubmitted
from gateway.identity.caller import Caller
from gateway.policy import Decision


@dataclass(frozen=True)
class _Draft:
    """A package as it is about to be stored, with the parts that came along, by number."""

    record: PackageRecord
    parts: dict[int, tuple[PartRecord, SealedPart]]

    @property
    def content(self) -> Content:
        arrived = [self.parts[number] for number in sorted(self.parts)]
        return Content(tuple(sealed for _, sealed in arrived), tuple(record.blob_id for record, _ in arrived))


async def create_package(
    agency: Agency,
    caller: Caller,
    submission: Submission,
    *,
    idempotency_key: str,
    request_sha256: str,
    also: Callable[[Work, PackageId], None] | None = None,
) -> Created | PackageId:
    """Store a package as a draft, or, where it asks for that and is complete, submit it at once.

    The same key with the same request does nothing and returns the id of the package that it made before; with another
    request it is a Conflict, and where that package is purged, Gone.
    `also` is done in the same transaction, with the new package's id.
    """
    officer = agency.officer(caller)
    use = IdempotencyRecord(officer, idempotency_key, request_sha256, PackageId(""), agency.clock())
    if earlier := await agency.store.read(lambda reader: _package_of(agency, reader, use)):
        return earlier
    require_possible(agency, submission)
    package_id = PackageId(uuid7(agency.clock(), agency.random))

    def unit(work: Work) -> Created | PackageId:
        if earlier := _package_of(agency, work, use):
            return earlier
        work.add(replace(use, package_id=package_id, request_sha256=agency.vault_of(package_id).digest(request_sha256)))
        work.add(draft.record)
        for record, _ in draft.parts.values():
            work.add(record)
        releases = []
        if verdicts is not None:
            releases = _submit(agency, work, submission, draft.record, draft.content.digests, verdicts)
        if also is not None:
            also(work, package_id)
        return Created(draft.record, submission, {n: sealed for n, (_, sealed) in draft.parts.items()}, releases)

    async with ProvisionalBlobs(agency.blobs) as blobs, engine_failure_logged(agency, caller, package_id):
        draft = await asyncio.to_thread(_prepare, agency, blobs, officer, submission, package_id)
        verdicts = await _decide(agency, blobs, draft.record, submission, draft.content) if submission.submit else None
        created = await agency.commit(caller, unit)
        if isinstance(created, Created):
            blobs.keep()
    return created


async def upload_part(
    agency: Agency, caller: Caller, package_id: PackageId, name: str, chunks: AsyncIterator[bytes]
) -> None:
    """Take the bytes of one declared part of a draft; a second upload replaces the first.

    Raises `digest-mismatch` where they are not the declared ones; then nothing is kept.
    """
    record = await agency.store.read(lambda reader: _own(agency, reader, caller, package_id))
    number, facts = _part_named(submission_of(agency, record), name)
    if record.state is not PackageState.DRAFT:
        raise IllegalTransition(detail="the package is submitted")

    def unit(work: Work) -> str | None:
        if _own(agency, work, caller, package_id).state is not PackageState.DRAFT:
            raise IllegalTransition(detail="the package is submitted")
        before = work.get(PartRecord.key(package_id, number))
        if before is None:
            work.add(arrived)
            return None
        work.put(
            before,
            replace(
                before,
                blob_id=arrived.blob_id,
                ciphertext_bytes=arrived.ciphertext_bytes,
                sealed_part_sealed=arrived.sealed_part_sealed,
            ),
        )
        return before.blob_id

    async with ProvisionalBlobs(agency.blobs) as blobs:
        arrived = await encrypt_stream(agency, package_id, number, facts, chunks)
        blobs.add(arrived.blob_id)
        replaced = await agency.commit(caller, unit)
        blobs.keep()
    if replaced:
        await asyncio.to_thread(agency.blobs.delete, replaced)


async def submit_package(agency: Agency, caller: Caller, package_id: PackageId) -> None:
    """Decide a complete draft for each recipient, and release what may be released. A second time does nothing."""
    record, parts = await agency.store.read(
        lambda reader: (_own(agency, reader, caller, package_id), reader.find(PartRecord.of_package(package_id))),
    )
    if record.state is PackageState.SUBMITTED:
        return
    submission = submission_of(agency, record)
    content = content_of(agency, submission, parts)

    def unit(work: Work) -> bool:
        present = _own(agency, work, caller, package_id)
        if present.state is PackageState.SUBMITTED:
            return False
        if work.find(PartRecord.of_package(package_id)) != parts:
            raise Conflict(detail="a part was uploaded meanwhile; submit again")
        _submit(agency, work, submission, present, content.digests, verdicts)
        return True

    async with ProvisionalBlobs(agency.blobs) as blobs, engine_failure_logged(agency, caller, package_id):
        verdicts = await _decide(agency, blobs, record, submission, content)
        if await agency.commit(caller, unit):
            blobs.keep()


async def dry_run(agency: Agency, caller: Caller, submission: Submission) -> dict[ParticipantId, Decision]:
    """What policy would decide, by recipient; raises as a submission would.
    Nothing is stored but a log entry without content.
    """
    require_possible(agency, submission)
    now = agency.clock()
    package_id = PackageId(uuid7(now, agency.random))
    digests = [part.sha256 or UNKNOWN_DIGEST for part in submission.parts]
    provenance = await agency.store.read(lambda reader: provenance_of(agency, reader, digests))
    requests = release_requests(
        submission,
        digests,
        await asyncio.to_thread(fields_foreseen, agency, submission),
        provenance=provenance,
        package_id=package_id,
        own=agency.participant,
        post=agency.post,
        requester=agency.officer(caller),
        now=now,
    )

    async with dry_run_logged(agency, caller, submission, requests) as outcomes:
        decisions = await asyncio.to_thread(
            lambda: {name: decide_foreseen(agency, submission, request) for name, request in requests.items()}
        )
        outcomes.update({name: decision.outcome.value for name, decision in decisions.items()})
    return decisions


@asynccontextmanager
async def dry_run_logged(
    agency: Agency, caller: Caller, submission: Submission, recipients: Iterable[str]
) -> AsyncIterator[dict[str, str]]:
    """Logs the question, and the outcome by recipient, which the caller fills in. No content is logged."""

    async def log(outcomes: dict[str, str]) -> None:
        asked = DecisionDryRun(recipients=tuple(sorted(recipients)), outcomes=outcomes, purpose=submission.purpose)
        await agency.commit(caller, lambda work: work.log(asked))

    outcomes: dict[str, str] = {}
    try:
        yield outcomes
    except NotPermitted as error:
        if error.code == ENGINE_FAILED:
            await log({name: error.code for name in recipients if name == error.extra.get("recipient", name)})
        raise
    await log(outcomes)


def content_of(agency: Agency, submission: Submission, parts: Sequence[PartRecord]) -> Content:
    """The package's parts; raises MalformedInput("part-missing") unless all have arrived."""
    arrived = {part.number: part for part in parts}
    missing = [facts.name for number, facts in enumerate(submission.parts) if number not in arrived]
    if missing:
        raise MalformedInput(
            "part-missing",
            f"{len(missing)} of {len(submission.parts)} parts have no content",
            extra={"parts": missing[:20]},
        )
    return Content(
        tuple(agency.open(PART, part) for part in parts),
        tuple(part.blob_id for part in parts),
    )


def _package_of(agency: Agency, reader: Reader, use: IdempotencyRecord) -> PackageId | None:
    earlier = reader.get(IdempotencyRecord.key(caller=use.caller, idempotency_key=use.idempotency_key))
    if earlier is None:
        return None
    asked = agency.vault_of(earlier.package_id).digest(use.request_sha256)
    # protocol N5
    if not is_equal(earlier.request_sha256.encode(), asked.encode()):
        raise Conflict("idempotency-conflict")
    return earlier.package_id


def require_possible(agency: Agency, submission: Submission) -> None:
    """What is known to fail later is refused at once."""
    for what, count, most in (
        ("parts", len(submission.parts), agency.limits.max_parts),
        ("recipients", len(submission.recipients), agency.limits.max_recipients),
    ):
        if count > most:
            raise PayloadTooLarge(detail=f"{what}: the limit is {most}")
    for addressee in submission.recipients:
        agency.directory.active(addressee.participant)
    now = agency.clock()
    for name, term in (("expires_at", submission.expires_at), ("retain_until", submission.retain_until)):
        if term is not None and term <= now:
            raise MalformedInput("term-over", f"{name}: is in the past")


def _own(agency: Agency, reader: Reader, caller: Caller, package_id: PackageId) -> PackageRecord:
    """The caller's own package. Raises NotFound, and for the package of another submitter NotForCaller, which is
    answered the same.
    """
    record = reader.get(PackageRecord.key(package_id))
    if record is None:
        raise NotFound
    if record.submitter != agency.officer(caller):
        raise NotForCaller
    if record.purged_at is not None:
        raise Gone
    return record


def _part_named(submission: Submission, name: str) -> tuple[int, PartFacts]:
    for number, facts in enumerate(submission.parts):
        if facts.name == name:
            return number, facts
    raise NotFound(detail="the package declares no such part")


def _prepare(
    agency: Agency, blobs: ProvisionalBlobs, officer: str, submission: Submission, package_id: PackageId
) -> _Draft:
    """A new package with what came along, encrypted."""
    now = agency.clock()
    state = PackageState.SUBMITTED if submission.submit else PackageState.DRAFT
    record = PackageRecord(
        package_id,
        state,
        submission.kind,
        officer,
        created_at=now,
        submitted_at=now if submission.submit else None,
        facts_sealed=b"",
        purge_at=submission.retain_until or now + agency.limits.retention,
    )
    record = agency.seal(PACKAGE_FACTS, searchable(agency, record, submission), submission.facts())
    given = [number for number, part in enumerate(submission.parts) if part.content is not None]
    if submission.submit and len(given) != len(submission.parts):
        raise MalformedInput("part-missing", "to be submitted at once, every part has its content")
    return _Draft(record, {n: encrypt_inline(agency, blobs, package_id, n, submission.parts[n]) for n in given})


async def _decide(
    agency: Agency, blobs: ProvisionalBlobs, record: PackageRecord, submission: Submission, content: Content
) -> dict[ParticipantId, Verdict]:
    provenance = await agency.store.read(lambda reader: provenance_of(agency, reader, content.digests))
    requests = release_requests(
        submission,
        content.digests,
        await asyncio.to_thread(fields_of, agency, submission, content),
        package_id=record.package_id,
        own=agency.participant,
        post=agency.post,
        requester=record.submitter,
        now=agency.clock(),
        provenance=provenance,
    )
    return await asyncio.to_thread(
        lambda: {name: decide_and_seal(agency, blobs, submission, content, asked) for name, asked in requests.items()}
    )


def _submit(
    agency: Agency,
    work: Work,
    submission: Submission,
    record: PackageRecord,
    digests: Sequence[str],
    verdicts: dict[ParticipantId, Verdict],
) -> list[CreatedRelease]:
    now = work.at
    if record.state is PackageState.DRAFT:
        work.put(record, replace(record, state=advance(PACKAGE, record.state, PackageEvent.SUBMIT), submitted_at=now))
    submitted = PackageSubmitted(
        about=PackageIds(package_id=record.package_id, originator=agency.participant),
        kind=submission.kind,
        recipients=tuple(addressee.to for addressee in submission.recipients),
        parts=len(submission.parts),
        part_sha256=tuple(digests),
        legal_basis=tuple(addressee.legal_basis for addressee in submission.recipients),
        purpose=submission.purpose,
        markings=submission.markings,
    )
    work.log(with_facts(submitted, submission))
    releases = []
    for recipient, verdict in verdicts.items():
        release = new_release(agency, record.package_id, recipient, now, submission.expires_at)
        release = carry_out(agency, work, release, verdict, is_new=True)
        releases.append(created_release(work, release, verdict.decision))
    return sorted(releases, key=lambda release: release.record.recipient)
