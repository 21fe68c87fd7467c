"""Officers' standing: what a security officer has withdrawn counts at once, whatever an access token still says."""

from collections.abc import Sequence
from dataclasses import replace

from attache.errors import NotFound
from attache.vocabulary import Post
from attache.wire.officers import OfficerView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import entry
from gateway.exchange.kernel.ports import Reader, Transaction
from gateway.exchange.kernel.records import OfficerRecord
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

    Approvals that the officer gave no longer count for what has not been released. `subject` is the `sub` of access tokens.
    """
    officer = agency.pseudonyms.of("actor", subject)
    withdrawn = ",".join(sorted(posts)) or EVERYWHERE

    def unit(tx: Transaction) -> OfficerRecord:
        event = OfficerWithdrawn(officer=officer, posts=tuple(withdrawn.split(",")), note=note)
        tx.log(entry(event, at=agency.clock(), by=caller))
        return _put(agency, tx, caller, officer, withdrawn)

    return await agency.store.write(unit)


async def reinstate_officer(agency: Agency, caller: Caller, subject: str, note: str) -> OfficerRecord:
    """Let an officer approve again; raises NotFound where nothing was ever withdrawn."""
    officer = agency.pseudonyms.of("actor", subject)

    def unit(tx: Transaction) -> OfficerRecord:
        if tx.get(OfficerRecord.key(officer)) is None:
            raise NotFound(detail="nothing was withdrawn from this officer")
        tx.log(entry(OfficerReinstated(officer=officer, note=note), at=agency.clock(), by=caller))
        return _put(agency, tx, caller, officer, "")

    return await agency.store.write(unit)


def officer_view(record: OfficerRecord) -> OfficerView:
    """An officer's standing as callers see it."""
    return OfficerView.of(record, withdrawn_posts=[post for post in record.withdrawn_posts.split(",") if post])


def _put(agency: Agency, tx: Transaction, caller: Caller, officer: str, withdrawn: str) -> OfficerRecord:
    before, now, by = tx.get(OfficerRecord.key(officer)), agency.clock(), agency.officer(caller)
    if before is not None:
        return tx.put(before, replace(before, withdrawn_posts=withdrawn, changed_by=by, changed_at=now))
    record = OfficerRecord(officer, withdrawn, by, now)
    tx.add(record)
    return record
