"""Officers' standing: who may approve no more, from this moment on."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from attache.vocabulary import Post
from attache.wire.officers import OfficerList, OfficerView
from gateway.admission import read_json
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Auditor, Own, Withdrawer
from gateway.exchange.kernel.officers import list_officers, reinstate_officer, withdraw_officer
from gateway.exchange.shown.office import officer_view

router = APIRouter(prefix="/officers", tags=["officers"], responses=PROBLEM)

Subject = Annotated[str, Field(min_length=1, max_length=256)]
Note = Annotated[str, Field(min_length=1, max_length=2000)]


class Withdrawn(BaseModel):
    """From whom, by the `sub` of their access tokens, and for which posts; all of them where none is named."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    officer: Subject
    posts: Annotated[tuple[Post, ...], Field(max_length=len(Post))] = ()
    note: Note


class Reinstated(BaseModel):
    """Who may approve again."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    officer: Subject
    note: Note


@router.get("")
async def list_all(own: Own, caller: Auditor) -> OfficerList:  # noqa: ARG001 -- who asks only has to be one who may
    """Officers whose standing was changed, by pseudonymous id, the latest change first."""
    return OfficerList(officers=[officer_view(record) for record in await list_officers(own)])


@router.post("/withdrawal", openapi_extra=json_body(Withdrawn))
async def withdraw(request: Request, own: Own, caller: Withdrawer) -> OfficerView:
    """Withdraw approving from an officer. Their approvals no longer count for what has not been released."""
    settings = request.app.state.settings
    given = await read_json(
        request, Withdrawn, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return officer_view(await withdraw_officer(own, caller, given.officer, given.posts, given.note))


@router.post("/reinstatement", openapi_extra=json_body(Reinstated))
async def reinstate(request: Request, own: Own, caller: Withdrawer) -> OfficerView:
    """Let an officer approve again, as far as the access token says."""
    settings = request.app.state.settings
    given = await read_json(
        request, Reinstated, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return officer_view(await reinstate_officer(own, caller, given.officer, given.note))
