"""Activate: a policy set is proposed by one officer and activated by another, while the gateway runs.

A proposed set has loaded, and its cases hold. What does not load changes nothing: the running set stays, and the log
says what was refused.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from attache.clock import Clock
from attache.errors import AttacheError, Conflict, IllegalTransition, MalformedInput, Misconfigured, NotPermitted
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.policy_sets import active_set, file_digests, keep_files, policy_set_of, stored_files
from gateway.exchange.kernel.ports import Reader, Store
from gateway.exchange.kernel.records import PolicySetRecord
from gateway.exchange.kernel.state import POLICY_SET, PolicySetEvent, PolicySetState, advance
from gateway.exchange.kernel.work import SYSTEM, Work, commit
from gateway.exchange_log.events.policies import PolicyActivated, PolicyProposed, PolicyRefused
from gateway.identity.caller import Caller
from gateway.policy import PolicySet, load_policy_set
from gateway.policy.cases import parse_cases, run_cases
from gateway.policy.policy_set import policy_set_hash

CASES = "cases/"
MAX_FILES = 4000
MAX_NOTE = 500


@dataclass(frozen=True)
class LoadedSet:
    """A set that has loaded, and how many of its cases hold: all of them."""

    policy: PolicySet
    cases: int


def load_proposal(files: Mapping[str, str], own: str) -> LoadedSet:
    """The policy set and cases (below `cases/`) in these files.

    Raises Misconfigured("policy-not-loaded") naming file, line and rule, MalformedInput("policy-case-fails") naming
    each case that does not hold, and PayloadTooLarge.
    """
    if len(files) > MAX_FILES:
        raise MalformedInput(detail=f"a policy set has at most {MAX_FILES} files")
    rules = {name: text for name, text in files.items() if not name.startswith(CASES)}
    policy = load_policy_set(rules, own)
    cases = [case for name, text in sorted(files.items()) if name.startswith(CASES) for case in parse_cases(text, name)]
    result = run_cases(policy, cases)
    if result.failures:
        raise MalformedInput("policy-case-fails", result.render())
    return LoadedSet(policy, result.count)


async def propose_policies(agency: Agency, caller: Caller, files: Mapping[str, str], note: str) -> PolicySetRecord:
    """Propose a set for activation by another officer. Raises as `load_proposal` does; the refusal is logged."""
    try:
        loaded = await asyncio.to_thread(load_proposal, files, agency.participant)
    except AttacheError as error:
        refused = refusal(agency.participant, files, error)
        await agency.commit(caller, lambda work: work.log(refused))
        raise
    officer = agency.officer(caller)
    return await agency.commit(caller, lambda work: propose(work, loaded, officer, note))


async def activate_policies(agency: Agency, caller: Caller, policy_sha256: str, note: str) -> PolicySetRecord:
    """Bring a proposed set into force, from the next decision on.

    Raises NotFound, NotPermitted("own-submission") for the officer who proposed it, IllegalTransition where it is not
    proposed, and Misconfigured or IntegrityLost where its files on record no longer make it; then nothing changes.
    """
    officer = agency.officer(caller)
    files = await agency.store.read(lambda reader: _activatable(reader, policy_sha256, officer))
    try:
        policy = await asyncio.to_thread(_loaded_again, files, agency.participant, policy_sha256)
    except AttacheError as error:
        refused = refusal(agency.participant, files, error)
        await agency.commit(caller, lambda work: work.log(refused))
        raise
    async with agency.in_force.reloading:
        record = await agency.commit(caller, lambda work: activate(work, policy_sha256, officer, note))
        agency.in_force.policy = policy
    return record


async def list_policies(agency: Agency) -> list[PolicySetRecord]:
    """Every set on record, the newest proposal first."""
    found = await agency.store.read(lambda reader: reader.find(PolicySetRecord.every()))
    return sorted(found, key=lambda record: record.proposed_at, reverse=True)


async def policy_files(agency: Agency, policy_sha256: str) -> tuple[PolicySetRecord, dict[str, str]]:
    """One set with its files; raises NotFound."""

    def query(reader: Reader) -> tuple[PolicySetRecord, dict[str, str]]:
        record = policy_set_of(reader, policy_sha256)
        return record, stored_files(reader, record)

    return await agency.store.read(query)


def propose(work: Work, loaded: LoadedSet, officer: str, note: str) -> PolicySetRecord:
    """Put a set on record as proposed. One that waits already stays as it is; the one in force is a Conflict."""
    policy = loaded.policy
    before = work.get(PolicySetRecord.key(policy.hash))
    if before is not None and before.state is PolicySetState.ACTIVE:
        raise Conflict(detail="this policy set is in force")
    if before is not None and before.state is PolicySetState.PROPOSED:
        return before
    keep_files(work, policy.files)
    proposed = PolicyProposed(policy_sha256=policy.hash, cases=loaded.cases, note=note)
    work.log(proposed)
    if before is not None:
        return work.put(
            before,
            replace(
                before,
                state=advance(POLICY_SET, before.state, PolicySetEvent.PROPOSE),
                cases=loaded.cases,
                proposed_by=officer,
                proposed_at=work.at,
            ),
        )
    record = PolicySetRecord(
        policy.hash, PolicySetState.PROPOSED, file_digests(policy.files), loaded.cases, officer, work.at
    )
    work.add(record)
    return record


def activate(work: Work, policy_sha256: str, officer: str, note: str) -> PolicySetRecord:
    """Retire the set in force, and put this proposed one in its place."""
    record = policy_set_of(work, policy_sha256)
    _require_activatable(record, officer)
    return _put_in_force(work, record, officer, note)


def begin_policies(work: Work, loaded: LoadedSet) -> PolicySetRecord:
    """The first set, which comes with the installation; one already in force stays."""
    before = active_set(work)
    if before is not None:
        return before
    keep_files(work, loaded.policy.files)
    record = PolicySetRecord(
        loaded.policy.hash, PolicySetState.PROPOSED, file_digests(loaded.policy.files), loaded.cases, SYSTEM, work.at
    )
    work.add(record)
    return _put_in_force(work, record, SYSTEM, "installed")


async def load_policies_in_force(store: Store, folder: Mapping[str, str], own: str, clock: Clock) -> PolicySet:
    """The set in force, from the files on record.

    `folder` is what the policy folder holds, and never decides by itself: it is the set in force, or one that officers
    know of (proposed, or retired by a later activation). Anything else was put there without them, and refuses the
    start: Misconfigured("policy-not-activated"), logged. IntegrityLost where the files on record are not those of then.
    """
    active, files = await store.read(_active_files)
    if folder != files and not await store.read(lambda reader: _is_known(reader, folder)):
        error = Misconfigured("policy-not-activated")
        await commit(store, clock, SYSTEM, lambda work: work.log(refusal(own, folder, error)))
        raise error
    policy = await asyncio.to_thread(load_policy_set, files, own)
    if policy.hash != active.policy_sha256:
        # The same files under a new engine: a new set, which came with the installed version.
        await commit(store, clock, SYSTEM, lambda work: _under_new_engine(work, active, policy))
    return policy


def refusal(own: str, files: Mapping[str, str], error: AttacheError) -> PolicyRefused:
    """What says which set was refused, and why."""
    rules = {name: text for name, text in files.items() if not name.startswith(CASES)}
    return PolicyRefused(policy_sha256=policy_set_hash(own, rules), code=error.code, note=str(error)[:MAX_NOTE])


def _put_in_force(work: Work, record: PolicySetRecord, officer: str, note: str) -> PolicySetRecord:
    before = active_set(work)
    if before is not None:
        work.put(before, replace(before, state=advance(POLICY_SET, before.state, PolicySetEvent.RETIRE)))
    activated = PolicyActivated(
        policy_sha256=record.policy_sha256,
        previous_sha256=None if before is None else before.policy_sha256,
        cases=record.cases,
        note=note,
    )
    work.log(activated)
    return work.put(
        record,
        replace(
            record,
            state=advance(POLICY_SET, record.state, PolicySetEvent.ACTIVATE),
            activated_by=officer,
            activated_at=work.at,
        ),
    )


def _under_new_engine(work: Work, active: PolicySetRecord, policy: PolicySet) -> None:
    record = PolicySetRecord(policy.hash, PolicySetState.PROPOSED, active.files, active.cases, SYSTEM, work.at)
    known = work.get(PolicySetRecord.key(policy.hash))
    if known is None:
        work.add(record)
    _put_in_force(work, known or record, SYSTEM, "another engine")


def _active_files(reader: Reader) -> tuple[PolicySetRecord, dict[str, str]]:
    active = active_set(reader)
    if active is None:
        raise Misconfigured(detail="no policy set is in force: run `attache-gateway init`")
    return active, stored_files(reader, active)


def _is_known(reader: Reader, folder: Mapping[str, str]) -> bool:
    digests = json.loads(file_digests(folder))
    return any(json.loads(record.files) == digests for record in reader.find(PolicySetRecord.every()))


def _activatable(reader: Reader, policy_sha256: str, officer: str) -> dict[str, str]:
    record = policy_set_of(reader, policy_sha256)
    _require_activatable(record, officer)
    return stored_files(reader, record)


def _require_activatable(record: PolicySetRecord, officer: str) -> None:
    if record.state is not PolicySetState.PROPOSED:
        raise IllegalTransition(detail=f"the policy set is {record.state}")
    if record.proposed_by == officer:
        raise NotPermitted("own-submission", "another officer activates what one has proposed")


def _loaded_again(files: Mapping[str, str], own: str, policy_sha256: str) -> PolicySet:
    policy = load_policy_set(files, own)
    if policy.hash != policy_sha256:
        raise Misconfigured("policy-not-loaded", "another engine than the one it was proposed under: propose it again")
    return policy
