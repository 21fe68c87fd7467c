"""Audit: the exchange log as auditors see it, entries opened and proven. Searching it is itself an entry."""

from collections.abc import Mapping
from typing import Any

from attache.translog.proof import TlogProof, format_proof
from attache.wire.log import EntryView
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import MAX_ENTRIES_LISTED, Page, page_of
from gateway.exchange.kernel.ports import LogFilter, LoggedEntry
from gateway.exchange_log import Group
from gateway.exchange_log.events.oversight import LogSearched
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.identity.caller import Caller


async def search_log(agency: Agency, caller: Caller, after: int, limit: int, wanted: LogFilter) -> Page[EntryView]:
    """A page of entries in the order of the log, those above `after`. The cursor is an index."""
    size = min(limit, MAX_ENTRIES_LISTED)
    found = await agency.store.read_log(lambda log: [entry_view(e) for e in log.entries_after(after, size, wanted)])
    asked = {name: str(value) for name, value in vars(wanted).items() if value is not None}
    searched = LogSearched(filter={**asked, "after": after}, entries=len(found))
    await agency.commit(caller, lambda work: work.log(searched))
    return page_of(found, size, lambda entry: str(entry.index))


async def entry_of(agency: Agency, caller: Caller, index: int) -> EntryView:
    """One entry with its private part, each group proven to be the one that
    the leaf commits to. The look is itself an entry.
    """
    found = await agency.store.read_log(lambda log: entry_view(log.entry(index)))
    searched = LogSearched(filter={"index": index}, entries=1)
    await agency.commit(caller, lambda work: work.log(searched))
    return found


async def proof_of(agency: Agency, index: int) -> bytes:
    """The C2SP tlog-proof of an entry under the newest checkpoint; its `extra` line is the leaf."""
    proof = await agency.store.read_log(lambda log: log.prove_entry(index))
    return format_proof(TlogProof(proof.index, proof.proof, proof.checkpoint, extra=proof.leaf))


async def consistency_of(agency: Agency, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """The RFC 6962 proof that the log of `new_size` extends that of `old_size`."""
    return await agency.store.read_log(lambda log: log.prove_consistency(old_size, new_size))


def entry_view(entry: LoggedEntry) -> EntryView:
    """What an auditor is shown. Ids are the log's pseudonyms, fields what the openings prove."""
    leaf = parse_leaf(entry.leaf)
    fields: dict[str, Mapping[str, Any]] = {
        opening.group.value: verify_opening(leaf, opening)
        for opening in entry.openings
        if opening.group is not Group.ROWS
    }
    objects = {name: value for name, value in leaf.ids.items() if name != "actor"}
    return EntryView.of(entry, leaf, event=leaf.code, actor=leaf.ids["actor"], objects=objects, fields=fields)
