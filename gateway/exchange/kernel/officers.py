"""Officers' standing: what a security officer has withdrawn counts at once, whatever an access token still says."""

from collections.abc import Sequence
from dataclasses import replace

from attache.errors import NotFound
from attache.vocabulary import Post
from attache.wire.officers import OfficerView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import OfficerRecord
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.approvals import OfficerReinstated, OfficerWithdrawn
from gateway.identity.caller import Caller

EVERYWHERE = "*"


def posts_in_standing(reader: Reader, officer: str, posts: frozenset[Post]) -> frozenset[Post]:
    """Those of the posts for which the officer may approve now."""
    record = reader.get(OfficerRecord.key(officer))
    if record is None:
        return posts
    withdrawn = record.withdrawn_posts.split(",")
    return frozenset() if EVERYWHERE in withdrawn else frozenset(post for post in posts if post not in withdrawn)


def officers_posts(agency: Agency, reader: Reader, caller: Caller) -> frozenset[Post]:
    """The posts that the caller approves for: the token's, less what was withdrawn."""
    return posts_in_standing(reader, agency.officer(caller), caller.posts)


async def list_officers(agency: Agency) -> list[OfficerRecord]:
    """Every officer whose standing was ever changed, the latest change first."""
    found = await agency.store.read(lambda reader: reader.find(OfficerRecord.every()))
    return sorted(found, key=lambda record: record.changed_at, reverse=True)


async def withdraw_officer(
    agency: Agency, caller: Caller, subject: str, posts: Sequence[Post], note: str
) -> OfficerRecord:
    """Let an officer approve no more: for these posts, or, where none is named, at all.

    Approvals that the officer gave no longer count for what has not been released.
    `subject` is the `sub` of access tokens.
    """
    officer = agency.pseudonyms.of("actor", subject)
    withdrawn = ",".join(sorted(posts)) or EVERYWHERE

    def unit(work: Work) -> OfficerRecord:
        event = OfficerWithdrawn(officer=officer, posts=tuple(withdrawn.split(",")), note=note)
        work.log(event)
        return _put(agency, work, caller, officer, withdrawn)

    return await agency.commit(caller, unit)


async def reinstate_officer(agency: Agency, caller: Caller, subject: str, note: str) -> OfficerRecord:
    """Let an officer approve again; raises NotFound where nothing was ever withdrawn."""
    officer = agency.pseudonyms.of("actor", subject)

    def unit(work: Work) -> OfficerRecord:
        if work.get(OfficerRecord.key(officer)) is None:
            raise NotFound(detail="nothing was withdrawn from this officer")
        work.log(OfficerReinstated(officer=officer, note=note))
        return _put(agency, work, caller, officer, "")

    return await agency.commit(caller, unit)


def officer_view(record: OfficerRecord) -> OfficerView:
    """An officer's standing as callers see it."""
    return OfficerView.of(record, withdrawn_posts=[post for post in record.withdrawn_posts.split(",") if post])


def _put(agency: Agency, work: Work, caller: Caller, officer: str, withdrawn: str) -> OfficerRecord:
    before, now, by = work.get(OfficerRecord.key(officer)), work.at, agency.officer(caller)
    if before is not None:
        return work.put(before, replace(before, withdrawn_posts=withdrawn, changed_by=by, changed_at=now))
    record = OfficerRecord(officer, withdrawn, by, now)
    work.add(record)
    return record
