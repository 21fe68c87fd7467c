"""The exchange log for auditors: entries, proofs, and the C2SP resources that any tool can check."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN
from gateway.admission import requires
from gateway.admission.contract import PROBLEM
from gateway.api.callers import Auditor, Own
from gateway.exchange.audit import entry_of, proof_of, search_log
from gateway.exchange.ports import LogFilter
from gateway.exchange.views import EntryPage, EntryView
from gateway.exchange_log import EventCode
from gateway.identity import Action

AUDITORS = [requires(Action.READ_LOG)]

router = APIRouter(prefix="/log", tags=["log"], responses=PROBLEM)

Index = Annotated[int, Path(ge=0, le=2**53 - 1)]


@router.get("/checkpoint", response_class=Response, dependencies=AUDITORS)
async def checkpoint(own: Own) -> Response:
    """The newest signed checkpoint (C2SP tlog-checkpoint)."""
    return Response(await own.store.read_log(lambda log: log.checkpoint), media_type="text/plain")


@router.get("/vkeys", response_class=Response, dependencies=AUDITORS)
async def vkeys(own: Own) -> Response:
    """The log's verifier keys, one a line, as our descriptor lists them."""
    return Response(f"{own.me.descriptor.stated.log}\n", media_type="text/plain")


@router.get("/tile/{path:path}", response_class=Response, dependencies=AUDITORS)
async def tile(own: Own, path: Annotated[str, Path(max_length=200)]) -> Response:
    """A tile of hashes or a bundle of entries (C2SP tlog-tiles)."""
    found = await own.store.read_log(lambda log: log.resource(f"tile/{path}"))
    return Response(found, media_type="application/octet-stream")


@router.get("/entries")
async def entries(
    own: Own,
    caller: Auditor,
    after: Annotated[int, Query(ge=-1, le=2**53 - 1)] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    event: EventCode | None = None,
    actor: Annotated[str | None, Query(max_length=255)] = None,
    package_id: Annotated[str | None, Query(pattern=UUID7_PATTERN)] = None,
    partner: Annotated[str | None, Query(pattern=PARTICIPANT_PATTERN)] = None,
) -> EntryPage:
    """Entries in the order of the log, opened. The search is itself an entry."""
    wanted = LogFilter(event, actor, package_id, partner)
    found, following = await search_log(own, caller, after, limit, wanted)
    return EntryPage(entries=found, next=None if following is None else str(following))


@router.get("/entries/{index}", dependencies=AUDITORS)
async def entry(own: Own, index: Index) -> EntryView:
    """One entry, each of its groups proven to be what the leaf commits to."""
    return await entry_of(own, index)


@router.get("/proofs/inclusion", response_class=Response, dependencies=AUDITORS)
async def proof(own: Own, index: Annotated[int, Query(ge=0, le=2**53 - 1)]) -> Response:
    """The inclusion proof of an entry as a file that verifies offline (C2SP tlog-proof); `extra` is the leaf."""
    return Response(await proof_of(own, index), media_type="text/plain")
