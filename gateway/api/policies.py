"""Policy sets: the set in force and earlier ones, and how two officers bring another set into force."""

from typing import Annotated

from fastapi import Path, Query, status

from attache.wire.policies import (
    PolicyActivation,
    PolicyDiffView,
    PolicyFilesView,
    PolicyProposal,
    PolicySetList,
    PolicySetView,
)
from gateway.admission import Json, LargeJson, ThisAgency, api_router, requires
from gateway.api.callers import PolicyOfficer
from gateway.exchange.oversight.policies import activate_policies, list_policies, policy_files, propose_policies
from gateway.exchange.oversight.policy_diff import compare_policies, policy_diff_view
from gateway.identity import Action

READERS = [requires(Action.READ_POLICY)]

router = api_router("policies", "/policies")

PolicyHash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Against = Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$")]


@router.get("", dependencies=READERS)
async def list_sets(agency: ThisAgency) -> PolicySetList:
    """All policy sets that were proposed, newest first. One of them is active."""
    return PolicySetList.of(policies=[PolicySetView.of(record) for record in await list_policies(agency)])


@router.get("/{policy_sha256}", dependencies=READERS)
async def show(agency: ThisAgency, policy_sha256: PolicyHash) -> PolicyFilesView:
    """One policy set with the text of its files."""
    record, files = await policy_files(agency, policy_sha256)
    return PolicyFilesView.of(record, files=files)


@router.get("/{policy_sha256}/diff", dependencies=[requires(Action.CHANGE_POLICY)])
async def compare(agency: ThisAgency, policy_sha256: PolicyHash, against: Against = None) -> PolicyDiffView:
    """What recipients could newly get, and could no longer get, if this set were in force.

    The set is compared with the set in force, or with `against`. Each change has an example request, whose decision
    under both sets the policy engine has confirmed.
    """
    return policy_diff_view(await compare_policies(agency, policy_sha256, against))


@router.post("", status_code=status.HTTP_201_CREATED)
async def propose(agency: ThisAgency, caller: PolicyOfficer, proposal: LargeJson[PolicyProposal]) -> PolicySetView:
    """Propose a set that another officer may activate.

    It must load, and its cases must pass. The set in force does not change.
    """
    return PolicySetView.of(await propose_policies(agency, caller, proposal.files, proposal.note))


@router.post("/{policy_sha256}/activation")
async def activate(
    agency: ThisAgency, caller: PolicyOfficer, policy_sha256: PolicyHash, activation: Json[PolicyActivation]
) -> PolicySetView:
    """Bring a set that another officer proposed into force, from the next decision on."""
    return PolicySetView.of(await activate_policies(agency, caller, policy_sha256, activation.note))
