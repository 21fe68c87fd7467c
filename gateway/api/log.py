"""The exchange log for auditors: entries, proofs, and the C2SP resources that other tools can verify."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN
from attache.package.ids import PackageId, ParticipantId
from attache.package.values import Line
from attache.wire.log import ConsistencyView, EntryPage, EntryView
from gateway.admission import ThisAgency, api_router, requires
from gateway.api.callers import Auditor
from gateway.exchange.kernel.lists import MAX_ENTRIES_LISTED
from gateway.exchange.kernel.ports import LogFilter
from gateway.exchange.oversight.audit import consistency_of, entry_of, proof_of, search_log
from gateway.exchange.oversight.export_log import export_log
from gateway.exchange.oversight.follow_log import follow_log
from gateway.exchange_log import EventCode
from gateway.identity import Action

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
AUDITORS = [requires(Action.READ_LOG)]

router = api_router("log", "/log")


async def _filter(
    event: EventCode | None = None,
    actor: Annotated[Line | None, Query(max_length=255)] = None,
    package_id: Annotated[PackageId | None, Query(pattern=UUID7_PATTERN)] = None,
    partner: Annotated[ParticipantId | None, Query(pattern=PARTICIPANT_PATTERN)] = None,
    outcome: Annotated[str | None, Query(pattern=r"^[a-z-]{1,32}$")] = None,
    request_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = None,
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
) -> LogFilter:
    return LogFilter(event, actor, package_id, partner, outcome, request_id, since, until)


Filter = Annotated[LogFilter, Depends(_filter)]
Size = Annotated[int, Query(ge=0, le=2**53 - 1)]
Index = Annotated[int, Path(ge=0, le=2**53 - 1)]


@router.get("/checkpoint", response_class=Response, dependencies=AUDITORS)
async def checkpoint(agency: ThisAgency) -> Response:
    """The newest signed checkpoint (C2SP tlog-checkpoint)."""
    return Response(await agency.store.read_log(lambda log: log.checkpoint), media_type="text/plain")


@router.get("/vkeys", response_class=Response, dependencies=AUDITORS)
async def vkeys(agency: ThisAgency) -> Response:
    """The verifier keys of the log, one on each line, as the descriptor of this agency lists them."""
    return Response("".join(f"{key}\n" for key in agency.me.descriptor.log_keys), media_type="text/plain")


@router.get("/tile/{path:path}", response_class=Response, dependencies=AUDITORS)
async def tile(agency: ThisAgency, path: Annotated[str, Path(max_length=200)]) -> Response:
    """A tile of hashes or a bundle of entries (C2SP tlog-tiles)."""
    found = await agency.store.read_log(lambda log: log.resource(f"tile/{path}"))
    return Response(found, media_type="application/octet-stream")


@router.get("/entries")
async def entries(
    agency: ThisAgency,
    caller: Auditor,
    log_filter: Filter,
    after: Annotated[int, Query(ge=-1, le=2**53 - 1)] = -1,
    limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES_LISTED)] = 100,
) -> EntryPage:
    """Entries in the order of the log, decrypted. The search is itself an entry."""
    page = await search_log(agency, caller, after, limit, log_filter)
    return EntryPage.of(page, entries=page.items)


@router.get("/entries/{index}")
async def entry(agency: ThisAgency, caller: Auditor, index: Index) -> EntryView:
    """One entry, with proof that each of its groups is what the leaf commits to. The access is itself an entry."""
    return await entry_of(agency, caller, index)


@router.get("/proofs/inclusion", response_class=Response, dependencies=AUDITORS)
async def proof(agency: ThisAgency, index: Annotated[int, Query(ge=0, le=2**53 - 1)]) -> Response:
    """The inclusion proof of an entry as a file that can be verified offline (C2SP tlog-proof); `extra` is the leaf."""
    return Response(await proof_of(agency, index), media_type="text/plain")


@router.get("/proofs/consistency", dependencies=AUDITORS)
async def consistency(agency: ThisAgency, old_size: Size, new_size: Size) -> ConsistencyView:
    """The proof that no entry was removed or changed between two sizes of the log."""
    proof = await consistency_of(agency, old_size, new_size)
    return ConsistencyView.of(old_size=old_size, new_size=new_size, proof=[value.hex() for value in proof])


@router.get("/export", response_class=StreamingResponse)
async def export(
    agency: ThisAgency,
    caller: Auditor,
    log_filter: Filter,
    file_format: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
) -> StreamingResponse:
    """The entries that match the filter, as a file; the header `Attache-Manifest` holds its signed manifest
    (base64url). The export is itself an entry.
    """
    exported = await export_log(agency, caller, log_filter, file_format)
    headers = {"Attache-Manifest": exported.manifest_text}
    return StreamingResponse(exported.chunks, headers=headers, media_type=MEDIA_TYPES[file_format])


@router.get("/follow", response_class=StreamingResponse)
async def follow(
    agency: ThisAgency,
    caller: Auditor,
    log_filter: Filter,
    last_event_id: Annotated[int | None, Header(ge=-1, le=2**53 - 1)] = None,
) -> StreamingResponse:
    """New entries as server-sent events, each with its index as id. `Last-Event-ID` continues after that index."""
    entries = await follow_log(agency, caller, last_event_id, log_filter)
    return StreamingResponse(_events(entries), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(entries: AsyncIterator[EntryView | None]) -> AsyncIterator[str]:
    yield ": following\n\n"
    async for entry in entries:
        yield f"id: {entry.index}\ndata: {entry.model_dump_json()}\n\n" if entry else ": nothing new\n\n"
