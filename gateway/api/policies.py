"""Policies: what is in force and on record, and bringing another set into force with two officers."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, status

from attache.wire.policies import (
    PolicyActivation,
    PolicyDiffView,
    PolicyFilesView,
    PolicyProposal,
    PolicySetList,
    PolicySetView,
)
from gateway.admission import read_json, requires
from gateway.admission.contract import PROBLEM, json_body
from gateway.api.callers import Own, PolicyOfficer
from gateway.exchange.oversight.policies import activate_policies, list_policies, policy_files, propose_policies
from gateway.exchange.oversight.policy_diff import compare_policies, policy_diff_view
from gateway.identity import Action

READERS = [requires(Action.READ_POLICY)]

router = APIRouter(prefix="/policies", tags=["policies"], responses=PROBLEM)

PolicyHash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Against = Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$")]


@router.get("", dependencies=READERS)
async def list_sets(own: Own) -> PolicySetList:
    """Every policy set that was ever proposed, newest first; one is active."""
    return PolicySetList.of(policies=[PolicySetView.of(record) for record in await list_policies(own)])


@router.get("/{policy_sha256}", dependencies=READERS)
async def show(own: Own, policy_sha256: PolicyHash) -> PolicyFilesView:
    """One policy set with the text of its files."""
    record, files = await policy_files(own, policy_sha256)
    return PolicyFilesView.of(record, files=files)


@router.get("/{policy_sha256}/diff", dependencies=[requires(Action.CHANGE_POLICY)])
async def compare(own: Own, policy_sha256: PolicyHash, against: Against = None) -> PolicyDiffView:
    """Who could get what they could not, and who no longer what they could, if this set came into force.

    Compared with the set in force, or with `against`. Each change has a request that shows it, confirmed by the engine under both.
    """
    return policy_diff_view(await compare_policies(own, policy_sha256, against))


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=json_body(PolicyProposal))
async def propose(request: Request, own: Own, caller: PolicyOfficer) -> PolicySetView:
    """Propose a set for activation by another officer. It must load, and its cases hold; the running set stays."""
    settings = request.app.state.settings
    given = await read_json(
        request, PolicyProposal, limit_bytes=settings.max_body_bytes, seconds=settings.body_timeout_seconds
    )
    return PolicySetView.of(await propose_policies(own, caller, given.files, given.note))


@router.post("/{policy_sha256}/activation", openapi_extra=json_body(PolicyActivation))
async def activate(request: Request, own: Own, caller: PolicyOfficer, policy_sha256: PolicyHash) -> PolicySetView:
    """Bring a set that another officer proposed into force, from the next decision on."""
    settings = request.app.state.settings
    given = await read_json(
        request, PolicyActivation, limit_bytes=settings.max_json_bytes, seconds=settings.body_timeout_seconds
    )
    return PolicySetView.of(await activate_policies(own, caller, policy_sha256, given.note))
