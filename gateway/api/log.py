"""The exchange log for auditors: entries, proofs, and the C2SP resources that any tool can check."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN
from attache.package.ids import PackageId, ParticipantId
from attache.package.values import Line
from attache.wire.log import ConsistencyView, EntryPage, EntryView
from gateway.admission import requires
from gateway.admission.contract import PROBLEM
from gateway.api.callers import Auditor, Own
from gateway.exchange.kernel.ports import LogFilter
from gateway.exchange.oversight.audit import consistency_of, entry_of, proof_of, search_log
from gateway.exchange.oversight.export_log import export_log
from gateway.exchange.oversight.follow_log import follow_log
from gateway.exchange_log import EventCode
from gateway.identity import Action

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
AUDITORS = [requires(Action.READ_LOG)]

router = APIRouter(prefix="/log", tags=["log"], responses=PROBLEM)


async def _wanted(
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


Wanted = Annotated[LogFilter, Depends(_wanted)]
Size = Annotated[int, Query(ge=0, le=2**53 - 1)]
Index = Annotated[int, Path(ge=0, le=2**53 - 1)]


@router.get("/checkpoint", response_class=Response, dependencies=AUDITORS)
async def checkpoint(own: Own) -> Response:
    """The newest signed checkpoint (C2SP tlog-checkpoint)."""
    return Response(await own.store.read_log(lambda log: log.checkpoint), media_type="text/plain")


@router.get("/vkeys", response_class=Response, dependencies=AUDITORS)
async def vkeys(own: Own) -> Response:
    """The log's verifier keys, one a line, as our descriptor lists them."""
    return Response("".join(f"{key}\n" for key in own.me.descriptor.log_keys), media_type="text/plain")


@router.get("/tile/{path:path}", response_class=Response, dependencies=AUDITORS)
async def tile(own: Own, path: Annotated[str, Path(max_length=200)]) -> Response:
    """A tile of hashes or a bundle of entries (C2SP tlog-tiles)."""
    found = await own.store.read_log(lambda log: log.resource(f"tile/{path}"))
    return Response(found, media_type="application/octet-stream")


@router.get("/entries")
async def entries(
    own: Own,
    caller: Auditor,
    wanted: Wanted,
    after: Annotated[int, Query(ge=-1, le=2**53 - 1)] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EntryPage:
    """Entries in the order of the log, opened. The search is itself an entry."""
    page = await search_log(own, caller, after, limit, wanted)
    return EntryPage.of(page, entries=page.items)


@router.get("/entries/{index}")
async def entry(own: Own, caller: Auditor, index: Index) -> EntryView:
    """One entry, each of its groups proven to be what the leaf commits to. The look is itself an entry."""
    return await entry_of(own, caller, index)


@router.get("/proofs/inclusion", response_class=Response, dependencies=AUDITORS)
async def proof(own: Own, index: Annotated[int, Query(ge=0, le=2**53 - 1)]) -> Response:
    """The inclusion proof of an entry as a file that verifies offline (C2SP tlog-proof); `extra` is the leaf."""
    return Response(await proof_of(own, index), media_type="text/plain")


@router.get("/proofs/consistency", dependencies=AUDITORS)
async def consistency(own: Own, old_size: Size, new_size: Size) -> ConsistencyView:
    """The proof that nothing was removed or changed between two sizes."""
    proof = await consistency_of(own, old_size, new_size)
    return ConsistencyView.of(old_size=old_size, new_size=new_size, proof=[value.hex() for value in proof])


@router.get("/export", response_class=StreamingResponse)
async def export(
    own: Own,
    caller: Auditor,
    wanted: Wanted,
    file_format: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
) -> StreamingResponse:
    """Exactly the filtered set as a file; `Attache-Manifest` holds its signed manifest (base64url). The export is an entry."""
    made = await export_log(own, caller, wanted, file_format)
    headers = {"Attache-Manifest": made.manifest_text}
    return StreamingResponse(made.chunks, headers=headers, media_type=MEDIA_TYPES[file_format])


@router.get("/follow", response_class=StreamingResponse)
async def follow(
    own: Own, caller: Auditor, wanted: Wanted, last_event_id: Annotated[int | None, Header(ge=-1, le=2**53 - 1)] = None
) -> StreamingResponse:
    """Entries as they are logged, as server-sent events with their index as id; `Last-Event-ID` goes on behind it."""
    entries = await follow_log(own, caller, last_event_id, wanted)
    return StreamingResponse(_events(entries), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(entries: AsyncIterator[EntryView | None]) -> AsyncIterator[str]:
    yield ": following\n\n"
    async for entry in entries:
        yield f"id: {entry.index}\ndata: {entry.model_dump_json()}\n\n" if entry else ": nothing new\n\n"
